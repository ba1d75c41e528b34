"""Movers win only where it helps: small scenes, and by hand which place must matter more than which."""

from fractions import Fraction

import av
import cv2
import numpy as np
import pytest
import skimage.data
from clips import smooth_texture, texture

import semvid
from semvid.core.resampling import fitted
from semvid.engine.analysis import Analyser
from semvid.importance.predictor import NetworkSource
from semvid.importance.registry import open_source

WIDTH, HEIGHT, NUM_FRAMES = 384, 224, 18
AROUND = 0.05
"""Importance of what nobody looks at."""


class Scene:
    """Textured things that move over a textured ground, seen by a camera that moves.

    Places are those of the ground; ``camera(frame)`` is the place in the middle of the picture and its turn.
    """

    def __init__(self, camera=lambda frame: (320, 180, 0.0), zoom=lambda frame: 1):
        self.camera, self.zoom = camera, zoom
        self.ground = smooth_texture(640, 360, 1)
        self.things = []

    def add(self, name, size, place, matters=0.8, path=lambda frame: (0, 0)):
        patch = 255 - smooth_texture(*size, len(self.things) + 2) // 2
        self.things.append((name, patch, place, matters, path))
        return self

    def draw(self, frame):
        """Picture, given importance, and where each thing is."""
        world, given = self.ground.copy(), np.full(self.ground.shape, AROUND, np.float32)
        places = {}
        for name, patch, (x, y), matters, path in self.things:
            dx, dy = path(frame)
            height, width = patch.shape
            area = np.s_[round(y + dy) : round(y + dy) + height, round(x + dx) : round(x + dx) + width]
            world[area], given[area] = patch, matters
            places[name] = np.zeros(self.ground.shape, np.uint8)
            places[name][area] = 255
        x, y, turn = self.camera(frame)
        matrix = cv2.getRotationMatrix2D((x, y), turn, self.zoom(frame))
        matrix[:, 2] += WIDTH / 2 - x, HEIGHT / 2 - y
        seen = [cv2.warpAffine(one, matrix, (WIDTH, HEIGHT)) for one in (world, given, *places.values())]
        return seen[0], seen[1], dict(zip(places, (one > 127 for one in seen[2:]), strict=True))


class Given:
    """What a network that is always right would say, with the settings of a network."""

    smoothing, map_every = NetworkSource.smoothing, NetworkSource.map_every
    movement = NetworkSource.movement

    def __init__(self, maps):
        self.maps = maps

    def update(self, frame):
        return semvid.ImportanceMap(self.maps[frame.index])


