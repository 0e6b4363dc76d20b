# scene3d: everything a fresh machine needs. `make demo` and `make test` set up what is missing first.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: venv lint test
venv: .venv/ready

.venv/ready: pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/pip install -e ".[las,e57,dev]"
	touch $@

lint: venv
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pyright
	$(BIN)/lint-imports

test: venv
	$(BIN)/pytest -n auto
