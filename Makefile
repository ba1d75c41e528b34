# Two commands do everything on a fresh machine with Python 3.11 or newer:
#   make demo [INPUT=film.mp4]   install, compress a clip, show what became of it
#   make test                    install, run all tests
#   make docs                    the site, in build/site
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
INPUT ?=

PACK ?= ../shared/data/training
MORE ?= ../shared/data/training2
CACHE ?= runs/cache
# For train-taught: videos under open licences, and the unpacked packages of two teachers.
CLIPS ?= ../shared/data/clips/bunny_720p_audio.mp4 ../shared/data/clips/cars_432p_audio.mp4
ISNET ?= $(CACHE)/package/dist
READER ?= $(CACHE)/rapidocr_onnxruntime/models
SEED ?= 1

.PHONY: demo test lint docs docs-serve plots pictures golden benchmark fuzz soak train train-gated train-taught train-fast graphs clean

demo: $(VENV)/demo.stamp
	$(BIN)/python examples/demo.py $(INPUT)

# Two at a time: most tests wait for another process. In the order of the files: the short ones of tests/unit come
# last, so that both end together.
test: $(VENV)/dev.stamp link
	$(BIN)/pytest -n 2 --dist loadfile --no-loadscope-reorder

# mypy runs from elsewhere: here the source folder hides semvid.cli and semvid.models.
lint: $(VENV)/dev.stamp link
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	cd $(VENV) && $(abspath $(BIN))/mypy --config-file $(abspath pyproject.toml) --cache-dir $(abspath .mypy_cache)

# Needs no network, and fails where a page is in no menu, or a link leads nowhere. A notice of the theme's makers is off.
docs: export NO_MKDOCS_2_WARNING = 1
docs: $(VENV)/dev.stamp link
	$(BIN)/python -P -m mkdocs build --strict --quiet
	$(BIN)/python -P examples/site/check.py build/site

docs-serve: $(VENV)/dev.stamp link
	$(BIN)/python -P -m mkdocs serve

# The plots of docs/benchmarks.md, again after a benchmark.
plots: $(VENV)/dev.stamp link
	$(BIN)/python examples/site/plots.py

# The pictures of pages in the docs, again after a change of them. Needs Chromium.
pictures: $(VENV)/dev.stamp link
	$(BIN)/python -P examples/site/pictures.py

golden: $(VENV)/dev.stamp link
	$(BIN)/pytest tests/golden --regenerate-golden

benchmark: $(VENV)/dev.stamp link
	$(BIN)/python examples/benchmark/saliency.py
	$(BIN)/python examples/benchmark/davis.py
	$(BIN)/python examples/benchmark/rd.py --codecs x264,x265 --sources plain,msroi,truth,spectral --sequences 10
	$(BIN)/python examples/benchmark/plot.py
	$(BIN)/python examples/benchmark/temporal.py
	$(BIN)/python examples/benchmark/neutrality.py
	$(BIN)/python examples/benchmark/scenes.py
	$(BIN)/python examples/benchmark/speed.py
	$(BIN)/python examples/benchmark/cores.py
	$(BIN)/python examples/benchmark/preview.py
	$(BIN)/python examples/benchmark/memory.py
	$(BIN)/python examples/benchmark/kodak.py
	$(BIN)/python examples/benchmark/mjpeg.py
	$(BIN)/python examples/benchmark/jpeg_stages.py
	$(BIN)/python examples/benchmark/sidecar.py
	$(BIN)/python examples/benchmark/interlaced.py
	$(BIN)/python examples/benchmark/keeps.py
	$(BIN)/python examples/benchmark/live_quality.py
	$(BIN)/python examples/benchmark/live_latency.py
	$(BIN)/python examples/benchmark/live_faults.py
	$(BIN)/python examples/benchmark/studio.py

# What no input and no signal may do: an hour on two cores.
fuzz: $(VENV)/dev.stamp link
	$(BIN)/python examples/benchmark/fuzz.py
	$(BIN)/python examples/benchmark/kills.py

