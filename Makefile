# Every target sets up what it needs, once, in .venv: Python 3.11 or newer, make and
# the package index are enough (`parity`: Python 3.11). `make help` lists the targets.

PYTHON ?= python3
ARGS ?=
# A worker for each core, and a file of tests goes to one worker: its fixtures are made
# once. ARGS="-n 0 ..." runs everything in this process, as a debugger needs it.
WORKERS ?= -n logical --maxprocesses 8 --dist loadfile --no-loadscope-reorder

VENV := .venv
BIN := $(VENV)/bin
REQUIREMENTS := setup.cfg pyproject.toml constraints.txt
comma := ,

export TF_CPP_MIN_LOG_LEVEL ?= 2
export PIP_DISABLE_PIP_VERSION_CHECK ?= 1

# tensorflow-addons ends with TensorFlow 2.15, which ends with Python 3.11.
PARITY := .venv-parity
PARITY_PYTHON ?= python3.11

.PHONY: help demo test test-slow parity lint format wheel clean
.DEFAULT_GOAL := help

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' Makefile

demo: $(VENV)/.demo ## train, export, compare and draw; ends with a table
	$(BIN)/tfrecvis demo $(ARGS)

test: $(VENV)/.dev ## run the fast tests, seven to ten minutes on two cores
	$(BIN)/python -m pytest -m "not slow and not parity" $(WORKERS) $(ARGS)

test-slow: $(VENV)/.dev ## run the others: variants, whole programs, real data
	$(BIN)/python -m pytest -m slow $(WORKERS) $(ARGS)

parity: $(VENV)/.dev $(PARITY)/.installed ## compare with tensorflow-addons
	$(BIN)/python -m pytest -m parity tests/parity $(ARGS)

lint: $(VENV)/.dev ## check style and format
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

format: $(VENV)/.dev ## rewrite the files in the project's format
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# setuptools would ship what an earlier build left in build/.
wheel: $(VENV)/.dev ## build dist/tfrecvis-*.whl
	rm -rf build dist
	$(BIN)/python -m build --wheel --outdir dist

clean: ## remove the environment and what was built
	rm -rf $(VENV) $(PARITY) build dist *.egg-info .pytest_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# The two stamps: what the demo needs, and everything (which holds the demo's too).
$(VENV)/.demo: $(REQUIREMENTS) $(BIN)/python
	$(call install,onnx$(comma)litert$(comma)data$(comma)plots)
	@touch $(VENV)/.demo

$(VENV)/.dev: $(REQUIREMENTS) $(BIN)/python
	$(call install,dev)
	@touch $(VENV)/.demo $(VENV)/.dev

$(PARITY)/.installed: tests/parity/requirements.txt
	@command -v $(PARITY_PYTHON) >/dev/null || { echo >&2 \
	"tensorflow-addons needs Python 3.11, and $(PARITY_PYTHON) is not a command here." \
	"Install it, or name it: make parity PARITY_PYTHON=/path/to/python3.11"; exit 1; }
	$(PARITY_PYTHON) -m venv --clear $(PARITY)
	@echo "Installing tensorflow-addons into $(PARITY): a minute, and only this once."
	$(PARITY)/bin/python -m pip install --quiet --requirement $<
	@touch $@

# .installing outlives an interrupted installation. pip takes packages that it had half
# copied for whole ones, so such an environment is made anew (pip's cache makes it short).
define install
	@if [ -e $(VENV)/.installing ] || ! $(BIN)/python -m pip --version >/dev/null 2>&1; \
	then echo "The last set-up of $(VENV) was interrupted: making it anew."; \
	$(make_venv); fi
	@touch $(VENV)/.installing
	@echo "Installing tfrecvis[$(1)] into $(VENV): some minutes, and only this once."
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[$(1)]'
	@rm $(VENV)/.installing
endef

make_venv = $(PYTHON) -m venv --clear $(VENV)

$(BIN)/python:
	@command -v $(PYTHON) >/dev/null || { echo >&2 \
	"Python 3.11 or newer is needed, and $(PYTHON) is not a command here." \
	"Install one, or name it: make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo >&2 \
	"Python 3.11 or newer is needed. Received: $(PYTHON) =" \
	"$$($(PYTHON) --version 2>&1)." \
	"Install one, or name it: make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 1; }
	$(make_venv)
