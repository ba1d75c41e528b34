"""Training packs of a few pictures, as the recipe reads them."""

import io
import json
import tarfile

import cv2
import numpy as np

WIDTH, HEIGHT = 160, 120
MAPS = ["person", "face", "animal", "vehicle", "object", "text", "salient", "fixation"]
CHANNELS = ["person", "face", "animal", "vehicle", "object", "salient"]


def disc(x, y, radius, rows=HEIGHT // 4, cols=WIDTH // 4):
    return cv2.circle(np.zeros((rows, cols), np.uint8), (x, y), radius, 255, -1)


def jpeg(seed, width=WIDTH, height=HEIGHT):
    small = np.random.default_rng(seed).integers(0, 256, (6, 8, 3), np.uint8)
    return cv2.imencode(".jpg", cv2.resize(small, (width, height)))[1].tobytes()


def png(grey):
    return cv2.imencode(".png", grey)[1].tobytes()


def write_tar(path, members):
    with tarfile.open(path, "w") as archive:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))


def write_rows(path, rows):
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))


def write_pack(folder):
    """Six pictures with a disc each: three to train on, two to validate with, one held out."""
    folder.mkdir()
    rows, pictures, labels = [], {}, []
    kinds = (
        ["teacher"] * 2 + ["gt-fixation+teacher"] + ["teacher", "gt-fixation+teacher", "gt-fixation+teacher"]
    )
    for index, (kind, split) in enumerate(zip(kinds, ["train"] * 3 + ["val"] * 2 + ["heldout"], strict=True)):
        name = f"osie__{index}.jpg"
        label = np.zeros((6, HEIGHT // 4, WIDTH // 4), np.uint8)
        label[0] = label[5] = disc(20, 15, 8)
        pictures[name] = jpeg(index)
        rows.append(
            {"file": name, "source": "osie", "terms": "open", "width": WIDTH, "height": HEIGHT,
             "shard": "images-000.tar", "label_shard": 0, "label_offset": index * label.size,
             "label_h": HEIGHT // 4, "label_w": WIDTH // 4, "valid": CHANNELS, "salient_from": kind,
             "split": split}
        )  # fmt: skip
        labels.append(label.ravel())
    write_rows(folder / "index.jsonl", rows)
    write_tar(folder / "images-000.tar", pictures)
    np.savez_compressed(folder / "labels-000.npz", data=np.concatenate(labels))
    write_tar(folder / "cutouts.tar", {})
    write_rows(folder / "cutouts.jsonl", [])
    write_rows(folder / "fixation-index.jsonl", [])
    return folder


def write_second_pack(folder):
    """Foregrounds of the first pack, seven photographs, a synthetic and a real clip."""
    folder.mkdir()
    write_tar(
        folder / "isnet512.tar", {f"isnet512/osie__{index}.png": png(disc(20, 15, 7)) for index in range(5)}
    )
    photographs = {f"fixation-extra/{index}.jpg": jpeg(index, 96, 96) for index in range(7)}
    write_tar(folder / "fixation-extra.tar", photographs)
    density = np.stack([disc(24, 24, 9, 48, 48)] * 7)
    np.savez_compressed(folder / "fixation-extra-maps.npz", data=density)
    rows = [
        {"file": name, "row": index, "valid": ["fixation"], "labels": {}}
        for index, name in enumerate(photographs)
    ]
    for clip, count, labels in (("synth/000", 6, ("mover", "still")), ("video/one", 11, ("salient",))):
        members = {}
        for frame in range(count):
            names = {label: f"{clip}/{frame}.{label}.png" for label in labels}
            members |= {f"{clip}/{frame}.jpg": jpeg(frame)}
            members |= {name: png(disc(8 + 9 * index, 12, 5)) for index, name in enumerate(names.values())}
            rows.append({"file": f"{clip}/{frame}.jpg", "clip": clip, "labels": names, "valid": list(labels)})
        write_tar(folder / f"{clip.split('/')[0]}.tar", members)
    write_rows(folder / "index.jsonl", rows)
    return folder


def write_frame(cache, name, *, outline=None, maps=None, exact=None):
    """A kept frame of a clip, a disc that is a person if nothing else is said."""
    outline = disc(20, 15, 8) if outline is None else outline
    stacked = np.zeros((8, HEIGHT // 4, WIDTH // 4), np.uint8)
    for channel, values in (maps or {"person": outline, "salient": outline}).items():
        stacked[MAPS.index(channel)] = values
    parts = {"jpeg": np.frombuffer(jpeg(1), np.uint8), "foreground": outline, "maps": stacked}
    path = cache / "frames" / f"{name}.npz"
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(path, **parts, **({} if exact is None else {"exact": exact}))
    return path
