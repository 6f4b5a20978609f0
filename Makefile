# Every verb does its own set-up, and skips what is done already.
.DEFAULT_GOAL := help
SHELL := /bin/bash

PYTHON ?= $(firstword $(shell command -v python3.11 python3.12 python3.13 python3))
VENV := .venv
BIN := $(VENV)/bin
INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check

# A .keras file and the Keras runtime need TensorFlow; the shipped artifact does not.
SERVING := $(if $(filter %.keras,$(MODEL_PATH))$(filter keras,$(RUNTIME)),keras,runtime)
CLASSIFYING := $(if $(filter %.keras,$(MODEL))$(filter keras,$(RUNTIME)),keras,runtime)

.PHONY: help
help: ## what there is to make
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

# One stamp per lock file: installed when the lock is newer.
$(VENV)/.%: requirements/%.txt | $(VENV)/bin/python
	$(INSTALL) --require-hashes --requirement $<
	@touch $@

# The project itself, so that logo-classify and logo-train are commands.
$(VENV)/.project: pyproject.toml $(VENV)/.runtime
	$(INSTALL) --no-deps --no-build-isolation --editable .
	@touch $@

.PHONY: run
run: $(VENV)/.$(SERVING) ## serve on PORT (8080); MODEL_PATH and the other settings come from the environment
	@exec $(BIN)/python -m model_server

.PHONY: classify
classify: $(VENV)/.project $(VENV)/.$(CLASSIFYING) ## score INPUT (files, folders, URLs); ARGS="--json --plot grid.png"
	@$(BIN)/logo-classify $(INPUT) $(if $(MODEL),--model $(MODEL)) $(if $(RUNTIME),--runtime $(RUNTIME)) $(ARGS)

.PHONY: train
train: $(VENV)/.project $(VENV)/.train ## train a model on DATA by RECIPE
	$(BIN)/logo-train $(if $(RECIPE),--recipe $(RECIPE)) $(if $(DATA),--data $(DATA)) $(ARGS)

TESTED := $(VENV)/.project $(VENV)/.dev $(VENV)/.train

.PHONY: test
test: $(TESTED) ## everything a change can break, in minutes
	$(BIN)/python -m pytest -m "not slow" $(ARGS)

.PHONY: test-all
test-all: $(TESTED) ## the same, and what is slow: Keras, parity across runtimes, larger fuzzing
	$(BIN)/python -m pytest $(ARGS)

.PHONY: lint
lint: $(TESTED) ## ruff, mypy --strict, import-linter
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

.PHONY: format
format: $(VENV)/.dev ## rewrite the code as ruff would have it
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# The locks resolve together: each is compiled under the versions that all extras agree on.
LOCK := $(BIN)/uv pip compile --quiet --python-version 3.11 --python-platform x86_64-unknown-linux-gnu \
	--generate-hashes --no-emit-index-url --no-annotate --no-header

.PHONY: lock
lock: $(VENV)/bin/python ## compile requirements/*.txt anew from pyproject.toml
	$(INSTALL) uv
	@all=$$(mktemp) && trap "rm -f $$all" EXIT && \
	$(LOCK) --all-extras pyproject.toml --output-file $$all && \
	$(LOCK) --constraint $$all pyproject.toml --output-file requirements/runtime.txt && \
	for extra in keras train spark pipelines dev; do \
		$(LOCK) --constraint $$all --extra $$extra pyproject.toml --output-file requirements/$$extra.txt || exit 1; \
	done

.PHONY: clean
clean: ## remove the virtual environment and the caches
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache *.egg-info
