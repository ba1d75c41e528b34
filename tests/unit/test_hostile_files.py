"""Files of maps, boxes, networks and reports that are damaged or lie: a value or one line, soon, in little memory."""

import io
import json
import struct
import zipfile
import zlib
from dataclasses import dataclass

import numpy as np
import onnx
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper
from PIL import Image
from safetensors.numpy import save

from semvid.core.config import FocusConfig
from semvid.core.errors import InputError, MapError, ModelError, SemvidError
from semvid.importance.files.array_file import ArrayFile
from semvid.importance.files.boxes import BoxSource, read_boxes
from semvid.importance.files.map_files import MapFileSource
from semvid.importance.files.offset_text import read_offsets
from semvid.media.stills.grey_picture import read_grey
from semvid.media.stills.picture import read_picture
from semvid.models.architecture import CHANNELS
from semvid.models.custom import Feeding, OnnxPredictor
from semvid.models.weights_file import open_weights
from semvid.products.report.store import load_report

BRIEFLY = settings(
    deadline=None,
    max_examples=60,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@dataclass
class Shown:
    """What a source of maps looks at in a frame."""

    index: int
    upright_size: tuple[int, int] = (64, 48)


def saved(save, *arguments, **settings):
    file = io.BytesIO()
    save(file, *arguments, **settings)
    return file.getvalue()


def picture(kind, **settings):
    samples = np.arange(64, dtype=np.uint8).reshape(8, 8)
    return saved(lambda file: Image.fromarray(samples).save(file, kind, **settings))


EXIF = Image.Exif()
EXIF[274], EXIF[271] = 6, "Maker"


def network(channels=2, size=(16, 16), shape=None):
    weight = np.full((channels, 3, 1, 1), 0.1, np.float32)
    graph = helper.make_graph(
        [helper.make_node("Conv", ["x", "w"], ["y"])], "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 3, *size])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, shape or [1, channels, *size])],
        [onnx.numpy_helper.from_array(weight, "w")],
    )  # fmt: skip
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
    made.ir_version = 8
    return made.SerializeToString()


def cut_network(channels, shape):
    """A network whose output lost channels, whatever its file says."""
    graph = helper.make_graph(
        [helper.make_node("Slice", ["x", "start", "stop", "axis"], ["y"])], "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 3, 16, 16])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, shape)],
        [onnx.numpy_helper.from_array(np.array([value]), name)
         for name, value in (("start", 0), ("stop", channels), ("axis", 1))],
    )  # fmt: skip
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
    made.ir_version = 8
    return made.SerializeToString()


def all_of(path, opened):
    source = opened(path)
    try:
        for index in range(4):
            source.update(Shown(index))
        source.finish(4)
    finally:
        source.close()


def all_boxes(path):
    all_of(path, BoxSource)


def all_maps(path):
    all_of(path, MapFileSource)


def predicted(path):
    OnnxPredictor(path, FocusConfig()).predict(np.zeros((1, 16, 16, 3), np.uint8))


READERS = {
    "boxes.jsonl": (all_boxes, b'{"frame": 1, "box": [1, 2.5, 30, 4e1], "class": "a", "score": 0.5}\n' * 3),
    "boxes.csv": (all_boxes, b"1,7,10,20,30,40,-1,-1,-1,-1\r\n2,7,11,20,30,40,0.75,1,1\r\n"),
    "maps.roi": (all_maps, b"2 1\n-3 0\n2 1\n3 51\n" * 3),
    "maps.txt": (all_maps, b"0 -9\n2 9\n"),
    "maps.npz": (all_maps, saved(np.savez_compressed, maps=np.zeros((5, 4, 6), np.uint8), pts=np.arange(5))),
    "floats.npz": (all_maps, saved(np.savez, maps=np.full((5, 4, 6), 0.5, np.float32))),
    "map.png": (all_maps, picture("PNG")),
    "map.tif": (all_maps, picture("TIFF", compression="tiff_lzw")),
    "map.jpg": (all_maps, picture("JPEG")),
    "map.webp": (all_maps, picture("WEBP")),
    "in.png": (read_picture, picture("PNG", exif=EXIF, icc_profile=b"x" * 200, dpi=(72, 72))),
    "in.jpg": (read_picture, picture("JPEG", exif=EXIF, xmp=b"<x/>", comment=b"words")),
    "in.tif": (read_picture, picture("TIFF", tiffinfo={270: "words", 33723: b"\x1c", 700: b"<x/>"})),
    "in.webp": (read_picture, picture("WEBP", exif=EXIF, xmp=b"<x/>")),
    "in.gif": (read_picture, picture("GIF", comment=b"words")),
    "in.jp2": (read_picture, picture("JPEG2000")),
    "in.ppm": (read_picture, b"P6 2 2 65535\n" + bytes(24)),
    "network.toml": (Feeding.read, b'size = [64, 64]\nmean = [0.5, 0.4, 1]\nstd = [1, 1, 1]\norder = "bgr"\nchannels = ["a"]'),
    "report.json": (load_report, b'{"version": 1, "semvid": "1", "source": {"name": "a"}, "seconds": [0.0], "stills": [[]]}'),
}  # fmt: skip


@pytest.mark.parametrize("name", READERS)
@BRIEFLY
@given(data=st.data())
def test_damaged_files_give_a_value_or_one_line(name, data, tmp_path):
    read, whole = READERS[name]
    place = data.draw(st.integers(0, len(whole)))
    cut = data.draw(st.integers(0, len(whole)))
    noise = data.draw(
        st.binary(max_size=12) | st.sampled_from([b"9" * 400, b"[" * 999, b"1e999", b"-", b"\xff\xfe"])
    )
    path = tmp_path / name
    path.write_bytes(whole[:place] + noise + whole[min(place, cut) + len(noise) * (place <= cut) :])
    try:
        read(path)
    except SemvidError as error:
        assert error.exit_code in {3, 5, 7}
        assert "\n" not in str(error)
        str(error).encode()


@pytest.mark.parametrize("name", READERS)
def test_whole_files_are_read(name, tmp_path):
    read, whole = READERS[name]
    (tmp_path / name).write_bytes(whole)
    if name == "report.json":
        with pytest.raises(InputError, match="report.codec is missing"):
            read(tmp_path / name)
    else:
        read(tmp_path / name)


def box_file(folder, data):
    (folder / "boxes").write_bytes(data)
    return folder / "boxes"


BOX = '{"frame": 0, "box": [1, 2, 3, 4]}'


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-8"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_boxes_of_other_systems_are_read(encoding, end, tmp_path):
    assert len(read_boxes(box_file(tmp_path, f"{BOX}{end}{BOX}{end}".encode(encoding)))) == 2
    assert len(read_boxes(box_file(tmp_path, f"1,1,2,3,4,5,-1,{end}".encode(encoding)))) == 1


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('{"frame": true, "box": [1, 2, 3, 4]}', "line 1: frame is true, not a whole number"),
        ('{"frame": 0.5, "box": [1, 2, 3, 4]}', "line 1: frame is 0.5, not a whole number"),
        ('{"frame": 0, "box": [1e300, 2, 3, 4]}', r"line 1: box\[0\] is 1e\+300, not a number from -1e\+07"),
        ('{"frame": 0, "box": [1, 2, NaN, 4]}', "line 1: 'NaN' is not a number"),
        ('{"frame": 1, "frame": 2, "box": [1, 2, 3, 4]}', "line 1: the key 'frame' comes twice"),
        ('{"frame": 0, "box": [1, 2, 3, 4]},', "line 1: it is not JSON: extra data"),
        ('[{"frame": 0, "box": [1, 2, 3, 4]}]', "line 1: a JSON array cannot be read; write one box a line"),
        (BOX + "\n" + "[" * 9000, "line 2: it is nested more than 32 levels deep"),
        (BOX + "\n" + " " * 70_000, "line 2: the line is longer than 65536 bytes"),
        ("1.5,1,2,3,4,5,1", "line 1: field 1 is 1.5, not a whole number"),
        ("1_0,1,2,3,4,5,1", "line 1: field 1 is '1_0', not a number"),
        ("1,1,2,3,4,1e999,1", "line 1: field 6 is Infinity, not a number"),
    ],
)
def test_wrong_boxes_are_named(text, words, tmp_path):
    with pytest.raises(MapError, match=words):
        read_boxes(box_file(tmp_path, text.encode()))


