from dataclasses import replace

import pytest

from semvid.core.config import (
    AllocationConfig,
    CompressConfig,
    ExportConfig,
    FocusConfig,
    ImageConfig,
    LiveConfig,
    MapsConfig,
    OverlayConfig,
    TemporalConfig,
)
from semvid.core.errors import ConfigError


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: AllocationConfig(strength=3.5), "`strength=3.5` .* 0 to 3"),
        (lambda: AllocationConfig(strength=float("nan")), "`strength=nan`"),
        (lambda: AllocationConfig(background_weight=0), "`background_weight=0` "),
        (lambda: AllocationConfig(finest=1), "`finest=1` "),
        (lambda: AllocationConfig(coarsest=-1), "`coarsest=-1` "),
        (lambda: AllocationConfig(finest=-6), "`finest=-6` needs `match=size`"),
        (lambda: AllocationConfig(match="region", finest=-6), "`finest=-6` needs `match=size`"),
        (lambda: AllocationConfig(match="plain"), "`match=plain` is unknown; choose one of region, size"),
        (lambda: ImageConfig(match="plain"), "`match=plain` is unknown; the only choice is size"),
        (
            lambda: LiveConfig(allocation=AllocationConfig(match="region")),
            "`match=region` is not for live streams",
        ),
        (lambda: OverlayConfig(allocation=AllocationConfig(match="size")), "`match` needs `style=blocks`"),
        (
            lambda: CompressConfig(probe="quick", allocation=AllocationConfig(match="size")),
            "`probe=quick` tells what was saved, and `match=size` saves nothing; give full or none",
        ),
        (
            lambda: CompressConfig(probe="none", allocation=AllocationConfig(strength=0)),
            "`probe=none` has no effect at `strength=0`",
        ),
        (lambda: TemporalConfig(smoothing=1), "`smoothing=1` "),
        (lambda: TemporalConfig(map_every=0), "`map_every=0` .* 1 to 240"),
        (lambda: TemporalConfig(movement=-0.1), "`movement=-0.1` "),
        (lambda: TemporalConfig(motion="magic"), "`motion=magic` .* vectors"),
        (
            lambda: CompressConfig(maps=MapsConfig(path="a"), temporal=TemporalConfig(map_every=2)),
            "`map_every` has no effect",
        ),
        (
            lambda: ExportConfig(maps=MapsConfig(boxes="a"), temporal=TemporalConfig(map_every=2)),
            "`map_every` has no effect",
        ),
        (
            lambda: OverlayConfig(maps=MapsConfig(path="a"), temporal=TemporalConfig(map_every=2)),
            "`map_every` has no effect",
        ),
        (
            lambda: CompressConfig(maps=MapsConfig(path="a"), temporal=TemporalConfig(look_ahead=4)),
            "`look_ahead` has no effect",
        ),
        (
            lambda: OverlayConfig(maps=MapsConfig(model="spectral"), temporal=TemporalConfig(look_ahead=4)),
            "`look_ahead` has no effect",
        ),
        (
            lambda: CompressConfig(temporal=TemporalConfig(map_every=1, look_ahead=4)),
            "`look_ahead` has no effect",
        ),
        (lambda: CompressConfig(maps=MapsConfig(model="resnet")), "`model=resnet` .* spectral"),
        (lambda: CompressConfig(maps=MapsConfig(threads=-1)), "`threads=-1` .* 0 to 256"),
        (lambda: FocusConfig({"dog": 1}), "`weights=dog` .* animal"),
        (lambda: FocusConfig({"face": 11}), "`weights=face=11` .* 0 to 10"),
        (lambda: FocusConfig(threshold=2), "`threshold=2` .* 0 to 1"),
        (lambda: CompressConfig(maps=MapsConfig(device="tpu")), "`device=tpu` .* cuda"),
        (lambda: CompressConfig(drop=frozenset({"music"})), "`drop=music` .* audio"),
        (lambda: CompressConfig(maps=MapsConfig(path="a", boxes="b")), "exclude each other"),
        (lambda: CompressConfig(maps=MapsConfig(hold=True)), "`hold` needs `path`"),
    ],
)
def test_bad_values_name_the_value_and_the_remedy(make, words):
    with pytest.raises(ConfigError, match=words):
        make()


def test_files_are_smaller_by_default_and_live_streams_keep_their_bit_rate():
    assert CompressConfig().allocation.keeps_region
    assert not CompressConfig(allocation=AllocationConfig(strength=0)).allocation.keeps_region
    assert not CompressConfig(allocation=AllocationConfig(match="size", finest=-6)).allocation.keeps_region
    live = LiveConfig(allocation=AllocationConfig(strength=2))
    assert live.allocation == AllocationConfig(match="size", strength=2)
    assert replace(live, latency_ms=50).allocation == live.allocation


def test_a_face_weighs_what_the_person_weighs_unless_it_is_named():
    assert FocusConfig().weight("face") == 1
    assert FocusConfig({"person": 0}).weight("face") == 0
    assert FocusConfig({"person": 0, "face": 1}).weight("face") == 1
    assert FocusConfig({"face": 0}).weight("person") == 1
