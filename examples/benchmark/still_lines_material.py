"""Draws pictures with letters and lines: a screen, a slide, a scanned page, a comic, a plot, captions."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
from jpeg_coders import shrunk
from PIL import Image, ImageDraw, ImageFont

from semvid.media.stills.picture import read_picture

SIZE = (640, 448)
_MARGIN = 6
"""Pixels around letters and lines where they could ring."""
_TEXT = (
    "the quick brown fox jumps over a lazy dog while every block of eight pixels waits for its bits and all "
    "letters stay as crisp as they were drawn on this ground of one colour where nothing could hide an error"
)
Colour = tuple[int, int, int]
BLACK: Colour = (24, 24, 28)
WHITE: Colour = (255, 255, 255)


@dataclass
class Sheet:
    """A picture that is drawn, and where there are letters and lines."""

    image: Image.Image
    rng: np.random.Generator
    marks: Image.Image = field(init=False)

    def __post_init__(self) -> None:
        """Begin with nothing marked."""
        self.marks = Image.new("L", self.image.size)
        self._draw, self._mark = ImageDraw.Draw(self.image), ImageDraw.Draw(self.marks)

    def words(self, count: int) -> str:
        """Some words."""
        return " ".join(self.rng.choice(_TEXT.split(), count))

    def text(self, place: tuple[float, float], text: str, size: int, colour: Colour) -> None:
        """Write a line."""
        font = ImageFont.load_default(size=size)
        self._draw.text(place, text, fill=colour, font=font)
        self._mark.rectangle(self._draw.textbbox(place, text, font=font), fill=255)

    def paragraph(self, place: tuple[int, int], width: int, lines: int, size: int, colour: Colour) -> None:
        """Write lines one below the other."""
        for number in range(lines):
            text = self.words(width * 2 // size // 7)
            self.text((place[0], place[1] + round(number * size * 1.4)), text, size, colour)

    def line(self, points: Sequence[tuple[float, float]], colour: Colour, width: int = 1) -> None:
        """Draw a line through points."""
        self._draw.line(points, fill=colour, width=width, joint="curve")
        self._mark.line(points, fill=255, width=width)

    def box(self, box: Sequence[float], fill: Colour, outline: Colour | None = None, width: int = 1) -> None:
        """Fill a rectangle."""
        self._draw.rectangle(box, fill, outline, width)

    def round(self, box: Sequence[float], fill: Colour, outline: Colour, width: int) -> None:
        """Fill an ellipse; its outline is a line."""
        self._draw.ellipse(box, fill, outline, width)
        self._mark.ellipse(box, None, 255, width)

    def region(self) -> np.ndarray:
        """``(h, w)`` of bool: letters, lines, and what is around them."""
        side = 2 * _MARGIN + 1
        return np.asarray(cv2.dilate(np.asarray(self.marks), np.ones((side, side))) > 0)

    def rgb(self) -> np.ndarray:
        """``(h, w, 3)``."""
        return np.asarray(self.image)


def _blank(rng: np.random.Generator, colour: Colour) -> Sheet:
    return Sheet(Image.new("RGB", SIZE, colour), rng)


def screen(rng: np.random.Generator) -> Sheet:
    """A window with a list, a text, and buttons."""
    sheet = _blank(rng, (245, 246, 248))
    sheet.box((0, 0, SIZE[0], 34), (52, 60, 76))
    sheet.text((12, 8), "Settings", 16, WHITE)
    sheet.box((0, 35, 170, SIZE[1]), (228, 231, 236))
    for number in range(11):
        if number == 3:
            sheet.box((4, 46 + 34 * number, 166, 74 + 34 * number), (40, 110, 220))
        sheet.text((14, 50 + 34 * number), sheet.words(3), 13, WHITE if number == 3 else BLACK)
    sheet.text((190, 46), sheet.words(4), 22, BLACK)
    sheet.paragraph((190, 86), 430, 9, 12, (70, 74, 84))
    sheet.box((190, 250, 620, 380), WHITE, (200, 204, 212))
    sheet.paragraph((200, 258), 400, 6, 13, BLACK)
    for number, colour in enumerate(((40, 110, 220), (200, 50, 50), (120, 125, 135))):
        sheet.box((190 + 120 * number, 400, 296 + 120 * number, 430), colour)
        sheet.text((206 + 120 * number, 406), sheet.words(1), 14, WHITE)
    return sheet


def slide(rng: np.random.Generator) -> Sheet:
    """A title, points, and bars, on a slope of colour."""
    slope = np.linspace(0, 1, SIZE[0])[None, :, None] * np.linspace(0.4, 1, SIZE[1])[:, None, None]
    ground = np.array([18, 32, 74]) + slope * np.array([30, 60, 90])
    sheet = Sheet(Image.fromarray(np.rint(ground).astype(np.uint8)), rng)
    sheet.text((36, 26), sheet.words(4), 36, WHITE)
    sheet.line([(36, 78), (604, 78)], (255, 180, 60), 3)
    for number in range(5):
        sheet.round((40, 112 + 56 * number, 52, 124 + 56 * number), (255, 180, 60), WHITE, 1)
        sheet.text((66, 104 + 56 * number), sheet.words(4), 22, (235, 238, 245))
    for number in range(5):
        top = 380 - float(rng.integers(40, 240))
        sheet.box((400 + 44 * number, top, 432 + 44 * number, 380), (90, 170, 240))
        sheet.text((404 + 44 * number, 386), str(2020 + number), 12, WHITE)
    return sheet


def plot(rng: np.random.Generator) -> Sheet:
    """Axes, a grid, curves in colours, a key."""
    sheet = _blank(rng, WHITE)
    for number in range(11):
        x, y = 60 + 54 * number, 40 + 35 * number
        sheet.line([(x, 40), (x, 390)], (225, 225, 225))
        sheet.line([(60, y), (600, y)], (225, 225, 225))
        sheet.text((x - 10, 396), f"{number / 10:.1f}", 12, BLACK)
        sheet.text((26, y - 8), f"{100 - 10 * number}", 12, BLACK)
    sheet.line([(60, 40), (60, 390), (600, 390)], BLACK, 2)
    for number, colour in enumerate(((31, 119, 180), (214, 39, 40), (44, 160, 44), (20, 20, 20))):
        walk = np.cumsum(rng.normal(0, 9, 91)) + 215
        sheet.line([(60 + 6 * i, float(np.clip(y, 44, 386))) for i, y in enumerate(walk)], colour, 2)
        sheet.text((470, 50 + 18 * number), sheet.words(2), 13, colour)
    sheet.text((200, 10), sheet.words(5), 18, BLACK)
    return sheet


def page(rng: np.random.Generator) -> Sheet:
    """A scanned page: turned by a degree, unsharp, grainy."""
    sheet = _blank(rng, (247, 244, 236))
    sheet.text((60, 24), sheet.words(4), 24, (35, 32, 30))
    for column in range(2):
        sheet.paragraph((40 + 290 * column, 70), 270, 19, 14, (35, 32, 30))
    turn = cv2.getRotationMatrix2D((SIZE[0] / 2, SIZE[1] / 2), 1.0, 1.0)
    turned = cv2.warpAffine(sheet.rgb(), turn, SIZE, flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
    grainy = cv2.GaussianBlur(turned, (0, 0), 0.6) + rng.normal(0, 2.0, (*SIZE[::-1], 1))
    marks = cv2.warpAffine(np.asarray(sheet.marks), turn, SIZE)
    sheet.image = Image.fromarray(np.clip(np.rint(grainy), 0, 255).astype(np.uint8))
    sheet.marks = Image.fromarray(marks)
    return sheet


def comic(rng: np.random.Generator) -> Sheet:
    """Outlines around plain colours, and words in a balloon."""
    large = Sheet(Image.new("RGB", (2 * SIZE[0], 2 * SIZE[1]), (250, 214, 120)), rng)
    for _ in range(14):
        x, y = float(rng.integers(0, 1100)), float(rng.integers(300, 800))
        width, height = float(rng.integers(80, 300)), float(rng.integers(80, 300))
        fill = tuple(int(one) for one in rng.integers(60, 255, 3))
        large.round((x, y, x + width, y + height), (fill[0], fill[1], fill[2]), BLACK, 7)
    for _ in range(16):
        x, y = float(rng.integers(0, 1280)), float(rng.integers(300, 896))
        angle = np.linspace(0, math.pi, 12)
        large.line([(x + 12 * i, y + 60 * math.sin(2 * a)) for i, a in enumerate(angle)], BLACK, 5)
    large.round((60, 30, 900, 300), WHITE, BLACK, 6)
    for number in range(3):
        large.text((230, 70 + 62 * number), large.words(3).upper(), 40, BLACK)
    large.image = large.image.resize(SIZE, Image.Resampling.BOX)
    large.marks = large.marks.resize(SIZE, Image.Resampling.BOX)
    return large


def captioned(photograph: np.ndarray, rng: np.random.Generator) -> Sheet:
    """A photograph with a caption, and words written on it."""
    sheet = Sheet(Image.fromarray(photograph).crop((0, 0, *SIZE)), rng)
    sheet.box((0, SIZE[1] - 60, SIZE[0], SIZE[1]), BLACK)
    sheet.text((20, SIZE[1] - 52), sheet.words(8), 18, WHITE)
    sheet.text((20, SIZE[1] - 28), sheet.words(8), 14, (255, 220, 60))
    sheet.text((30, 24), sheet.words(3), 30, WHITE)
    return sheet


def drawings(seed: int) -> Iterator[tuple[str, Sheet]]:
    """Yield kinds and pictures."""
    for make in (screen, slide, plot, page, comic):
        yield make.__name__, make(np.random.default_rng(seed))


def with_captions(paths: Sequence[Path]) -> Iterator[tuple[str, Sheet]]:
    """Yield photographs with words."""
    for number, path in enumerate(paths):
        yield "captions", captioned(shrunk(read_picture(path).pixels), np.random.default_rng(number))
