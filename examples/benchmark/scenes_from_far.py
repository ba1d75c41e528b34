"""Scenes from far: sports, and what a drone sees."""

from __future__ import annotations

import math

import cv2
import numpy as np
from scene_stage import (
    HEIGHT,
    WIDTH,
    Colour,
    Photographs,
    Pixels,
    Stage,
    grainy,
    ground,
    runner,
    textured,
)
from scenes_photographed import Draw

_PACE = 0.13
"""Steps of a runner per frame."""


def _stand(stage: Stage, top: float, height: float, width: float, seed: int) -> None:
    """Draw rows of spectators, who do not matter."""
    rng = np.random.default_rng(seed)
    for y in np.arange(top + 4, top + height, 7):
        for x in np.arange(0, width, 6):
            colour = tuple(map(int, rng.integers(50, 200, 3)))
            stage.ellipse((x + rng.uniform(-1, 1), y), (2.6, 3.4), colour)  # type: ignore[arg-type]
            stage.ellipse((x, y - 4), (1.5, 1.8), (200, 160, 135))


def _canvas(picture: Pixels) -> Stage:
    """A stage of the canvas' own size, to draw what stands still."""
    stage = Stage(picture)
    stage._camera = np.float64([[1, 0, 0], [0, 1, 0]])
    stage.rgb, stage.truth = picture.copy(), np.zeros(picture.shape[:2], np.uint8)
    return stage


def football(photographs: Photographs, rng: np.random.Generator) -> Draw:
    """A camera follows a ball over a pitch with ten players."""
    field = ground("grass", 800, 400, (78, 132, 60), 0.35, scale=0.3)
    for left in range(0, 800, 100):
        field[:, left : left + 50] = np.clip(field[:, left : left + 50] * 1.12, 0, 255)
    stage = _canvas(field)
    stage.box(0, 0, 800, 60, (60, 62, 70))
    _stand(stage, 4, 52, 800, 3)
    stage.box(0, 60, 800, 14, (40, 70, 150))
    for left in range(10, 800, 160):
        stage.write("PLAY  FAIR", left, 59, 12, (240, 240, 240), matters=False)
    for y in (90, 380):
        stage.box(0, y, 800, 3, (235, 240, 235))
    stage.box(398, 90, 3, 290, (235, 240, 235))
    pitch = stage.rgb
    starts = rng.uniform((250, 120), (600, 350), (10, 2))
    speeds = rng.uniform((-2.2, -1), (2.8, 1), (10, 2))

    def draw(frame: int) -> Stage:
        stage = Stage(pitch, centre=(400 + 3.0 * frame, 215))
        for index in np.argsort(starts[:, 1]):
            x, y = starts[index] + speeds[index] * frame
            shirt: Colour = (200, 40, 45) if index % 2 else (240, 240, 245)
            figure = runner(_PACE * frame + 0.37 * index, shirt, (30, 35, 80))
            stage.ellipse((x, y + 15), (9, 3), (52, 92, 42))
            stage.paste(figure, (x, y), 34, mirrored=bool(speeds[index][0] < 0))
        stage.ellipse((420 + 4.5 * frame, 250 - 2 * frame), (3.2, 3.2), (250, 250, 250), matters=True)
        stage.rgb = grainy(stage.rgb, rng, 2)
        return stage

    return draw


def tennis(photographs: Photographs, rng: np.random.Generator) -> Draw:
    """Two players and a ball before full stands; the camera stands still."""
    stage = _canvas(textured(WIDTH, HEIGHT, (60, 100, 140), 4, seed=9))
    stage.box(0, 0, 480, 62, (45, 48, 55))
    _stand(stage, 2, 58, 480, 4)
    stage.box(0, 62, 480, 16, (25, 60, 45))
    stage.fill([(150, 95), (330, 95), (440, 262), (40, 262)], (70, 120, 80))
    white: Colour = (235, 235, 235)
    corners = [(150, 95), (330, 95), (440, 262), (40, 262)]
    lines = [*zip(corners, [*corners[1:], corners[0]], strict=True), ((240, 120), (240, 210))]
    for a, b in (*lines, ((128, 120), (352, 120)), ((76, 210), (404, 210))):
        stage.fill([a, b, (b[0] + 2, b[1] + 2), (a[0] + 2, a[1] + 2)], white)
    stage.box(95, 148, 290, 14, (40, 50, 55))
    stage.box(95, 146, 290, 3, white)
    court, man = stage.rgb, photographs.cut("osie__1650")

    def draw(frame: int) -> Stage:
        stage = Stage(court)
        stage.paste(runner(_PACE * frame, (245, 245, 245), (40, 40, 60)), (215 + 2.5 * frame, 92), 40)
        stage.paste(man, (300 - 4 * frame, 216 + math.sin(0.9 * frame)), 70, mirrored=True)
        t = frame / 23
        stage.ellipse((270 + 60 * t - 90 * t * t, 190 - 110 * t), (2.5, 2.5), (225, 245, 80), matters=True)
        stage.rgb = grainy(stage.rgb, rng, 2)
        return stage

    return draw