# An hour: half of it through compress, half live.
soak: $(VENV)/dev.stamp link
	$(BIN)/python examples/benchmark/soak.py

TRAIN = $(BIN)/python -P -m semvid.models.training.train --pack $(PACK)
# Resumes what was interrupted. Then copy the weights to models/weights and their SHA-256 to weights_file.py.
train: $(VENV)/dev.stamp link
	$(TRAIN) --labels pack --out runs/msroi --steps 5000
	$(TRAIN) --labels pack --out runs/msroi-fast --steps 3000 --teacher runs/msroi/msroi.safetensors --network msroi-fast

# On from the shipped weights, with sharper labels. One thread of torch: on busy cores two wait for each other.
GATED = --pack $(PACK) --more $(MORE)
train-gated: $(VENV)/dev.stamp link
	$(BIN)/python -P -m semvid.models.training.gaze $(GATED) --cache $(CACHE)
	OMP_NUM_THREADS=1 $(BIN)/python -P -m semvid.models.training.train $(GATED) --cache $(CACHE) --start msroi \
	    --out runs/gated-$(SEED) --seed $(SEED) --steps 12000 --batch-size 8 --rate 0.5 --threads 1
	$(BIN)/python -P -m semvid.models.training.scoring $(GATED) msroi runs/gated-$(SEED)/msroi.safetensors

# On from there with frames of clips, and text in the world; the first two commands tell where their networks are from.
train-taught: $(VENV)/dev.stamp link
	$(BIN)/python -P -m semvid.models.training.foreground $(GATED) --cache $(CACHE) --isnet $(ISNET) --clips $(CLIPS)
	$(BIN)/python -P -m semvid.models.training.text_labels --pack $(PACK) --cache $(CACHE) --reader $(READER)
	OMP_NUM_THREADS=1 $(BIN)/python -P -m semvid.models.training.train $(GATED) --cache $(CACHE) --labels taught --start msroi \
	    --out runs/taught-$(SEED) --seed $(SEED) --steps 2000 --last 500 --batch-size 8 --rate 0.3 --threads 1
	$(BIN)/python -P -m semvid.models.training.scoring $(GATED) --cache $(CACHE) msroi runs/taught-$(SEED)/msroi.safetensors

# Makes msroi-fast, after train-taught.
train-fast: $(VENV)/dev.stamp link
	OMP_NUM_THREADS=1 $(BIN)/python -P -m semvid.models.training.train $(GATED) --cache $(CACHE) --labels taught --network msroi-fast \
	    --start msroi-fast --teacher runs/taught-$(SEED)/msroi.safetensors --out runs/fast-$(SEED) --seed $(SEED) --steps 3000 \
	    --last 900 --batch-size 8 --rate 0.7 --threads 1

# The networks without weights, as ONNX Runtime reads them: again after a change of models/msroi.py.
graphs: $(VENV)/dev.stamp link
	$(BIN)/python -P -m semvid.models.training.graphs

# Strict editable installs link the files there were: again, in case some are new.
.PHONY: link
link: $(VENV)/dev.stamp
	$(BIN)/pip install -q --no-deps --no-build-isolation -e . --config-settings editable_mode=strict

$(VENV)/demo.stamp: pyproject.toml constraints.txt | $(BIN)/pip
	$(BIN)/pip install -c constraints.txt -e '.[demo]' --config-settings editable_mode=strict
	touch $@

$(VENV)/dev.stamp: pyproject.toml constraints.txt | $(BIN)/pip
	$(BIN)/pip install -c constraints.txt setuptools
	$(BIN)/pip install -c constraints.txt -e '.[dev]' --config-settings editable_mode=strict
	touch $@

$(BIN)/pip:
	$(PYTHON) -m venv $(VENV)

clean:
	rm -rf $(VENV) build demo *.egg-info
