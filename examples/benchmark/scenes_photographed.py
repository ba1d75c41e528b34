"""Scenes made of photographs: faces in meetings, and what cameras see at night."""

from __future__ import annotations

import math
from collections.abc import Callable

import cv2
import numpy as np
import skimage.data
from scene_stage import (
    HEIGHT,
    WIDTH,
    Colour,
    Photographs,
    Pixels,
    Stage,
    darkened,
    grainy,
    ground,
    textured,
)

Draw = Callable[[int], Stage]
"""Draws the frame of an index."""

_ASTRONAUT = (
    153, 70, 158, 52, 172, 40, 190, 32, 205, 22, 230, 15, 255, 22, 280, 40, 296, 60, 301, 85, 295, 105, 282,
    122, 272, 135, 265, 136, 258, 160, 262, 175, 290, 195, 303, 225, 305, 238, 335, 252, 347, 280, 358, 320,
    366, 352, 320, 372, 295, 400, 280, 440, 278, 512, 40, 512, 25, 450, 20, 400, 25, 340, 45, 280, 70, 245,
    105, 222, 118, 205, 118, 190, 130, 165, 150, 150, 182, 148, 178, 131, 168, 122, 158, 105, 153, 85,
)  # fmt: skip
"""Outline of the astronaut in scikit-image's photograph, x and y in turns."""


def _room(wall: Colour, seed: int) -> Pixels:
    """Draw a wall with a window, a picture and a shelf of books, out of focus."""
    rng = np.random.default_rng(seed)
    stage = Stage(textured(WIDTH, HEIGHT, wall, 5, seed=seed))
    light = np.linspace(1.12, 0.85, WIDTH)[None, :, None]
    stage.rgb = np.clip(stage.rgb * light, 0, 255).astype(np.uint8)
    stage.box(30, 20, 95, 120, (225, 232, 240))
    stage.box(74, 20, 6, 120, (150, 140, 130))
    stage.box(330, 30, 70, 50, (90, 70, 50))
    stage.box(336, 36, 58, 38, (120, 150, 140))
    for row in (150, 205):
        stage.box(290, row + 40, 190, 6, (110, 80, 55))
        left = 295.0
        while left < 465:
            width = float(rng.uniform(6, 14))
            tall = float(rng.uniform(25, 40))
            stage.box(left, row + 40 - tall, width, tall, tuple(map(int, rng.integers(40, 190, 3))))  # type: ignore[arg-type]
            left += width + 1
    return np.asarray(cv2.GaussianBlur(stage.rgb, (0, 0), 2.5), np.uint8)


def _sway(frame: int, seed: int, size: float = 1.0) -> tuple[float, float, float]:
    """Where a person who talks has moved: right, down, and turned by degrees."""
    a, b = 0.21 + 0.05 * seed, 0.35 + 0.03 * seed
    return (
        size * 4 * math.sin(a * frame + seed),
        size * 2 * math.sin(b * frame + 2 * seed),
        2 * math.sin(a * frame),
    )


def speaker(photographs: Photographs, rng: np.random.Generator) -> Draw:
    """One face before a wall."""
    room, person = _room((196, 188, 170), 1), photographs.cut("caltech101__Faces__image_0159")

    def draw(frame: int) -> Stage:
        stage = Stage(room)
        x, y, turn = _sway(frame, 1)
        stage.paste(person, (215 + x, 165 + y), 225, turn=turn)
        stage.rgb = grainy(stage.rgb, rng)
        return stage

    return draw


