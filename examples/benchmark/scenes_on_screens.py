"""Scenes on screens, as recordings show them."""

from __future__ import annotations

import cv2
import numpy as np
import skimage.data
from scene_stage import HEIGHT, WIDTH, Colour, Photographs, Stage
from scenes_photographed import Draw

_CODE = """\
def area_of(shape):
    total = 0
    for side in shape.sides:
        total += side.length ** 2
    return total / 4

class Window:
    def resize(self, width):
        self.width = max(width, 80)
        self.redraw()

    def close(self):
        self.is_open = False""".splitlines()
_PARAGRAPH = """\
The ferry leaves the old harbour at seven
and reaches the island before noon. Take
a coat: even in July the wind is cold,
and there is no shelter on the deck.
From the landing a narrow path leads up
to the lighthouse. It was built in 1871
of granite from the quarry near by, and
its lamp can be seen for twenty miles.""".splitlines()
_LOG = """\
$ build --all
reading 214 files
compile core/geometry
compile core/text
compile media/reader
warning: name shadows a builtin
compile engine/stages
link library
test 1 of 318 ... ok
test 2 of 318 ... ok
test 3 of 318 ... ok
test 4 of 318 ... FAILED
test 5 of 318 ... ok
test 6 of 318 ... ok
test 7 of 318 ... ok""".splitlines()


def _pointer(stage: Stage, x: float, y: float) -> None:
    shape = [(0, 0), (0, 15), (3.5, 12), (6, 17.5), (8.5, 16.5), (6, 11), (11, 11)]
    stage.fill([(x + 1.2 * a - 1, y + 1.2 * b - 1.5) for a, b in shape], (255, 255, 255), matters=True)
    stage.fill([(x + a, y + b) for a, b in shape], (10, 10, 10), matters=True)


def editor(photographs: Photographs, rng: np.random.Generator) -> Draw:
    """Someone types in an editor; the text matters, the lists beside it do not."""

    def draw(frame: int) -> Stage:
        stage = Stage(np.full((HEIGHT, WIDTH, 3), (30, 32, 38), np.uint8))
        stage.box(0, 0, 480, 18, (52, 55, 64))
        for index, colour in enumerate(((240, 95, 90), (245, 190, 80), (100, 200, 90))):
            stage.ellipse((12 + 14 * index, 9), (4, 4), colour)
        stage.box(0, 18, 92, 252, (38, 41, 49))
        for index in range(14):
            stage.box(10 + 8 * (index % 3 > 0), 28 + 16 * index, 34 + (index * 37) % 38, 5, (92, 98, 112))
        typed = [*_CODE[:9], "        self.scale = width / self.height"[: 8 + 2 * frame], *_CODE[10:]]
        for index, line in enumerate(typed):
            stage.box(100, 32 + 17 * index, 8, 5, (80, 84, 96))
            colour: Colour = (
                (198, 150, 230) if line.strip().startswith(("def", "class", "for")) else (205, 212, 220)
            )
            indent = len(line) - len(line.lstrip())
            stage.write(line.lstrip(), 118 + 7 * indent, 26 + 17 * index, 12, colour)
        if frame % 12 < 8:
            caret = 174 + 6.2 * len(typed[9].lstrip())
            stage.box(caret, 26 + 17 * 9, 1.5, 14, (255, 255, 255), matters=True)
        return stage

    return draw


def dialog(photographs: Photographs, rng: np.random.Generator) -> Draw:
    """A question before a landscape, and a pointer on the way to its button."""
    picture = cv2.resize(photographs.picture("scene500__426"), (WIDTH, WIDTH))[105:375]
    wallpaper = np.ascontiguousarray(picture)

    def draw(frame: int) -> Stage:
        stage = Stage(wallpaper)
        stage.box(0, 252, 480, 18, (28, 30, 36))
        for index in range(7):
            stage.box(8 + 22 * index, 255, 12, 12, (60 + 25 * index, 190 - 20 * index, 160))
        for row in range(4):
            stage.box(16, 14 + 52 * row, 26, 26, (235, 205 - 30 * row, 110 + 30 * row))
            stage.box(12, 44 + 52 * row, 34, 5, (240, 240, 240))
        if frame >= 4:
            stage.box(149, 73, 212, 122, (70, 70, 75))
            stage.box(146, 70, 212, 122, (244, 244, 246), matters=True)
            stage.box(146, 70, 212, 18, (66, 110, 190), matters=True)
            stage.write("Save changes?", 154, 71, 12, (255, 255, 255))
            stage.write("The drawing was changed. If you", 158, 98, 12, (40, 40, 40))
            stage.write("close it now, the changes are lost.", 158, 114, 12, (40, 40, 40))
            for left, word in ((178, "Save"), (266, "Discard")):
                stage.box(left, 150, 68, 24, (210, 214, 222), matters=True)
                stage.write(word, left + 16, 153, 13, (30, 30, 30))
        _pointer(stage, 420 - 9 * frame, 235 - 3 * frame)
        return stage

    return draw


def article(photographs: Photographs, rng: np.random.Generator) -> Draw:
    """A page with a photograph is scrolled; its text and picture matter, the margins do not."""
    cat = np.dstack([skimage.data.chelsea(), np.full((300, 451), 255, np.uint8)])

    def draw(frame: int) -> Stage:
        stage = Stage(np.full((HEIGHT, WIDTH, 3), 252, np.uint8))
        stage.box(0, 0, 72, 270, (236, 238, 242))
        stage.box(408, 0, 72, 270, (236, 238, 242))
        top = 20 - 4.0 * max(frame - 3, 0)
        stage.write("The lighthouse and its cats", 90, top, 20, (20, 20, 30))
        stage.paste(cat, (168, top + 92), 104)
        for index, line in enumerate(_PARAGRAPH * 3):
            beside = index < 6
            left = 258 if beside else 90
            y = top + 40 + 17 * index if beside else top + 156 + 17 * (index - 6)
            stage.write(
                line[:24] if beside else line + " " + _PARAGRAPH[index % 5][:12], left, y, 12, (50, 50, 56)
            )
        stage.box(0, 0, 480, 16, (222, 225, 230))
        stage.truth[:16] = 0
        stage.box(110, 3, 260, 10, (255, 255, 255))
        return stage

    return draw


def terminal(photographs: Photographs, rng: np.random.Generator) -> Draw:
    """Lines run through a terminal that covers half of the screen."""
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH].astype(np.float32)
    behind = np.stack([60 + 0.2 * x, 70 + 0.25 * y, 120 - 0.1 * x], -1).clip(0, 255).astype(np.uint8)

    def draw(frame: int) -> Stage:
        stage = Stage(behind)
        stage.box(120, 30, 330, 215, (14, 16, 18))
        stage.box(120, 30, 330, 14, (70, 74, 80))
        shown = _LOG[: 6 + frame // 2][-13:]
        for index, line in enumerate(shown):
            colour: Colour = (
                (240, 90, 80) if "FAIL" in line else (240, 200, 90) if "warn" in line else (170, 220, 170)
            )
            stage.write(line, 128, 48 + 15 * index, 12, colour)
        return stage

    return draw


SCREENS = {"screen": (editor, dialog, article, terminal)}
"""Makers of scenes by domain."""