def test_too_many_boxes_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr("semvid.importance.files.boxes._MOST_BOXES", 5)
    with pytest.raises(MapError, match="line 6: more than 5 boxes"):
        read_boxes(box_file(tmp_path, (BOX + "\n").encode() * 9))
    monkeypatch.setattr("semvid.importance.files.boxes._MOST_BOXES_PER_FRAME", 3)
    with pytest.raises(MapError, match="line 4: frame 0 has more than 3 boxes"):
        BoxSource(box_file(tmp_path, (BOX + "\n").encode() * 4))


def npz(header, data=b"", member="maps.npy"):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        text = header.encode() + b"\n"
        archive.writestr(member, b"\x93NUMPY\1\0" + struct.pack("<H", len(text)) + text + data)
    return file.getvalue()


HEADER = "{'descr': '%s', 'fortran_order': False, 'shape': (%s), }"


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (npz(HEADER % ("|u1", "999999, 99999, 99999")), "has .* bytes instead of"),
        (npz(HEADER % ("|u1", "9, 9")), "maps.npy is "),
        (npz(HEADER % ("|O", "1, 2, 2"), b"cos\nsystem\n(S'false'\ntR."), "maps.npy is "),
        (npz(HEADER % ("|u1", "1, 0, 4")), "have no samples"),
        (npz(HEADER % ("|u1", "0, 4, 4")), "have no samples"),
        (npz("(" * 60_000), "maps.npy is "),
        (npz(HEADER % ("<f4", "1, 1, 2"), struct.pack("<2f", 0.5, float("nan"))), "map 0 has values that are not in 0..1"),
        (npz(HEADER % ("<f4", "1, 1, 2"), struct.pack("<2f", 0.5, 255)), "map 0 has values that are not in 0..1"),
        (npz(HEADER % ("|u1", "1, 2, 2"), b"abcd", "pts.npy"), "it holds 'pts.npy' and no maps.npy"),
        (saved(np.save, np.zeros((2, 2, 2), np.uint8)), "it is not an .npz file"),
        (npz(HEADER % ("|u1", "1, 8192, 8192"), bytes(2**26)), "or more than 33554432 each"),
    ],
)  # fmt: skip
def test_arrays_that_lie_or_are_something_else(data, words, tmp_path):
    (tmp_path / "maps.npz").write_bytes(data)
    with pytest.raises(MapError, match=words):
        all_maps(tmp_path / "maps.npz")