def call_of_four(photographs: Photographs, rng: np.random.Generator) -> Draw:
    """Four tiles, each with someone in a room."""
    people = [
        photographs.cut("caltech101__Faces__image_0159"),
        photographs.cut("osie__1615", bottom=0.75),
        photographs.cut("osie__1574", 0.4, 0.95, 0.1, 0.75),
        photographs.cut("osie__1162", 0.53, 0.97, 0.1),
    ]
    walls: list[Colour] = [(180, 190, 200), (205, 185, 160), (150, 165, 150), (120, 110, 120)]
    rooms = [_room(wall, seed) for seed, wall in enumerate(walls)]
    corners = [(0, 0), (240, 0), (0, 135), (240, 135)]

    def draw(frame: int) -> Stage:
        whole = Stage(np.full((HEIGHT, WIDTH, 3), 24, np.uint8))
        for index, (left, top) in enumerate(corners):
            tile = Stage(rooms[index])
            x, y, turn = _sway(frame, index, 1.5 if index == 2 else 0.5)
            tile.paste(people[index], (240 + x, 170 + y), 215, turn=turn)
            inside = np.s_[top + 2 : top + 133, left + 2 : left + 238]
            whole.rgb[inside] = cv2.resize(tile.rgb, (236, 131), interpolation=cv2.INTER_AREA)
            whole.truth[inside] = cv2.resize(tile.truth, (236, 131), interpolation=cv2.INTER_AREA)
        whole.rgb = grainy(whole.rgb, rng, 1)
        return whole

    return draw


def two_in_hand(photographs: Photographs, rng: np.random.Generator) -> Draw:
    """Two people and a camera that is held by hand."""
    behind = cv2.resize(photographs.picture("osie__1488"), (560, 420), interpolation=cv2.INTER_CUBIC)
    room = np.asarray(cv2.GaussianBlur(behind, (0, 0), 3), np.uint8)
    one, other = photographs.cut("osie__1615", bottom=0.9), photographs.cut("caltech101__Faces__image_0159")
    shake = cv2.GaussianBlur(rng.normal(0, 14, (64, 2)), (1, 0), sigmaX=0.1, sigmaY=3)

    def draw(frame: int) -> Stage:
        dx, dy = shake[frame]
        stage = Stage(room, centre=(280 + float(dx), 220 + float(dy)), turn=float(dx) / 8)
        x, y, turn = _sway(frame, 2, 0.6)
        stage.paste(other, (365 + x, 235 + y), 250, turn=turn)
        x, y, turn = _sway(frame, 3, 0.6)
        stage.paste(one, (205 + x, 260 + y), 225, turn=turn)
        stage.rgb = grainy(stage.rgb, rng)
        return stage

    return draw


def portrait(photographs: Photographs, rng: np.random.Generator) -> Draw:
    """A photograph of an astronaut, towards which the camera moves."""
    picture, mask = np.asarray(skimage.data.astronaut(), np.uint8), np.zeros((512, 512), np.uint8)
    cv2.fillPoly(mask, [np.array(_ASTRONAUT, np.int32).reshape(-1, 2)], 255, cv2.LINE_AA)
    person = np.dstack([picture, cv2.GaussianBlur(mask, (0, 0), 1)])

    def draw(frame: int) -> Stage:
        stage = Stage(picture, centre=(250, 180 - 1.5 * frame), zoom=0.95 + 0.012 * frame)
        stage.paste(person, (255.5, 255.5), 512)
        stage.rgb = grainy(stage.rgb, rng, 3)
        return stage

    return draw


