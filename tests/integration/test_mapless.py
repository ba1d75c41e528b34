"""Modes of encoders that take no map: what matters is coded as without one, and the rest is softer."""

from fractions import Fraction

import numpy as np
import pytest
from clips import REPEATABLE_WIDTH, decode, decode_luma, encode_plainly, make_clip, psnr, write_masks
from encoders import ENCODERS
from notices import heard

import semvid
from semvid.core.errors import ConfigError
from semvid.products.report.settings import settings_table

MODES = pytest.mark.parametrize(
    ("spec", "mode"),
    [(spec, mode) for spec in ENCODERS.values() for mode in spec.mapless],
    ids=lambda one: getattr(one, "name", "=".join(one) if isinstance(one, tuple) else one),
)
SOFT = semvid.AllocationConfig(prefilter=0.4)
PLAIN = semvid.AllocationConfig(strength=0)


def config_of(spec, mode, allocation=SOFT, **options):
    return semvid.CompressConfig(
        codec=spec.name,
        encoder_options=dict([mode]),
        allocation=allocation,
        preset=spec.presets[4],
        overwrite=True,
        **options,
    )


@pytest.fixture
def left_matters(tmp_path):
    mask = np.zeros((192, REPEATABLE_WIDTH), np.uint8)
    mask[:, : REPEATABLE_WIDTH // 2] = 255
    return semvid.MapsConfig(path=write_masks(tmp_path / "maps", [mask]) / "00000.png")


@MODES
def test_the_plain_encode_is_the_one_that_others_make_of_that_mode(spec, mode, tmp_path):
    clip = make_clip(tmp_path / "in.mp4", width=REPEATABLE_WIDTH)
    result = semvid.compress(clip, tmp_path / "out.mkv", config_of(spec, mode, PLAIN))
    options = {
        "crf": f"{spec.crf.default:g}", spec.preset_option: spec.presets[4], "row-mt": "1", **dict([mode])
    }  # fmt: skip
    encode_plainly(clip, tmp_path / "plain.mkv", spec, options)
    assert np.array_equal(decode_luma(result.output), decode_luma(tmp_path / "plain.mkv"))


@MODES
def test_the_rest_is_softer_and_what_matters_is_as_it_was(spec, mode, tmp_path, left_matters):
    clip = make_clip(tmp_path / "in.mp4", width=REPEATABLE_WIDTH)
    plain = semvid.compress(clip, tmp_path / "plain.mkv", config_of(spec, mode, PLAIN))
    soft, told = heard(semvid.compress, clip, tmp_path / "soft.mkv", config_of(spec, mode, maps=left_matters))
    assert any("softened before it is coded" in one for one in told)
    assert any(f"{spec.name} takes no map with {'='.join(mode)}: " in one for one in told)
    # The plain encode that a result is compared with is of the same mode.
    assert soft.plain_bytes == pytest.approx(plain.output_bytes, rel=0.01)
    assert soft.saving > 0.01
    source, before, after = (decode_luma(one) for one in (clip, plain.output, soft.output))
    middle = REPEATABLE_WIDTH // 2
    near, far = np.s_[:, :, :middle], np.s_[:, :, middle + 32 :]
    # libvpx decides a little for whole pictures.
    assert psnr(source[near], after[near]) > psnr(source[near], before[near]) - 0.5
    assert psnr(source[far], after[far]) < psnr(source[far], before[far]) - 1.5


@MODES
def test_what_is_asked_for_is_found_without_what_only_maps_can(spec, mode, tmp_path, left_matters):
    """Fractions of a CRF are made by maps."""
    clip = make_clip(tmp_path / "in.mp4", width=192, height=96, num_frames=10)
    config = config_of(spec, mode, maps=left_matters, probe="none")
    whole = semvid.compress(clip, tmp_path / "out.mkv", config)
    wanted = round(0.6 * whole.output_bytes)
    config = config_of(spec, mode, maps=left_matters, rate=semvid.Size(wanted), probe="none")
    result = semvid.compress(clip, tmp_path / "out.mkv", config)
    assert 0.8 * wanted < result.output_bytes <= wanted
    assert result.quality == int(result.quality)
    with pytest.raises(ConfigError, match=f"`floor` is not for {spec.name} with options that take no map"):
        semvid.compress(
            clip, tmp_path / "out.mkv", config_of(spec, mode, rate=semvid.RegionPsnr(36, floor=30))
        )


@MODES
def test_times_and_odd_sizes_are_kept(spec, mode, tmp_path):
    times = [0, 512, 1024, 2560, 3072, 4608, 6656, 7168, 7680, 8192]
    clip = make_clip(
        tmp_path / "in.mkv",
        width=161,
        height=97,
        num_frames=10,
        pts=times,
        cut_at=5,
        codec="ffv1",
        options={},
    )
    config = config_of(spec, mode, maps=semvid.MapsConfig(model="spectral"), probe="none")
    frames = decode(semvid.compress(clip, tmp_path / "out.mkv", config).output)
    before = decode(clip)
    assert [one.pts * Fraction(one.time_base) for one in frames] == pytest.approx(
        [one.pts * Fraction(one.time_base) for one in before], abs=0.001
    )
    assert {(one.width, one.height) for one in frames} == {(161, 97)}


@MODES
def test_reports_name_no_options_that_have_no_effect(spec, mode):
    rows = dict(settings_table(config_of(spec, mode)))
    assert rows["offsets, QP steps"] == "none"
    assert rows["pre-filter"] == "0.4"
    assert not {"strength", "background weight"} & rows.keys()