def race(photographs: Photographs, rng: np.random.Generator) -> Draw:
    """Five runners on a track; the camera goes along."""
    stage = _canvas(textured(1000, 300, (176, 88, 66), 7, seed=12))
    stage.box(0, 0, 1000, 80, (58, 60, 66))
    _stand(stage, 2, 76, 1000, 5)
    stage.rgb[80:110] = ground("grass", 1000, 30, (80, 130, 66), 0.3, scale=0.3)
    for y in (120, 150, 182, 216, 252):
        stage.box(0, y, 1000, 2, (235, 232, 225))
    track = stage.rgb
    shirts: list[Colour] = [(240, 210, 50), (40, 80, 190), (200, 40, 60), (40, 150, 90), (230, 230, 235)]

    def draw(frame: int) -> Stage:
        stage = Stage(track, centre=(330 + 9.0 * frame, 150))
        for index, shirt in enumerate(shirts):
            x = 260 + 37 * ((3 * index) % 5) + (8.6 + 0.25 * index) * frame
            y = 112 + 32 * index
            stage.ellipse((x, y + 27), (14, 3), (120, 60, 48))
            stage.paste(runner(1.2 * _PACE * frame + 0.3 * index, shirt, shirt), (x, y), 50 + 3 * index)
        stage.rgb = grainy(stage.rgb, rng, 2)
        return stage

    return draw


def park_game(photographs: Photographs, rng: np.random.Generator) -> Draw:
    """Two people throw a ball on a wide meadow."""
    meadow = cv2.resize(photographs.picture("scene500__005"), (WIDTH, WIDTH))[150:420]
    meadow = np.ascontiguousarray(meadow)
    girl, man = photographs.cut("osie__1542", 0.5, 0.9), photographs.cut("osie__1650")

    def draw(frame: int) -> Stage:
        stage = Stage(meadow)
        stage.paste(girl, (130 + 1.5 * frame, 205 + math.sin(frame)), 50)
        stage.paste(man, (360 - frame, 200), 42)
        t = frame / 23
        stage.ellipse((150 + 190 * t, 190 - 240 * t * (1 - t)), (3.5, 3.5), (230, 60, 50), matters=True)
        stage.rgb = grainy(stage.rgb, rng, 2)
        return stage

    return draw


def _car(stage: Stage, x: float, y: float, turn: float, colour: Colour, *, matters: bool) -> None:
    """Draw a car from above."""
    cosine, sine = math.cos(math.radians(turn)), math.sin(math.radians(turn))
    stage.box(x - 10, y - 3.5, 22, 11, (45, 45, 48), turn=turn)
    stage.box(x - 11, y - 5, 22, 10, colour, turn=turn, matters=matters)
    for along, width in ((4, 4), (-6, 3)):
        a, b = x + along * cosine, y + along * sine
        stage.box(a - width / 2, b - 4, width, 8, (35, 40, 50), turn=turn, matters=matters)


_PAINT: list[Colour] = [
    (210, 215, 220),
    (40, 42, 48),
    (170, 40, 40),
    (60, 90, 150),
    (230, 225, 210),
    (120, 125, 130),
]


def town(photographs: Photographs, rng: np.random.Generator) -> Draw:
    """Roads between roofs: cars drive, others are parked, and the drone climbs."""
    stage = _canvas(ground("grass", 760, 460, (96, 116, 82), 0.4, scale=0.25))
    for x in range(40, 760, 120):
        for y in (20, 140, 290, 400):
            size = rng.uniform(52, 78, 2)
            roof = tuple(int(one) for one in rng.integers((120, 80, 70), (170, 110, 100)))
            dark = tuple(int(0.8 * one) for one in roof)
            stage.box(x + 5, y + 5, *size, (55, 62, 52))
            stage.box(x, y, *size, roof)  # type: ignore[arg-type]
            stage.box(x, y, size[0], size[1] / 2, dark)  # type: ignore[arg-type]
    asphalt: Colour = (104, 104, 108)
    stage.box(0, 226, 760, 44, asphalt)
    stage.box(368, 0, 40, 460, asphalt)
    for x in range(0, 760, 24):
        stage.box(x, 247, 12, 2, (220, 220, 215))
    for index in range(11):
        _car(stage, 30 + 66 * index, 218 if index % 2 else 279, 0, _PAINT[index % 6], matters=False)
    roads = np.clip(stage.rgb + rng.normal(0, 6, (460, 760, 1)), 0, 255).astype(np.uint8)

    def draw(frame: int) -> Stage:
        stage = Stage(roads, centre=(380, 240), zoom=1.15 - 0.008 * frame, turn=0.4 * frame)
        for index, speed in enumerate((4.5, 5.5, 4)):
            _car(stage, 190 + 110 * index + speed * frame, 259, 0, _PAINT[index], matters=True)
        _car(stage, 560 - 5 * frame, 236, 180, _PAINT[3], matters=True)
        _car(stage, 379, 130 + 4 * frame, 90, _PAINT[4], matters=True)
        stage.rgb = grainy(stage.rgb, rng, 2)
        return stage

    return draw


