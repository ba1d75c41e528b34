"""Scenes of cartoons: flat drawings, and a still of an animated film."""

from __future__ import annotations

import math

import cv2
import numpy as np
from scene_stage import HEIGHT, WIDTH, Colour, Photographs, Pixels, Stage, grainy
from scenes_photographed import Draw

_SKY: Colour = (190, 230, 250)
_LINE: Colour = (30, 25, 30)


def _hills(width: int, seed: int, low: float, high: float) -> list[tuple[float, float]]:
    rng = np.random.default_rng(seed)
    x = np.arange(-200, width + 201, 20)
    waves = sum(rng.uniform(0.4, 1) * np.sin(x / rng.uniform(40, 120) + rng.uniform(0, 6)) for _ in range(3))
    y = low + (high - low) * (waves - waves.min()) / np.ptp(waves)
    return [
        (-200.0, 400.0),
        *((float(a), float(b)) for a, b in zip(x, y, strict=True)),
        (width + 200.0, 400.0),
    ]


def _toon(stage: Stage, x: float, y: float, skin: Colour, shirt: Colour, mouth: float, blink: bool) -> None:
    """Draw a flat character from the waist up."""
    stage.ellipse((x, y + 95), (50, 60), _LINE, matters=True)
    stage.ellipse((x, y + 96), (47, 57), shirt, matters=True)
    stage.ellipse((x, y), (42, 46), _LINE, matters=True)
    stage.ellipse((x, y), (39, 43), skin, matters=True)
    stage.ellipse((x, y - 32), (37, 18), (90, 50, 30), matters=True)
    for side in (-1, 1):
        stage.ellipse((x + 15 * side, y - 5), (9, 2 if blink else 11), (255, 255, 255))
        if not blink:
            stage.ellipse((x + 15 * side + 2, y - 4), (4, 5), _LINE)
    stage.ellipse((x, y + 20), (12, 2 + 7 * mouth), (140, 40, 50))


def two_talk(photographs: Photographs, rng: np.random.Generator) -> Draw:
    """Two flat characters talk."""

    def draw(frame: int) -> Stage:
        stage = Stage(np.full((HEIGHT, WIDTH, 3), (250, 214, 150), np.uint8))
        stage.box(0, 190, 480, 80, (190, 120, 80))
        stage.box(200, 30, 80, 90, (120, 190, 230))
        stage.box(237, 30, 6, 90, (250, 245, 235))
        stage.box(30, 130, 60, 60, (150, 90, 60))
        stage.ellipse((60, 105), (26, 30), (90, 160, 90))
        talk = abs(math.sin(0.8 * frame))
        _toon(
            stage,
            150,
            130 + 2 * math.sin(0.4 * frame),
            (255, 205, 170),
            (70, 120, 200),
            talk,
            frame % 24 == 9,
        )
        _toon(
            stage,
            335 + 3 * math.sin(0.3 * frame),
            140,
            (200, 150, 115),
            (220, 80, 90),
            0.1,
            frame in (15, 16),
        )
        return stage

    return draw


def toon_drive(photographs: Photographs, rng: np.random.Generator) -> Draw:
    """A car drives past hills at different speeds; the camera follows it."""
    far, near = _hills(1200, 1, 120, 170), _hills(1400, 2, 165, 205)

    def draw(frame: int) -> Stage:
        stage = Stage(np.full((HEIGHT, WIDTH, 3), (150, 215, 250), np.uint8))
        stage.ellipse((400, 45), (26, 26), (255, 235, 120))
        stage.fill([(x - 3 * frame, y) for x, y in far], (120, 180, 130))
        stage.fill([(x - 8 * frame, y) for x, y in near], (80, 150, 80))
        for index in range(9):
            x = 90 * index - 8 * frame
            stage.box(x, 165, 8, 40, (110, 75, 50))
            stage.ellipse((x + 4, 155), (20, 24), (40, 110, 60))
        stage.box(0, 205, 480, 65, (95, 95, 105))
        for index in range(12):
            stage.box(80 * index - (14 * frame) % 80, 236, 40, 5, (240, 235, 200))
        bounce = 1.5 * math.sin(1.3 * frame)
        x, y = 190 + 0.8 * frame, 196 + bounce
        stage.fill([(x + 25, y), (x + 42, y - 30), (x + 95, y - 30), (x + 115, y)], _LINE, matters=True)
        stage.fill(
            [(x + 32, y - 2), (x + 45, y - 26), (x + 66, y - 26), (x + 66, y - 2)],
            (190, 230, 250),
            matters=True,
        )
        stage.fill(
            [(x + 71, y - 2), (x + 71, y - 26), (x + 93, y - 26), (x + 107, y - 2)],
            (190, 230, 250),
            matters=True,
        )
        stage.box(x, y - 2, 140, 34, _LINE, matters=True)
        stage.box(x + 3, y + 1, 134, 28, (220, 50, 60), matters=True)
        for wheel in (30, 108):
            stage.ellipse((x + wheel, y + 32), (17, 17), _LINE, matters=True)
            stage.box(x + wheel - 9, y + 30, 18, 4, (200, 200, 205), turn=40 * frame, matters=True)
        return stage

    return draw