@pytest.mark.parametrize("dtype", ["u1", "<u2", ">u2", "u4", ">u4", "f2", "f4", ">f4", "f8"])
@pytest.mark.parametrize("order", ["C", "F"])
def test_arrays_of_every_type_and_width_are_read_right(dtype, order, tmp_path):
    ramp = np.repeat(np.linspace(0, 1, 1000)[None, None], 3, 1)
    white = np.iinfo(dtype).max if "u" in dtype else 1
    maps = np.asarray(np.concatenate([ramp, ramp[..., ::-1]]) * white, dtype, order=order)
    np.savez(tmp_path / "maps.npz", maps=maps)
    source = MapFileSource(tmp_path / "maps.npz", expected_frames=2)
    first, second = (source.update(Shown(index)).values for index in range(2))
    source.close()
    assert first.shape[1] == 500
    assert np.abs(first[0] - np.linspace(0, 1, 500)).max() < 0.005
    assert np.array_equal(second, first[:, ::-1]) or np.abs(second - first[:, ::-1]).max() < 0.005


def test_arrays_are_read_one_by_one(tmp_path):
    np.savez_compressed(tmp_path / "maps.npz", maps=np.zeros((200, 400, 400), np.uint8))
    file = ArrayFile(tmp_path / "maps.npz")
    maps = file.read()
    assert next(maps).shape == (400, 400)
    # What is left was not unpacked yet.
    assert file._file.tell() < 2**18
    file.close()


def png_of(width, height):
    def chunk(name, data):
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(bytes(9))) + chunk(b"IEND", b"")


@pytest.mark.parametrize("size", [(65535, 65535), (65500, 65500), (20_000, 10_000), (2**31 - 1, 1)])
def test_pictures_that_claim_to_be_huge_are_refused_unseen(size, tmp_path):
    (tmp_path / "map.png").write_bytes(png_of(*size))
    with pytest.raises(MapError, match="pixels"):
        all_maps(tmp_path / "map.png")


