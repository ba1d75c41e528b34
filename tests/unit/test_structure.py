"""The layers: a file imports only from layers below it, and the public names are what they say."""

import ast
import subprocess
import sys
from pathlib import Path

import semvid

ROOT = Path(__file__).resolve().parents[2]

LAYERS = [
    {"errors", "text", "interrupts", "child_guard", "io.names", "io.movie_boxes", "io.cut_off", "io.damage", "opencv_threads", "blocks", "checked"},
    {"prefetch", "types", "settings", "io.reach", "io.claim", "children"},
    {"config", "io.wraps", "io.priming", "io.filter_chain"},
    {"io.clock"},
    {"maps.array_file", "io.orientation", "io.picture_file", "io.picture_depth"},
    {"io.grey_picture", "io.picture_tags"},
    {"io.picture"},
    {"models.architecture"},
    {"models.rule", "models.msroi", "models.training.pack", "models.training.words", "models.training.curves"},
    {"models.weights_file", "models.training.augment", "models.training.losses", "models.training.validate"},
    {"models.runtime", "models.training.batches"},
    {"models.training.train"},
    {"models.custom", "models.predictor", "models.selftest"},
    {"models.registry"},
    {"maps.sidecar"},
    {"io.output", "io.side_data"},
    {"events", "streaming", "streaming.types", "streaming.sound", "streaming.backoff", "streaming.devices", "report", "report.data", "report.regions", "rate", "jpeg", "jpeg.tables", "devices", "models", "models.training", "encode.vpx_scale", "encode.option_text", "encode.levels", "saliency.source", "saliency.edges", "encode.regions", "io.probe", "io.colour", "io.containers", "io.container_trial", "io.header_patch", "io.tags", "drawing", "metrics", "encode.coding", "encode.display_matrix", "encode.stream_template", "temporal", "maps",
     "temporal.warp", "temporal.settle"},
    {"streaming.mux", "streaming.disk", "streaming.frame_queue", "streaming.packet_queue", "streaming.address", "streaming.timeline", "io.luma", "io.steady", "io.alpha", "io.folder", "io.cargo", "io.ledger", "preview", "maps.offset_text", "maps.made_by", "temporal.vectors", "temporal.camera", "saliency.spectral"},
    {"metrics.filters", "io.fields", "temporal.motion", "temporal.own_motion", "streaming.source_sound", "streaming.sink_address", "streaming.fit", "streaming.opening", "streaming.push"},
    {"io.packets", "encode.durations"},
    {"animation", "jpeg.fixed_rate", "io.even_sound"},
    {"encode.interlaced", "temporal.cuts", "io.reader", "io.sound", "io.subtitles", "streaming.outlet", "streaming.sink_files"},
    {"io.carry", "temporal.plan", "streaming.decoding", "streaming.sink"},
    {"io.destination", "temporal.propagate", "streaming.source"},
    {"jpeg.dct", "jpeg.choice", "jpeg.planes", "jpeg.budget"},
    {"jpeg.writer"},
    {"jpeg.encoder"},
    {"encode.side_data_boxes"},
    {"encode.side_data_kinds"},
    {"encode.spec", "activity", "allocate", "encode.side_data"},
    {"encode.registry", "encode.prepare", "encode.hdr", "encode.allocator"},
    {"encode.encoder"},
    {"encode.option_trial"},
    {"encode.twins", "encode.quantizers"},
    {"encode.distortion"},
    {"encode.obedience"},
    {"encode.region_coding"},
    {"maps.sinks", "io.writer", "saliency.sidecar_source", "saliency.map_files", "saliency.predictor", "encode.selftest"},
    {"saliency.boxes"},
    {"streaming.meters", "streaming.ends", "streaming.handle", "streaming.governor", "streaming.virtual_camera", "streaming.mapper", "streaming.follower"},
    {"saliency.registry", "analysis", "jpeg.motion", "streaming.changes"},
    {"streaming.map_watch"},
    {"streaming.encoder"},
    {"streaming.stream"},
    {"streaming.session"},
    {"streaming.live"},
    {"codecs", "jpeg.selftest", "metrics.unchanging", "metrics.weighted"},
    {"metrics.compare"},
    {"encoding_job", "frame_drawer"},
    {"pipeline", "still"},
    {"export"},
    {"overlay", "report.plain", "report.pictures", "report.settings", "report.store"},
    {"report.measure", "report.page"},
    {"report.make"},
    {"web"},
    {"web.address", "web.limits", "web.pictures", "web.protocol", "web.requests", "web.status"},
    {"web.broadcast", "web.guard"},
    {"web.app"},
    {"web.server"},
]  # fmt: skip
RANK = {name: rank for rank, layer in enumerate(LAYERS) for name in layer}


def modules():
    for folder, prefix in ((ROOT / "semvid", ""), (ROOT / "models", "models.")):
        for path in folder.rglob("*.py"):
            name = prefix + ".".join(path.relative_to(folder).with_suffix("").parts)
            name = name.removesuffix(".__init__").removesuffix("__init__")
            if name and name not in {"io", "saliency", "encode"}:
                yield name.rstrip("."), path


def imported(path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("semvid"):
            yield node.module.removeprefix("semvid").lstrip(".")


def test_every_module_has_a_layer():
    assert {name for name, _ in modules()} == set(RANK)


def test_imports_point_down():
    for name, path in modules():
        for target in imported(path):
            assert target, f"{name} imports from the package root"
            assert RANK[target] < RANK[name], f"{name} imports {target}"


def test_public_names_resolve():
    for name in semvid.__all__:
        assert getattr(semvid, name) is not None


def test_starting_up_loads_nothing_heavy():
    code = "import sys, semvid.cli.main; print([m for m in ('torch', 'av', 'cv2', 'numpy', 'scipy') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-P", "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
