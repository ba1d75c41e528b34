"""What somebody corrected is there another day, also where it cannot be read."""

from semvid.importance.edits.edits import Edit, Edits
from semvid.importance.edits.shapes import Polygon
from semvid.studio.kept_edits import keep_edits, kept_edits

EDITS = Edits((Edit(5, Polygon(((0.1, 0.1), (0.5, 0.1), (0.5, 0.5))), matters=True),))


def test_edits_are_read_back(tmp_path):
    keep_edits(tmp_path / "a.json", EDITS)
    assert kept_edits(tmp_path / "a.json") == EDITS
    assert kept_edits(tmp_path / "none.json") == Edits()


def test_what_cannot_be_read_is_put_aside(tmp_path):
    later = '{"version": 99, "done": [], "undone": []}'
    (tmp_path / "a.json").write_text(later)
    assert kept_edits(tmp_path / "a.json") == Edits()
    keep_edits(tmp_path / "a.json", EDITS)
    assert (tmp_path / "a.json.unread").read_text() == later