def test_transparent_parts_of_a_map_do_not_matter_and_strange_samples_are_refused(tmp_path):
    Image.fromarray(np.array([[[255, 255], [255, 0]]], np.uint8), "LA").save(tmp_path / "a.png")
    assert read_grey(tmp_path / "a.png").tolist() == [[255, 0]]
    Image.fromarray(np.array([[0.5, 1e9]], np.float32)).save(tmp_path / "f.tiff")
    with pytest.raises(InputError, match="not in 0..1"):
        read_grey(tmp_path / "f.tiff")
    Image.fromarray(np.array([[5, 2**30]], np.int32)).save(tmp_path / "i.tiff")
    with pytest.raises(InputError, match="32 bits"):
        read_grey(tmp_path / "i.tiff")
    two = [Image.new("L", (4, 4), value) for value in (0, 255)]
    two[0].save(tmp_path / "two.webp", save_all=True, append_images=two[1:])
    with pytest.raises(InputError, match="holds 2 pictures"):
        read_grey(tmp_path / "two.webp")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("2 1\n99 0\n", "offset 99 is not in -51 to 51"),
        ("0 2147483648 0\n", "offset 2147483648 is not in -255"),
        ("1_0 1\n0 0", "'1_0 1' are not whole numbers"),
        ("2 1\n" + "9" * 99, "line 2: '9999"),
        ("9999999 9999999\n1", "a line of columns and rows is missing"),
    ],
)
def test_offsets_out_of_range_are_named(text, words, tmp_path):
    (tmp_path / "a.txt").write_text(text)
    with pytest.raises(MapError, match=words):
        list(read_offsets(tmp_path / "a.txt", (128, 64)))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("size = [0, 64]", r"size\[0\] is 0, not a whole number from 8 to 4096"),
        ("size = [true, 64]", r"size\[0\] is true"),
        ("size = 64", "size is 64, not a list"),
        ("size = [999999999999999999999, 64]", r"size\[0\] is a number of more than 18 digits"),
        ("mean = [nan, 0, 0]", "'nan' is not a number"),
        ('std = ["1", 1, 1]', r"std\[0\] is '1', not a number"),
        ("std = [0, 1, 1]", r"std\[0\] is 0, not a number from 1e-06"),
        ("channels = [[1]]", r"channels\[0\] is a list of 1, not text"),
        ("order = 2020-01-01", "order is .*2020-01-01.*, not text"),
        ("colour = 1", "'colour' is unknown; known are size"),
        ("a = " + "[" * 30_000, "nested too deeply"),
        ("#" * 70_000, "longer than 65536 bytes"),
    ],
)
def test_wrong_descriptions_of_networks_are_named(text, words, tmp_path):
    (tmp_path / "n.toml").write_text(text)
    with pytest.raises(ModelError, match=words) as caught:
        Feeding.read(tmp_path / "n.toml")
    assert len(str(caught.value)) < 500


@BRIEFLY
@given(place=st.integers(0, 10**6), noise=st.binary(min_size=1, max_size=8))
def test_damaged_networks_give_one_line(place, noise, tmp_path):
    whole = bytearray(network())
    place %= len(whole)
    whole[place : place + len(noise)] = noise
    (tmp_path / "n.onnx").write_bytes(whole)
    try:
        predicted(tmp_path / "n.onnx")
    except ModelError as error:
        assert "\n" not in str(error)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (network(channels=0), "semvid needs 1xCxhxw|not a network that ONNX Runtime can load"),
        (cut_network(0, [1, 0, 16, 16]), "semvid needs 1xCxhxw"),
        (cut_network(0, [1, "c", 16, 16]), "semvid needs 1xCxhxw"),
        (cut_network(0, None), "semvid needs 1xCxhxw"),
        (network(size=(0, 16)), "semvid feeds sides of 8 to 4096|gives"),
        (network(size=(4, 4)), "takes 4x4 pixels; semvid feeds sides of 8 to 4096"),
        (network(size=(16, 99_999)), "takes 99999x16 pixels; semvid feeds sides of 8 to 4096"),
        (b"", "not a network that ONNX Runtime can load"),
        (network()[:-20], "not a network that ONNX Runtime can load"),
    ],
)
def test_networks_of_odd_shapes_are_refused(data, words, tmp_path):
    (tmp_path / "n.onnx").write_bytes(data)
    with pytest.raises(ModelError, match=words):
        predicted(tmp_path / "n.onnx")


