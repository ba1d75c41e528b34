"""A job is a value: wherever it is run, it does the same."""

import pickle
import subprocess
import sys
from dataclasses import replace

from clips import make_clip

import semvid

RUN = "import pickle, sys, semvid; semvid.compress_job(pickle.load(open(sys.argv[1], 'rb')))"


def test_a_pickled_job_makes_the_same_file_in_another_process(tmp_path):
    source = make_clip(tmp_path / "in.mkv", width=192, height=96, num_frames=10)
    config = semvid.CompressConfig(
        rate=semvid.Crf(30), preset="superfast", encoder_options={"bf": "2"},
        maps=semvid.MapsConfig(model="spectral"), save_maps=tmp_path / "here.svmap",
    )  # fmt: skip
    here = semvid.Job(source, None, tmp_path / "here.mp4", config)
    semvid.compress_job(here)
    there = replace(
        here, output=tmp_path / "there.mp4", config=replace(config, save_maps=tmp_path / "there.svmap")
    )
    (tmp_path / "job").write_bytes(pickle.dumps(there))
    subprocess.run([sys.executable, "-P", "-c", RUN, tmp_path / "job"], check=True)
    assert there.output.read_bytes() == here.output.read_bytes()
    assert there.config.save_maps.read_bytes() == config.save_maps.read_bytes()
    semvid.compress(source, here.output, replace(config, overwrite=True))
    assert there.output.read_bytes() == here.output.read_bytes()
