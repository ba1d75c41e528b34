"""The network, the rule, and what lies between a picture and its map."""

import json
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from safetensors.numpy import save_file

from semvid.core.config import CLASSES, FocusConfig
from semvid.core.errors import ModelError
from semvid.models.architecture import CHANNELS, Architecture
from semvid.models.custom import OnnxPredictor
from semvid.models.msroi import MsRoi, fold
from semvid.models.predictor import MsRoiFeatures, MsRoiPredictor
from semvid.models.registry import open_predictor
from semvid.models.rule import Tuning, calibrated, class_scores, importance
from semvid.models.runtime import OnnxRuntime, TorchRuntime, exported, open_runtime
from semvid.models.weights_file import open_weights, save_weights

TINY = Architecture("tiny", input_width=97, input_height=65, width16=16, width8=16, width4=8)
maps = hnp.arrays(np.float32, (8, 6, 9), elements=st.floats(0, 1, width=32))
weight_sets = st.dictionaries(st.sampled_from(CLASSES), st.floats(0, 10))


@pytest.fixture
def weights(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    torch.manual_seed(0)
    path = tmp_path / "tiny.safetensors"
    save_weights(path, MsRoi(TINY).eval(), data_sha256="none", training={"step": 1}, scores={})
    return path


class Painted:
    """Stands for a network: every map is the picture's own brightness at the pixels the cells lie on."""

    batch_size = 1
    notices = ()

    def run(self, pictures):
        cells = pictures[:, ::4, ::4].mean(3, dtype=np.float32) / 255
        return np.repeat(cells[:, None], len(CHANNELS), 1)


class TestRule:
    @given(maps, weight_sets, st.floats(0, 1), st.floats(0, 1), st.floats(0, 1))
    def test_stays_in_range(self, values, weights, threshold, salient, fixation):
        result = importance(values, FocusConfig(weights, threshold, salient, fixation))
        assert result.shape == values.shape[1:]
        assert result.min() >= 0
        assert result.max() <= 1

    @pytest.mark.parametrize(("weights", "expected"), [({}, 0.36), ({"text": 2}, 0.72), ({"text": 0}, 0)])
    def test_words_count_where_nothing_else_is_seen(self, weights, expected):
        values = np.zeros((8, 6, 9), np.float32)
        values[CHANNELS.index("text"), 2:4] = 1
        result = importance(values, FocusConfig(weights))
        assert result[2:4] == pytest.approx(expected, abs=1e-3)
        assert not result[5].any()

    def test_classes_under_the_threshold_do_not_contribute(self):
        values = np.zeros((8, 10, 10), np.float32)
        values[0, :5] = 0.9
        values[2, 5:] = 0.29
        focus = FocusConfig(threshold=0.3, salient=0, fixation=0)
        assert np.allclose(importance(values, focus, Tuning()), values[0])

    def test_weights_compare_classes(self):
        values = np.zeros((8, 10, 10), np.float32)
        values[0, :, :5] = values[3, :, 5:] = 1
        focus = FocusConfig({"person": 2, "vehicle": 1}, salient=0, fixation=0)
        result = importance(values, focus)
        assert np.allclose(result[:, :5], 1)
        assert np.allclose(result[:, 5:], 0.5)

    def test_weight_zero_takes_a_class_out_of_the_class_free_maps_too(self):
        values = np.zeros((8, 10, 10), np.float32)
        for name in ("vehicle", "salient", "fixation"):
            values[CHANNELS.index(name)] = 1
        assert importance(values, FocusConfig({"vehicle": 0})).max() == 0
        assert importance(values, FocusConfig({"animal": 0})).min() == 1

    def test_a_face_goes_with_the_person_unless_it_is_named(self):
        values = np.zeros((8, 10, 10), np.float32)
        values[[CHANNELS.index("person"), CHANNELS.index("salient")]] = 1
        values[CHANNELS.index("face"), :3] = 1
        assert importance(values, FocusConfig({"person": 0}, fixation=0)).max() == 0
        faces_only = importance(values, FocusConfig({"person": 0, "face": 1}, fixation=0))
        assert (faces_only[:3].min(), faces_only[3:].max()) == (1, 0)
        faceless = importance(values, FocusConfig({"face": 0}, fixation=0))
        assert (faceless[:3].max(), faceless[3:].min()) == (0, 1)

    def test_a_class_in_the_picture_counts_more_than_what_has_no_class(self):
        values = np.zeros((8, 10, 10), np.float32)
        values[CHANNELS.index("salient")] = 1
        values[CHANNELS.index("vehicle"), :, :5] = 1
        result = importance(values, FocusConfig({"vehicle": 4}, salient=1, fixation=0))
        assert np.allclose(result[:, :5], 1)
        assert np.allclose(result[:, 5:], 0.25)
        assert importance(values, FocusConfig({"person": 4}, salient=1, fixation=0)).min() == 1

    def test_what_looks_a_little_like_a_class_is_not_weighed_as_one(self):
        values = np.zeros((8, 10, 10), np.float32)
        values[[CHANNELS.index("animal"), CHANNELS.index("salient")]] = 0.9
        values[CHANNELS.index("vehicle")], values[CHANNELS.index("object")] = 0.2, 0.9
        usual = importance(values, FocusConfig())
        for other in ("vehicle", "object"):
            assert np.allclose(importance(values, FocusConfig({other: 0})), usual)

    @given(st.floats(0.2, 5), st.floats(-3, 3))
    def test_calibration_keeps_the_order_and_both_ends(self, gain, offset):
        values = np.linspace(0, 1, 101, dtype=np.float32)
        result = calibrated(values, Tuning(gain=gain, offset=offset))
        assert (result[0], result[-1]) == (0, 1)
        assert (np.diff(result) >= 0).all()
        assert np.isclose(result[50], 1 / (1 + np.exp(-offset)), atol=1e-5)

    def test_calibration_is_a_line_in_the_logarithm_of_the_odds(self):
        # Odds 1 to 3 become odds 1 to 9, times e.
        assert np.isclose(calibrated(np.float32([0.25]), Tuning(gain=2, offset=1))[0], np.e / (np.e + 9))

    def test_focus_weighs_what_is_calibrated(self):
        values = np.zeros((8, 10, 10), np.float32)
        values[[CHANNELS.index("animal"), CHANNELS.index("salient")]] = 0.7
        tuning = Tuning(gain=2, offset=-1)
        full = importance(values, FocusConfig(), tuning)
        assert np.allclose(importance(values, FocusConfig({"animal": 0.5}), tuning), full / 2)

    def test_a_small_thing_counts(self):
        values = np.zeros((1, 40, 60), np.float32)
        values[0, 10:15, 10:15] = 1
        assert class_scores(values)[0] == 1


class TestGeometry:
    predictor = MsRoiPredictor(Painted(), Architecture("x"), FocusConfig(salient=1, fixation=0))

    @given(st.integers(16, 8000), st.integers(16, 8000))
    def test_input_keeps_shape_and_area(self, width, height):
        across, down = self.predictor.input_size(width, height)
        assert across % 32 == down % 32 == 1
        assert across * down <= max(1.4 * 321 * 193, 65 * 65)
        if 0.4 < width / height < 2.5 and width * height >= 4 * 320 * 192:
            assert 0.8 < (across / down) / (width / height) < 1.25
            assert 0.7 < across * down / (321 * 193) < 1.4

    def test_small_pictures_are_shrunk_too(self):
        assert self.predictor.input_size(480, 272) == (257, 129)
        assert self.predictor.input_size(320, 180) == (161, 97)
        assert self.predictor.input_size(64, 64) == (65, 65)

    def test_usual_sizes(self):
        assert self.predictor.input_size(1280, 720) == (321, 193)
        assert self.predictor.input_size(720, 1280) == (193, 321)
        assert self.predictor.input_size(640, 480) == (289, 225)

    @given(st.floats(0.2, 0.8), st.floats(0.2, 0.8))
    @settings(max_examples=25)
    def test_a_painted_square_is_found_where_it_is(self, x, y):
        width, height = 321, 193
        rows, cols = np.mgrid[0:height, 0:width]
        inside = (abs((cols + 0.5) / width - x) < 0.1) & (abs((rows + 0.5) / height - y) < 0.1)
        picture = np.repeat(np.uint8(255) * inside[..., None].astype(np.uint8), 3, 2)
        found = self.predictor.class_maps(picture[None])[0, 0]
        h, w = found.shape
        rows, cols = np.mgrid[0:h, 0:w]
        assert abs(((cols + 0.5) * found).sum() / found.sum() / w - x) < 0.5 * 4 / width
        assert abs(((rows + 0.5) * found).sum() / found.sum() / h - y) < 0.5 * 4 / height

    def test_a_ramp_stays_a_ramp(self):
        ramp = np.tile(np.linspace(0, 255, 321).astype(np.uint8)[None, :, None], (193, 1, 3))
        found = self.predictor.class_maps(ramp[None])[0, 0]
        centres = (np.arange(found.shape[1]) + 0.5) / found.shape[1]
        assert np.abs(found[10] - (centres * 321 - 0.5) / 320).max() < 0.005


class TestNetwork:
    def test_folding_changes_nothing(self):
        torch.manual_seed(1)
        network = MsRoi(TINY, normalise=True)
        x = torch.rand(2, 3, 65, 97) * 2 - 1
        for _ in range(3):
            network(x)
        network.eval()
        assert torch.allclose(network(x), fold(network)(x), atol=1e-5)

    @pytest.mark.parametrize("size", [(97, 65), (65, 97), (161, 129)])
    def test_onnx_agrees_with_torch_at_any_size(self, weights, size):
        opened = open_weights(str(weights))
        runtime = OnnxRuntime(opened)
        pictures = np.random.default_rng(3).integers(0, 256, (2, size[1], size[0], 3), np.uint8)
        x = torch.from_numpy(pictures).permute(0, 3, 1, 2).float() / 127.5 - 1
        with torch.inference_mode():
            expected = opened.load()(x).numpy()
        maps = runtime.run(pictures)
        assert maps.shape == (2, 8, (size[1] - 1) // 4 + 1, (size[0] - 1) // 4 + 1)
        assert np.abs(maps - expected).max() < 1e-3

    @pytest.mark.parametrize("size", [(97, 65), (65, 97)])
    def test_features_are_vectors_of_length_1_and_the_same_on_both_runtimes(self, weights, size):
        opened = open_weights(str(weights))
        pictures = np.random.default_rng(3).integers(0, 256, (2, size[1], size[0], 3), np.uint8)
        found = OnnxRuntime(opened, head="features").run(pictures)
        assert found.shape == (2, 24 + 32 + 96, (size[1] - 1) // 8 + 1, (size[0] - 1) // 8 + 1)
        assert np.abs(np.linalg.norm(found, axis=1) - 1).max() < 1e-4
        assert np.abs(TorchRuntime(opened, "cpu", "features").run(pictures) - found).max() < 1e-3
        one = MsRoiFeatures(OnnxRuntime(opened, head="features"), TINY).features(pictures[1])
        assert np.abs(one - found[1].transpose(1, 2, 0)).max() < 1e-4

    @pytest.mark.parametrize(
        "device",
        [
            "cpu",
            pytest.param(
                "cuda",
                marks=[
                    pytest.mark.gpu,
                    pytest.mark.skipif(not torch.cuda.is_available(), reason="torch sees no CUDA device"),
                ],
            ),
        ],
    )
    def test_torch_agrees_with_onnx(self, weights, device):
        opened = open_weights(str(weights))
        pictures = np.random.default_rng(4).integers(0, 256, (3, 65, 97, 3), np.uint8)
        runtime = TorchRuntime(opened, device)
        found = runtime.run(pictures)
        on_device = torch.from_numpy(pictures).to(device)
        assert np.array_equal(runtime.run(on_device), found), "tensors are taken as they are"
        # Half precision on the GPU.
        assert np.abs(found - OnnxRuntime(opened).run(pictures)).max() < (1e-3 if device == "cpu" else 2e-2)

    def test_cudnn_is_left_out_and_found_as_it_was(self, weights, monkeypatch):
        runtime = TorchRuntime(open_weights(str(weights)), "cpu")
        pictures = np.zeros((1, 65, 97, 3), np.uint8)
        expected, network, seen = runtime.run(pictures), runtime._network, []

        def noted(x):
            seen.append(torch.backends.cudnn.enabled)
            # Another that ends meanwhile must not turn it on.
            time.sleep(0.02)
            seen.append(torch.backends.cudnn.enabled)
            return network(x)

        monkeypatch.setattr(runtime, "_network", noted)
        with ThreadPoolExecutor(3) as pool:
            found = list(pool.map(lambda _: runtime.run(pictures), range(6)))
        assert seen == [False] * 12
        assert torch.backends.cudnn.enabled
        assert all(np.array_equal(one, expected) for one in found)

    @pytest.mark.gpu
    @pytest.mark.skipif(not torch.cuda.is_available(), reason="torch sees no CUDA device")
    def test_maps_of_a_gpu_do_not_depend_on_what_is_beside_them(self):
        runtime = TorchRuntime(open_weights("msroi"), "cuda")
        pictures = np.random.default_rng(5).integers(0, 256, (2, 193, 321, 3), np.uint8)
        assert np.array_equal(runtime.run(pictures)[:1], runtime.run(pictures[:1]))

    def test_what_does_not_fit_is_tried_in_halves(self, weights, monkeypatch):
        runtime = TorchRuntime(open_weights(str(weights)), "cpu")
        pictures = np.random.default_rng(4).integers(0, 256, (5, 65, 97, 3), np.uint8)
        expected, forward = runtime.run(pictures), runtime._forward

        def short_of_memory(batch):
            if len(batch) > limit:
                raise torch.OutOfMemoryError
            return forward(batch)

        monkeypatch.setattr(runtime, "_forward", short_of_memory)
        runtime.batch_size, limit = 5, 2
        assert np.abs(runtime.run(pictures) - expected).max() < 1e-5
        assert "2 at a time" in runtime.notices[-1]
        # The lesson is kept: no batch is tried that failed before.
        runtime.run(pictures)
        assert len(runtime.notices) == 1
        limit = 0
        with pytest.raises(ModelError, match="`device=cpu`"):
            runtime.run(pictures)

    def test_export_is_kept(self, weights):
        opened = open_weights(str(weights))
        first = exported(opened)
        stamp = first.stat().st_mtime_ns
        assert exported(opened).stat().st_mtime_ns == stamp
        assert [one.name for one in first.parent.iterdir()] == [first.name]

    @pytest.mark.skipif(sys.platform == "win32", reason="sends signals")
    def test_what_a_killed_export_left_is_removed_by_the_next(self, weights, tmp_path, monkeypatch):
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
        code = (
            "import os, sys\nfrom semvid.models import runtime\n"
            "from semvid.models.weights_file import open_weights\n"
            "runtime.export_onnx = lambda *_: os.kill(os.getpid(), 9)\n"
            "runtime.exported(open_weights(sys.argv[1]))"
        )
        subprocess.run([sys.executable, "-P", "-c", code, str(weights)], check=False)
        assert any(".part" in one.name for one in (tmp_path / "semvid").iterdir())
        path = exported(open_weights(str(weights)))
        assert list((tmp_path / "semvid").iterdir()) == [path]

    def test_unwritable_cache(self, weights, tmp_path, monkeypatch):
        (tmp_path / "file").touch()
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
        with pytest.raises(ModelError, match="XDG_CACHE_HOME"):
            exported(open_weights(str(weights)))


class TestBadWeights:
    def test_missing(self, tmp_path):
        with pytest.raises(ModelError, match="cannot be read"):
            open_weights(str(tmp_path / "none.safetensors"))

    def test_corrupt(self, weights):
        data = weights.read_bytes()
        weights.write_bytes(data[: len(data) // 2])
        with pytest.raises(ModelError, match="damaged"):
            open_weights(str(weights))

    def test_foreign(self, tmp_path):
        save_file({"a": np.zeros(3, np.float32)}, tmp_path / "x.safetensors")
        with pytest.raises(ModelError, match="not written by semvid"):
            open_weights(str(tmp_path / "x.safetensors"))

    def test_other_architecture(self, tmp_path):
        path = tmp_path / "x.safetensors"
        metadata = {"architecture": json.dumps(asdict(TINY)), "channels": json.dumps(CHANNELS)}
        save_file({"a": np.zeros(3, np.float32)}, path, metadata)
        with pytest.raises(ModelError, match="do not fit"):
            open_weights(str(path)).load()

    def test_not_the_shipped_bytes(self, weights, monkeypatch):
        monkeypatch.setattr("semvid.models.weights_file.SHIPPED", {"msroi": (str(weights), "0" * 64)})
        with pytest.raises(ModelError, match="SHA-256"):
            open_weights("msroi")

    def test_a_gpu_is_only_used_where_it_is_asked_for(self, weights, monkeypatch):
        monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
        assert isinstance(open_runtime(open_weights(str(weights)), "auto"), OnnxRuntime)

    @pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has CUDA")
    def test_no_such_device(self, weights):
        with pytest.raises(ModelError, match="`device=cpu`"):
            open_runtime(open_weights(str(weights)), "cuda")


class TestOwnNetwork:
    @pytest.fixture
    def brightness(self, tmp_path):
        """Two channels: brightness, and darkness at a quarter of the size."""

        class Brightness(torch.nn.Module):
            def forward(self, x):
                bright = x.mean(1, keepdim=True)
                return torch.cat([bright, (1 - bright) * 0.5], 1)

        path = tmp_path / "own.onnx"
        with pytest.warns():
            torch.onnx.export(
                Brightness(), (torch.zeros(1, 3, 36, 64),), str(path), dynamo=False, opset_version=17
            )  # fmt: skip
        return path

    def test_runs(self, brightness):
        predictor = open_predictor(str(brightness), FocusConfig())
        assert predictor.input_size(1280, 720) == (64, 36)
        picture = np.zeros((1, 36, 64, 3), np.uint8)
        picture[0, :, 32:] = 255
        values = predictor.predict(picture)[0]
        assert np.allclose(values[:, 32:], 1)
        assert np.allclose(values[:, :32], 0.5)

    def test_toml_feeds_it(self, brightness):
        brightness.with_suffix(".toml").write_text(
            'order = "bgr"\nmean = [0.5, 0.5, 0.5]\nstd = [0.5, 0.5, 0.5]\nchannels = ["person", "object"]\n'
        )
        predictor = OnnxPredictor(brightness, FocusConfig({"object": 0}))
        assert np.allclose(predictor.predict(np.full((1, 36, 64, 3), 255, np.uint8)), 1, atol=1e-5)
        assert np.allclose(predictor.predict(np.full((1, 36, 64, 3), 128, np.uint8)), 0, atol=0.01)

    @pytest.mark.parametrize(
        ("text", "words"),
        [
            ("size = [3]", "size"),
            ('order = "rbg"', "rbg"),
            ("std = [1.0, 0.0, 1.0]", "std"),
            ("colour = 1", "colour"),
            ("not toml", "size = "),
            ('channels = ["a"]', "names 1 channel, the network has 2"),
        ],
    )
    def test_bad_toml(self, brightness, text, words):
        brightness.with_suffix(".toml").write_text(text)
        with pytest.raises(ModelError, match=words):
            OnnxPredictor(brightness, FocusConfig())

    def test_bad_files(self, tmp_path):
        with pytest.raises(ModelError, match="does not exist"):
            OnnxPredictor(tmp_path / "none.onnx", FocusConfig())
        (tmp_path / "junk.onnx").write_bytes(b"junk")
        with pytest.raises(ModelError, match="not a network that ONNX Runtime can load"):
            OnnxPredictor(tmp_path / "junk.onnx", FocusConfig())

    def test_wrong_shapes(self, tmp_path):
        path = tmp_path / "flat.onnx"
        with pytest.warns():
            torch.onnx.export(
                torch.nn.Flatten(), (torch.zeros(1, 3, 8, 8),), str(path), dynamo=False, opset_version=17
            )  # fmt: skip
        with pytest.raises(ModelError, match="1xCxhxw"):
            OnnxPredictor(path, FocusConfig())