def fish(photographs: Photographs, rng: np.random.Generator) -> Draw:
    """Two fish swim between plants that sway."""

    def swim(stage: Stage, x: float, y: float, size: float, beat: float, colour: Colour) -> None:
        for grow, paint in ((1.0, (25, 25, 40)), (0.92, colour)):
            tail = size * (1.0 + 0.1 * beat)
            stage.fill([(x + 0.8 * size, y), (x + 0.8 * size + tail * grow, y - 0.6 * size * grow),
                        (x + 0.8 * size + tail * grow, y + 0.6 * size * grow)], paint, matters=True)  # type: ignore[arg-type] # fmt: skip
            stage.ellipse((x, y), (1.3 * size * grow, 0.75 * size * grow), paint, matters=True)  # type: ignore[arg-type]
        stage.ellipse((x - 0.7 * size, y - 0.15 * size), (0.2 * size, 0.22 * size), (255, 255, 255))
        stage.ellipse((x - 0.75 * size, y - 0.15 * size), (0.09 * size, 0.11 * size), (20, 20, 30))

    rows = np.linspace(0, 1, HEIGHT)[:, None, None]
    steps = np.floor(rows * 7) / 7
    water = np.broadcast_to((1 - steps) * (110, 205, 230) + steps * (25, 90, 150), (HEIGHT, WIDTH, 3))
    sea = np.ascontiguousarray(water.astype(np.uint8))

    def draw(frame: int) -> Stage:
        stage = Stage(sea)
        stage.box(0, 238, 480, 32, (225, 205, 150))
        for index in range(9):
            x, lean = 30 + 55 * index, 8 * math.sin(0.25 * frame + index)
            stage.fill(
                [(x, 245), (x + 14, 245), (x + 9 + lean, 150 + 9 * (index % 4))],
                (40, 140, 90 + 12 * (index % 3)),
            )
        stage.ellipse((90, 236), (30, 14), (120, 110, 120))
        beat = math.sin(1.1 * frame)
        swim(stage, 330 - 6 * frame, 110 + 5 * math.sin(0.4 * frame), 34, beat, (250, 150, 50))
        swim(stage, 430 - 4 * frame, 190, 20, -beat, (250, 225, 80))
        for index in range(6):
            stage.ellipse((60 + 70 * index, (230 - 5 * frame - 37 * index) % 240), (4, 4), (215, 240, 250))
        return stage

    return draw


def film(photographs: Photographs, rng: np.random.Generator) -> Draw:
    """A frame of an animated film, towards which the camera moves."""
    name = "bigbuckbunny__bigbuckbunny__00125"
    still: Pixels = np.asarray(
        cv2.resize(photographs.picture(name), (576, 324), interpolation=cv2.INTER_CUBIC)
    )
    alpha = photographs.foreground(name)
    _, labels, boxes, _ = cv2.connectedComponentsWithStats((alpha > 127).astype(np.uint8))
    alone = np.where(labels == 1 + int(np.argmax(boxes[1:, cv2.CC_STAT_AREA])), 255, 0).astype(np.uint8)
    animal = np.dstack([still, cv2.resize(alone, (576, 324), interpolation=cv2.INTER_LINEAR)])

    def draw(frame: int) -> Stage:
        stage = Stage(still, centre=(270 + 1.2 * frame, 160), zoom=0.95 + 0.006 * frame)
        stage.paste(animal, (287.5, 161.5), 324)
        stage.rgb = grainy(stage.rgb, rng, 1)
        return stage

    return draw


CARTOONS = {"cartoon": (two_talk, toon_drive, fish, film)}
"""Makers of scenes by domain."""