def beach(photographs: Photographs, rng: np.random.Generator) -> Draw:
    """People on sand beside waves, from above; half of them walk."""
    sand = ground("gravel", 640, 380, (214, 190, 150), 0.15, scale=0.2)
    stage = _canvas(sand)
    people = rng.uniform((40, 150), (600, 360), (14, 2))
    for x, y in rng.uniform((60, 170), (580, 350), (6, 2)):
        stage.box(x, y, 16, 8, (70, 130, 180), turn=float(rng.uniform(0, 90)))
    shore = stage.rgb

    def draw(frame: int) -> Stage:
        stage = Stage(shore, centre=(300 + 2.0 * frame, 210))
        edge = [
            (x, 120 + 8 * math.sin(x / 60 + 0.12 * frame) + 3 * math.sin(x / 17))
            for x in range(-100, 760, 12)
        ]
        stage.fill([(-100.0, -100.0), *((x, y + 7) for x, y in edge), (760.0, -100.0)], (235, 240, 238))
        stage.fill([(-100.0, -100.0), *edge, (760.0, -100.0)], (70, 150, 165))
        for index, (x, y) in enumerate(people):
            if index % 2:
                x, y = x + 1.8 * frame * math.cos(index), y + 1.2 * frame * math.sin(index)  # noqa: PLW2901
            turn = 57 * index + 8 * math.sin(0.7 * frame)
            stage.ellipse((x + 6, y + 5), (8, 3), (150, 130, 102), turn=40)
            stage.ellipse((x, y), (6, 3.2), _PAINT[index % 6], turn=turn, matters=True)
            stage.ellipse((x, y - 0.5), (2.4, 2.4), (90, 60, 45), matters=True)
        stage.rgb = grainy(stage.rgb, rng, 2)
        return stage

    return draw


def herd(photographs: Photographs, rng: np.random.Generator) -> Draw:
    """Sheep on a meadow, and a dog that drives them; the drone flies along."""
    meadow = ground("grass", 700, 420, (104, 134, 70), 0.4, scale=0.25)
    places = rng.normal((320, 210), (60, 35), (22, 2))

    def draw(frame: int) -> Stage:
        stage = Stage(meadow, centre=(310 + 2.5 * frame, 205), zoom=1.1)
        for index, (x, y) in enumerate(places):
            a, b = x + 1.6 * frame + 2 * math.sin(0.5 * frame + index), y + 0.4 * frame
            turn = 12 * math.sin(index)
            stage.ellipse((a + 3, b + 4), (8, 4), (66, 84, 48), turn=turn)
            stage.ellipse((a, b), (8, 4.8), (232, 228, 214), turn=turn, matters=True)
            stage.ellipse((a + 8, b + 0.5), (3, 2.2), (60, 52, 48), matters=True)
        a, b = 190 + 3.5 * frame, 215 + 25 * math.sin(0.2 * frame)
        stage.ellipse((a, b), (8, 2.8), (40, 34, 32), matters=True)
        stage.rgb = grainy(stage.rgb, rng, 2)
        return stage

    return draw


def boat(photographs: Photographs, rng: np.random.Generator) -> Draw:
    """A boat draws its wake over a lake; the drone sinks."""
    lake = textured(700, 420, (44, 92, 112), 9, rough=0.05, seed=21)
    glitter = np.asarray(cv2.GaussianBlur(rng.normal(0, 1, (420, 700)), (0, 0), 1.2))
    lake = np.clip(lake + 40 * np.maximum(glitter - 0.45, 0)[..., None], 0, 255).astype(np.uint8)

    def draw(frame: int) -> Stage:
        x, y = 240 + 4.0 * frame, 230 - 1.2 * frame
        stage = Stage(lake, centre=(330 + 1.5 * frame, 205), zoom=0.95 + 0.008 * frame)
        for index in range(14, 0, -1):
            a, b, spread = x - 30 - 11 * index, y + 3.2 * index, 2 + 1.5 * index
            tone = 205 - 8 * index
            for side in (-1, 1):
                stage.ellipse((a, b + side * spread), (9, 2.2), (tone - 40, tone, tone), turn=-16)
        points = [(-26, -8), (10, -9), (30, 0), (10, 9), (-26, 8)]
        cosine, sine = math.cos(-0.29), math.sin(-0.29)
        turned = [(x + a * cosine - b * sine, y + a * sine + b * cosine) for a, b in points]
        stage.fill(turned, (240, 240, 236), matters=True)
        stage.box(x - 14, y - 4, 20, 9, (150, 50, 45), turn=-16.6, matters=True)
        stage.rgb = grainy(stage.rgb, rng, 2)
        return stage

    return draw


FROM_FAR = {
    "sports": (football, tennis, race, park_game),
    "drone": (town, beach, herd, boat),
}
"""Makers of scenes by domain."""
