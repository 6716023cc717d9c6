# Two commands do everything on a fresh machine: `make demo` and `make test`.
PYTHON ?= python3
BIN := .venv/bin
# workers of the tests share the cores: threads of theirs would wait for each other
export OMP_NUM_THREADS ?= 1
VLLM := .venv-vllm/bin
WORKERS ?= 2

.PHONY: install install-train install-vllm demo test test-slow test-browser test-reference test-train test-vllm test-cuda \
	lint format docs lock lock-train lock-vllm lock-clinical-reference speed speed-generation \
	speed-clinical speed-training clean

install: .venv/installed

.venv/installed: locks/main.txt locks/torch.txt pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check "uv>=0.5,<1"
	$(BIN)/uv pip sync --quiet --python $(BIN)/python --require-hashes locks/main.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r locks/torch.txt
	$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --editable .
	touch $@

# DeepSpeed and TensorBoard, which only some trainings need; DeepSpeed is built against our torch
install-train: .venv/installed-train

.venv/installed-train: .venv/installed locks/train.txt
	DS_BUILD_OPS=0 $(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps \
		--no-build-isolation --require-hashes -r locks/train.txt
	touch $@

# vLLM for CPUs brings a transformers of its own; on a GPU: pip install "cxr-harness[models,vllm]"
install-vllm: .venv-vllm/installed

.venv-vllm/installed: locks/vllm.txt locks/torch.txt pyproject.toml
	$(PYTHON) -m venv .venv-vllm
	$(VLLM)/python -m pip install --quiet --disable-pip-version-check "uv>=0.5,<1"
	$(VLLM)/uv pip sync --quiet --python $(VLLM)/python --require-hashes locks/vllm.txt
	$(VLLM)/python -m pip install --quiet --disable-pip-version-check -r locks/torch.txt
	$(VLLM)/uv pip install --quiet --python $(VLLM)/python --no-deps --editable .
	touch $@

demo: install
	$(BIN)/python -m harness run demo

test: lint
	$(BIN)/pytest -n $(WORKERS) -m "not slow and not browser and not reference and not train and not vllm and not cuda"

test-slow: install
	$(BIN)/pytest -n $(WORKERS) -m slow

test-browser: install
	$(BIN)/pytest -m browser

test-train: install install-train
	$(BIN)/pytest -m train

test-reference: install
	$(BIN)/pytest -m reference

test-cuda:
	python3 -m pytest -n0 -m cuda tests/cuda

test-vllm: install-vllm
	$(VLLM)/pytest -m vllm $(shell find tests -name 'test*vllm*.py')

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
		--no-emit-index-url --override locks/without_torch.txt --no-emit-package torch \
		--extra dev --extra reference --extra models --extra api --extra dicom --extra rl \
		--output-file locks/main.txt pyproject.toml locks/torch_needs.in

lock-train: install
	DS_BUILD_OPS=0 $(BIN)/uv pip compile --quiet --universal --python-version 3.11 \
		--generate-hashes --no-emit-index-url --override locks/without_torch.txt \
		--no-emit-package torch --no-build-isolation --constraint locks/main.txt --extra train \
		--output-file locks/train.txt pyproject.toml

lock-vllm: install
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
		--no-emit-index-url --override locks/without_torch.txt \
		--override locks/without_torchvision.txt --no-emit-package torch \
		--no-emit-package torchvision --no-emit-package torchaudio \
		--no-emit-package torchcodec --output-file locks/vllm.txt \
		pyproject.toml locks/torch_needs.in locks/vllm.in

# part of the package: `cxr-harness reference-env create` reads it
lock-clinical-reference: install
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
		--no-emit-index-url --override locks/without_torch.txt --no-emit-package torch \
		--output-file metrics/official/clinical-reference.txt \
		locks/clinical-reference.in locks/torch_needs.in

speed: install
	$(BIN)/python -m benchmarks.speed.lexical

speed-generation: install
	$(BIN)/python -m benchmarks.speed.generation

speed-clinical: install
	$(BIN)/python -m benchmarks.speed.clinical --reports $(REPORTS)

speed-training: install
	$(BIN)/python -m benchmarks.speed.training

clean:
	rm -rf .venv .venv-vllm site build dist
