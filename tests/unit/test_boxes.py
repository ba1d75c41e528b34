import pytest

from semvid.core.errors import MapError
from semvid.importance.files.boxes import Box, read_boxes


def write(folder, text):
    path = folder / "boxes.txt"
    path.write_text(text)
    return path


def test_json_lines(tmp_path):
    text = '{"frame": 3, "box": [1, 2.5, 30, 40], "class": "person", "score": 0.5}\n\n{"frame": 4, "box": [0, 0, 9, 9]}\n'
    assert read_boxes(write(tmp_path, text)) == [
        Box(3, 1, 2.5, 30, 40, 0.5, 1),
        Box(4, 0, 0, 9, 9, 1.0, 3),
    ]


def test_mot_counts_frames_from_one_and_takes_unknown_confidence(tmp_path):
    text = "1,7,10,20,30,40,-1,-1,-1,-1\n2,7,11,20,30,40,0.75,1,1\n"
    assert read_boxes(write(tmp_path, text)) == [
        Box(0, 10, 20, 30, 40, 1.0, 1),
        Box(1, 11, 20, 30, 40, 0.75, 2),
    ]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('{"frame": 0, "box": [1, 2, 3]}', "line 1: box has 3 items instead of 4"),
        ('{"box": [1, 2, 3, 4]}', "line 1: frame is missing"),
        ('{"frame": 5, "box": [1, 2, 0, 4]}', "line 1: frame 5: a box needs a positive width"),
        ('{"frame": 5, "box": [1, 2, 3, 4], "score": 7}', "line 1: score is 7, not a number from 0 to 1"),
        ('{"frame": -2, "box": [1, 2, 3, 4]}', "line 1: frame is -2, not a whole number from 0"),
        ('{"frame": 0, "box": [1, 2, 3, 4]}\n{"frame"', "line 2:"),
        ("1,2,3", "line 1: 3 fields"),
        ("1,1,nan,0,5,5,1", "line 1: field 3 is 'nan', not a number"),
        ("hello", "line 1: 1 field where"),
    ],
)
def test_malformed_lines_are_named(tmp_path, text, words):
    with pytest.raises(MapError, match=words):
        read_boxes(write(tmp_path, text))


def test_missing_and_binary_files(tmp_path):
    with pytest.raises(MapError, match="does not exist"):
        read_boxes(tmp_path / "none.jsonl")
    path = tmp_path / "binary"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(MapError, match="is not UTF-16-LE text"):
        read_boxes(path)
