# Two commands do everything on a fresh machine: `make demo` and `make test`.
PYTHON ?= python3
BIN := .venv/bin
WORKERS ?= 2

.PHONY: install demo test test-slow test-browser test-reference lint format docs lock speed clean

install: .venv/installed

.venv/installed: locks/main.txt pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check "uv>=0.5,<1"
	$(BIN)/uv pip sync --quiet --python $(BIN)/python --require-hashes locks/main.txt
	$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --editable .
	touch $@

demo: install
	$(BIN)/python -m harness run demo

test: lint
	$(BIN)/pytest -n $(WORKERS) -m "not slow and not browser and not reference"

test-slow: install
	$(BIN)/pytest -n $(WORKERS) -m slow

test-browser: install
	$(BIN)/pytest -m browser

test-reference: install
	$(BIN)/pytest -m reference

lint: install
	$(BIN)/ruff check --no-cache .
	$(BIN)/ruff format --no-cache --check .
	$(BIN)/mypy

format: install
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

docs: install
	$(BIN)/mkdocs build --strict --quiet

lock: install
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
		--no-emit-index-url --extra dev --extra reference --output-file locks/main.txt pyproject.toml

speed: install
	$(BIN)/python -m benchmarks.speed.lexical

clean:
	rm -rf .venv site build dist
