"""What notebooks show of results."""

from pathlib import Path

import pytest

import semvid
from semvid.core import notebook


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (0, "0 bytes"),
        (999, "999 bytes"),
        (1000, "1.00 kB"),
        (827_400, "827 kB"),
        (999_600, "1.00 MB"),
        (1_740_000, "1.74 MB"),
        (25_000_000_000, "25.0 GB"),
    ],
)
def test_sizes_have_three_digits(count, text):
    assert notebook.size(count) == text


def test_a_video():
    result = semvid.Result(
        Path("a.mp4"), Path("b.mp4"), "x264", 26.0, 250, 10.0, 2_000_000, 1_000_000, 900_000, None, 4.2, False,
        saving=0.28, saving_error=3.2,
    )  # fmt: skip
    shown = result._repr_html_()
    assert "2.00 MB -&gt; 1.00 MB (-50 %)" in shown
    assert "-28 ± 4 %" in shown
    assert "<caption>b.mp4</caption>" in shown


def test_a_picture_is_shown_if_it_is_small(tmp_path):
    output = tmp_path / "a.jpg"
    output.write_bytes(b"\xff\xd8")
    result = semvid.ImageResult(Path("a.png"), output, 80, 100, 2, ("it was <large>",))
    assert 'src="data:image/jpeg;base64,/9g="' in result._repr_html_()
    assert "it was &lt;large&gt;" in result._repr_html_()
    output.write_bytes(bytes(2 << 20))
    assert "<img" not in result._repr_html_()
    output.unlink()
    assert "<img" not in result._repr_html_()


def test_pictures_maps_and_scores():
    failure = semvid.core.results.ImageFailure(Path("c.png"), "is no picture")
    many = semvid.ImagesResult((semvid.ImageResult(Path("a"), Path("b"), 80, 0, 2, ()),), (failure,), {}, 1.0)
    assert "is no picture" in many._repr_html_()
    assert "12 bytes" in semvid.ExportResult(Path("a"), Path("b.svmap"), 3, 12)._repr_html_()
    pooled = {"psnr": semvid.Pooled(40.126, 40, 38, 37, 36)}
    shown = semvid.Comparison(Path("a.mp4"), Path("b.mp4"), (0.0,), {"psnr": (40.0,)}, pooled)._repr_html_()
    assert "<td style='text-align:right;overflow-wrap:break-word'>40.13</td>" in shown
    assert "b.mp4 against a.mp4" in shown