def _street(photographs: Photographs, name: str, width: int = WIDTH) -> Pixels:
    picture = photographs.picture(name)
    scale = width / picture.shape[1]
    large = cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC)
    top = max((large.shape[0] - HEIGHT) // 2, 0)
    return np.asarray(large[top : top + HEIGHT], np.uint8)


def _lamp(stage: Stage, x: float, y: float, radius: float, strength: float) -> None:
    """Brighten a pool of light, before the scene is darkened."""
    rows, cols = np.mgrid[0:HEIGHT, 0:WIDTH]
    pool = strength * np.exp(-((cols - x) ** 2 + (1.5 * (rows - y)) ** 2) / radius**2)
    stage.rgb = np.clip(stage.rgb * (1 + pool[..., None]), 0, 255).astype(np.uint8)


def child_at_night(photographs: Photographs, rng: np.random.Generator) -> Draw:
    """A child walks past a house; a camera with infrared light."""
    yard, child = _street(photographs, "scene500__296"), photographs.cut("osie__1477", 0, 0.45)

    def draw(frame: int) -> Stage:
        stage = Stage(yard)
        stage.paste(child, (150 + 4 * frame, 195 + 2 * math.sin(0.9 * frame)), 105, mirrored=True)
        _lamp(stage, 250, 150, 170, 0.6)
        stage.rgb = darkened(stage.rgb, 0.33, 4, rng, tint=(235, 255, 240))
        return stage

    return draw


def car_at_night(photographs: Photographs, rng: np.random.Generator) -> Draw:
    """A car with its lights on passes other parked ones, which do not matter."""
    street = textured(WIDTH, HEIGHT, (95, 90, 88), 14, seed=5)
    stage = Stage(street)
    stage.box(0, 0, 480, 120, (120, 104, 92))
    for left in range(20, 480, 90):
        stage.box(left, 25, 40, 55, (60, 64, 78))
    stage.box(0, 118, 480, 10, (140, 136, 130))
    parked = photographs.cut("caltech101__car_side__image_0099")
    for x in (90, 300, 440):
        stage.paste(parked, (x, 135), 42, mirrored=x == 300, matters=False)
    street, car = stage.rgb, photographs.cut("caltech101__car_side__image_0088")

    def draw(frame: int) -> Stage:
        stage = Stage(street)
        x = 60 + 13 * frame
        stage.paste(car, (x, 200), 62, mirrored=True)
        _lamp(stage, x + 125, 212, 60, 2.2)
        _lamp(stage, 230, 60, 90, 1.2)
        stage.rgb = darkened(stage.rgb, 0.3, 5, rng, tint=(255, 235, 190))
        return stage

    return draw


def dog_at_night(photographs: Photographs, rng: np.random.Generator) -> Draw:
    """A dog trots through a garden; a camera with infrared light, and a blinking lamp."""
    garden = np.asarray(cv2.resize(photographs.picture("scene500__313"), (WIDTH, WIDTH))[110:380], np.uint8)
    dog = photographs.cut("osie__1477", 0.45, 1)

    def draw(frame: int) -> Stage:
        stage = Stage(garden)
        stage.paste(
            dog, (390 - 8 * frame, 205 + 3 * abs(math.sin(0.8 * frame))), 60, turn=3 * math.sin(frame)
        )
        _lamp(stage, 240, 180, 150, 0.8)
        _lamp(stage, 60, 60, 25, 2.5 if frame % 8 < 4 else 0.2)
        stage.rgb = darkened(stage.rgb, 0.38, 5, rng, tint=(245, 255, 245))
        return stage

    return draw


def car_park_at_night(photographs: Photographs, rng: np.random.Generator) -> Draw:
    """Someone crosses a car park, seen from a mast; the cars stand."""
    stage = Stage(ground("gravel", WIDTH, HEIGHT, (92, 92, 96), 0.35, scale=0.25))
    cars = [photographs.cut(f"caltech101__car_side__image_{one}") for one in ("0088", "0099")]
    for row, y in enumerate((60, 120)):
        for index in range(5):
            stage.paste(cars[(row + index) % 2], (60 + 95 * index + 12 * row, y), 26 + 8 * row, matters=False)
    lot, walker = stage.rgb, photographs.cut("osie__1195", 0.45, 0.75)

    def draw(frame: int) -> Stage:
        stage = Stage(lot)
        _lamp(stage, 130, 170, 120, 0.9)
        stage.paste(walker, (120 + 6 * frame, 205 - frame + 1.5 * math.sin(1.1 * frame)), 64)
        stage.rgb = darkened(stage.rgb, 0.45, 6, rng, tint=(255, 225, 170))
        return stage

    return draw


PHOTOGRAPHED = {
    "meeting": (speaker, call_of_four, two_in_hand, portrait),
    "night": (child_at_night, car_at_night, dog_at_night, car_park_at_night),
}
"""Makers of scenes by domain."""
