# Everything a newcomer needs: `make demo`, `make test`. Both set themselves up.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
STAMP  := $(VENV)/.installed
ROOMS  := ledger importing sample features models decisions training serving cli
# One place for what our programs are told about the outside: no telemetry, a local MLflow store, quiet git.
export PATH := $(CURDIR)/$(BIN):$(PATH)
export MLFLOW_DISABLE_TELEMETRY := true
export DO_NOT_TRACK := true
export BENTOML_DO_NOT_TRACK := True
export GIT_PYTHON_REFRESH := quiet

.DEFAULT_GOAL := help
.PHONY: help setup demo test test-all check serve ui mutations bench lock clean

help:            ## what can be made
	@grep -hE '^[a-z-]+: .*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## ?/\1\t/' | expand -t 12

$(STAMP): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "Python 3.11 or newer is needed: make PYTHON=python3.12 …, found " + sys.version.split()[0])'
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "Installing the locked dependencies into $(VENV) (once, a few minutes) …"
	@if command -v uv >/dev/null 2>&1; then \
	    uv pip install -q --python $(BIN)/python --compile-bytecode --require-hashes -r requirements.lock && \
	    uv pip install -q --python $(BIN)/python --no-deps --no-build-isolation -e . ; \
	  else \
	    $(BIN)/python -m pip install -q --disable-pip-version-check --require-hashes -r requirements.lock && \
	    $(BIN)/python -m pip install -q --disable-pip-version-check --no-deps --no-build-isolation -e . ; \
	  fi
	@env -u PYTHONDONTWRITEBYTECODE $(BIN)/python -m compileall -q $(ROOMS)
	@env -u PYTHONDONTWRITEBYTECODE $(BIN)/python -m features.engine.warm
	@env -u PYTHONDONTWRITEBYTECODE $(BIN)/python -m models.warm
	@touch $@

# numba's cache of a compiled function does not notice that a constant imported from another module changed
KERNELS := $(shell grep -rlE '^@njit|from numba|import numba' $(ROOMS) --include=*.py 2>/dev/null)
$(VENV)/.kernels: $(KERNELS) | $(STAMP)
	@find $(ROOMS) -name '*.nb[ic]' -delete
	@touch $@

setup: $(STAMP) $(VENV)/.kernels  ## create .venv from the lock file

demo: setup      ## the main job: sample ledger, two models in MLflow, a served and explained score
	@$(BIN)/tradecredit demo

test: setup      ## all tests that CI runs
	@$(BIN)/python -m pytest -q -m "not slow"

test-all: setup  ## the slow statistical tests too
	@$(BIN)/python -m pytest -q

check: setup     ## lint, types, declared dependencies
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy $(ROOMS)
	@$(BIN)/deptry .

serve: setup     ## the service and the reviewers' page, on the ledger in TRADECREDIT_LEDGER (default build/ledger)
	@$(BIN)/tradecredit serve

ui: setup        ## MLflow's pages on the local store
	@$(BIN)/tradecredit ui

mutations: setup ## the honest measure of the suite: break the project in one place at a time, expect a red test
	@$(BIN)/python -m tests.mutations

bench: setup     ## every figure that the docs quote (long)
	@$(BIN)/python -m pip install -q --disable-pip-version-check --require-hashes -r requirements-bench.lock
	@$(BIN)/python -m benchmarks

lock:            ## renew the lock files (needs uv)
	uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-header --upgrade --extra dev -o requirements.lock pyproject.toml
	uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-header --extra dev --extra bench -c requirements.lock -o requirements-bench.lock pyproject.toml

clean:           ## forget the environment and all that was built
	rm -rf $(VENV) build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