def test_a_size_that_does_not_fit_the_network_is_refused(tmp_path):
    (tmp_path / "n.onnx").write_bytes(network())
    (tmp_path / "n.toml").write_text("size = [32, 32]")
    with pytest.raises(ModelError, match="the network takes 16x16 pixels only"):
        OnnxPredictor(tmp_path / "n.onnx", FocusConfig())


@pytest.mark.parametrize("location", ["../secret.bin", "/etc/passwd"])
def test_weights_outside_the_folder_of_a_network_are_not_read(location, tmp_path):
    (tmp_path / "secret.bin").write_bytes(struct.pack("<6f", *[0.5] * 6))
    model = onnx.load_from_string(network())
    (weight,) = model.graph.initializer
    weight.ClearField("raw_data")
    weight.data_location = TensorProto.EXTERNAL
    entry = weight.external_data.add()
    entry.key, entry.value = "location", location
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "n.onnx").write_bytes(model.SerializeToString())
    with pytest.raises(ModelError, match="not a network that ONNX Runtime can load"):
        predicted(tmp_path / "folder" / "n.onnx")


def test_values_far_out_of_range_are_told(tmp_path):
    (tmp_path / "n.onnx").write_bytes(network())
    made = OnnxPredictor(tmp_path / "n.onnx", FocusConfig())
    made.predict(np.zeros((1, 16, 16, 3), np.uint8))
    assert not made.notices
    (tmp_path / "n.toml").write_text("mean = [-100, 0, 0]")
    made = OnnxPredictor(tmp_path / "n.onnx", FocusConfig())
    for _ in range(2):
        made.predict(np.zeros((1, 16, 16, 3), np.uint8))
    (notice,) = made.notices
    assert "values from 10 to 10, cut off at 0 and 1" in notice


ARCHITECTURE = {"name": "a", "input_width": 33, "input_height": 33, "width16": 8, "width8": 8, "width4": 8}


def weights(architecture=ARCHITECTURE, channels=CHANNELS, **more):
    metadata = {"architecture": json.dumps(architecture), "channels": json.dumps(channels), **more}
    return save({"x": np.zeros(3, np.float16)}, metadata)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (weights({**ARCHITECTURE, "width16": 10**12}), "width16 is 1000000000000, not a whole number"),
        (weights({**ARCHITECTURE, "width16": "8"}), "width16 is '8', not a whole number"),
        (weights({**ARCHITECTURE, "name": "../../x"}), "not a name of letters"),
        (weights({**ARCHITECTURE, "more": 1}), "'more' is unknown"),
        (weights([]), "not an object with keys"),
        (weights(channels={"a": 1}), "not a list"),
        (weights(channels=[["a"]]), "not text"),
        (weights(architecture={})[:30], "damaged"),
        (struct.pack("<Q", 2**60) + b"{}", "damaged"),
        (save({"x": np.zeros(3, np.float16)}), "not JSON"),
    ],
    # Bytes would name the tests, and safetensors orders its metadata anew each time.
    ids=range(10),
)
def test_wrong_weights_files_are_refused(data, words, tmp_path):
    (tmp_path / "w.safetensors").write_bytes(data)
    with pytest.raises(ModelError, match=words):
        open_weights(str(tmp_path / "w.safetensors"))


@BRIEFLY
@given(place=st.integers(0, 10**6), noise=st.binary(min_size=1, max_size=8))
def test_damaged_weights_give_one_line(place, noise, tmp_path):
    whole = bytearray(weights())
    place %= len(whole)
    whole[place : place + len(noise)] = noise
    (tmp_path / "w.safetensors").write_bytes(whole)
    with pytest.raises(ModelError) as caught:
        open_weights(str(tmp_path / "w.safetensors")).load()
    assert "\n" not in str(caught.value)


def test_weights_that_are_no_numbers_are_refused(tmp_path):
    from safetensors.torch import load_file, save_file

    from semvid.models.weights_file import WEIGHTS_FOLDER

    shipped = open_weights("msroi-fast")
    tensors = load_file(WEIGHTS_FOLDER / "msroi-fast-2.safetensors")
    name = next(iter(tensors))
    tensors[name].view(-1)[0] = torch.nan
    save_file(tensors, tmp_path / "w.safetensors", dict(shipped.metadata))
    with pytest.raises(ModelError, match="holds values that are not numbers"):
        open_weights(str(tmp_path / "w.safetensors")).load()