def frame_of(luma, index):
    planes = np.full((HEIGHT * 3 // 2, WIDTH), 128, np.uint8)
    planes[:HEIGHT] = luma
    picture = av.VideoFrame.from_ndarray(planes, format="yuv420p")
    picture.pts, picture.time_base = index, Fraction(1, 25)
    return semvid.Frame(picture, index)


def seen(scene, change=lambda luma, frame: luma):
    """Mean importance of each thing, and of the rest, over the second half of the frames.

    ``change`` makes of a picture what the camera saw in its place.
    """
    drawn = [
        (change(luma, index), *rest) for index, (luma, *rest) in enumerate(map(scene.draw, range(NUM_FRAMES)))
    ]
    source = Given([given for _, given, _ in drawn])
    analysed = Analyser(source, semvid.TemporalConfig()).run(
        frame_of(drawn[i][0], i) for i in range(NUM_FRAMES)
    )
    found = {}
    for one, (_, _, places) in zip(analysed, drawn, strict=True):
        if one.frame.index < NUM_FRAMES // 2:
            continue
        values = fitted(one.importance, HEIGHT, WIDTH)
        everywhere = np.any(list(places.values()), axis=0)
        rest = cv2.dilate(everywhere.astype(np.uint8), np.ones((25, 25))) == 0
        for name, place in {**places, "rest": rest}.items():
            inside = cv2.erode(place.astype(np.uint8), np.ones((5, 5))) > 0
            if inside.any():
                found.setdefault(name, []).append(float(values[inside].mean()))
    return {name: float(np.mean(values)) for name, values in found.items()}


def pan(frame):
    return 260 + 4 * frame, 160 + frame, 0.0


def hand(frame):
    return 320 + 7 * np.sin(0.9 * frame), 180 + 5 * np.sin(1.3 * frame + 1), 1.2 * np.sin(0.7 * frame)


CAMERAS = {"still": lambda frame: (320, 180, 0.0), "pan": pan, "hand": hand}


@pytest.mark.parametrize("camera", CAMERAS)
def test_faces_do_not_dim_because_a_ball_flies(camera):
    scene = Scene(CAMERAS[camera]).add("face", (60, 76), (300, 150))
    found = seen(scene.add("ball", (12, 12), (180, 110), path=lambda frame: (8 * frame, 4 * frame)))
    assert found["face"] > 0.9 * 0.8


@pytest.mark.parametrize("camera", CAMERAS)
def test_people_in_a_crowd_do_not_vanish_behind_one_who_moves(camera):
    scene = Scene(CAMERAS[camera])
    for index in range(6):
        scene.add(f"person {index}", (22, 54), (190 + 46 * index, 110))
    found = seen(
        scene.add("dancer", (44, 90), (220, 170), path=lambda frame: (5 * frame, 10 * np.sin(frame)))
    )
    crowd = [value for name, value in found.items() if name.startswith("person")]
    assert found["dancer"] > max(crowd) + 0.1
    assert min(crowd) > 5 * found["rest"]
    assert min(crowd) > 0.45 * 0.8


@pytest.mark.parametrize("camera", ["pan", "hand"])
def test_a_camera_that_moves_lights_nothing_up_and_dims_nothing(camera):
    found = seen(Scene(CAMERAS[camera]).add("statue", (60, 90), (290, 140)))
    assert found["statue"] > 0.9 * 0.8
    assert found["rest"] < 2 * AROUND


@pytest.mark.parametrize("camera", CAMERAS)
def test_a_parked_car_is_no_mover(camera):
    scene = Scene(CAMERAS[camera]).add("parked", (70, 36), (290, 120))
    found = seen(scene.add("driving", (70, 36), (180, 200), path=lambda frame: (7 * frame, 0)))
    assert found["driving"] > 0.85 * 0.8
    assert found["driving"] > found["parked"] + 0.15
    assert found["parked"] > 5 * found["rest"]


@pytest.mark.parametrize("camera", ["pan", "hand"])
def test_what_nobody_looks_at_may_move_without_dimming_what_matters(camera):
    scene = Scene(CAMERAS[camera]).add("face", (60, 76), (300, 150))
    found = seen(
        scene.add("leaves", (90, 50), (180, 60), AROUND, path=lambda frame: (6 * frame, 3 * np.sin(frame)))
    )
    assert found["face"] > 0.9 * 0.8
    assert found["leaves"] < 2 * AROUND


def test_what_stands_nearer_to_a_camera_that_moves_is_no_mover():
    scene = Scene(pan).add("face", (60, 76), (300, 150))
    # It moves a quarter faster through the picture than the ground.
    found = seen(scene.add("parked", (80, 40), (200, 240), path=lambda frame: (-frame, -frame / 4)))
    assert found["face"] > 0.9 * 0.8


@pytest.mark.parametrize("zoom", [0.005, 0.02])
def test_a_camera_that_zooms_and_turns_dims_nothing(zoom):
    scene = Scene(lambda frame: (320, 180, 0.3 * frame), zoom=lambda frame: 1 + zoom * frame)
    found = seen(scene.add("face", (60, 76), (300, 150)).add("board", (60, 30), (260, 240)))
    assert min(found["face"], found["board"]) > 0.9 * 0.8
    assert found["rest"] < 2 * AROUND


def flickering_lamp(luma, frame):
    glow = np.hypot(*np.mgrid[-60 : HEIGHT - 60, -90 : WIDTH - 90]) < 50
    return np.where(glow & (frame % 4 < 2), luma // 2 + 120, luma)


def night(luma, frame):
    noise = np.random.default_rng(frame).normal(10, 8, luma.shape)
    return np.clip(0.2 * luma + noise, 0, 255).astype(np.uint8)


def water(luma, frame):
    waves, shift = smooth_texture(200, HEIGHT, 50), 5 * frame % 60
    return np.hstack([waves[:, shift : shift + 120], luma[:, 120:]])


@pytest.mark.parametrize("change", [flickering_lamp, night, water])
def test_light_noise_and_water_do_not_dim_who_stands(change):
    assert seen(Scene().add("person", (50, 90), (310, 130)), change)["person"] > 0.9 * 0.8


def test_the_network_keeps_a_face_while_a_ball_flies():
    """The same with a photograph, and what the shipped network makes of it."""
    astronaut = cv2.resize(skimage.data.astronaut(), (HEIGHT, HEIGHT), interpolation=cv2.INTER_AREA)
    behind = np.repeat(texture(WIDTH, HEIGHT, 3)[..., None] // 2 + 60, 3, 2)
    scores = {}
    for flies in (False, True):
        frames = []
        for index in range(NUM_FRAMES):
            rgb = behind.copy()
            rgb[:, 80 : 80 + HEIGHT] = astronaut
            if flies:
                cv2.circle(rgb, (20 + 14 * index, 150 - 5 * index), 7, (230, 60, 40), -1, cv2.LINE_AA)
            picture = av.VideoFrame.from_ndarray(rgb, format="rgb24").reformat(format="yuv420p")
            picture.pts, picture.time_base = index, Fraction(1, 25)
            frames.append(semvid.Frame(picture, index))
        source = open_source(semvid.MapsConfig(model="msroi", threads=1), None)
        analysed = Analyser(source, semvid.TemporalConfig()).run(frames)
        maps = [fitted(one.importance, HEIGHT, WIDTH) for one in analysed]
        scores[flies] = np.mean([one[30:60, 165:195].mean() for one in maps[9:]])
    assert scores[True] > 0.85 * scores[False]
