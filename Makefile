# Borrowed Feathers. `make help` lists what there is. Windows has no make: README.md has the plain commands.

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
MADE   := $(VENV)/.made
READY  := $(VENV)/.ready
TESTED := $(VENV)/.ready-test
PROFILE ?= standard
# The address of another index for torch and torchvision alone: pytorch.org's selector names the one of the CPU build.
TORCH_INDEX ?=
CONSTRAINTS ?= -c constraints.txt
PIP_INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check $(CONSTRAINTS)
# Tests run side by side, one thread each: small tensors gain nothing from more. JOBS=0 runs them one by one.
JOBS    ?= auto
SIDE_BY_SIDE := OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n $(JOBS) --maxprocesses 4

# A wrong Python must show before .venv is made with it.
define WRONG_PYTHON
import re, sys
oldest = int(re.search(r'requires-python = ">=3\.(\d+)"', open("pyproject.toml").read()).group(1))
if sys.version_info < (3, oldest):
    found = "Python %d.%d" % sys.version_info[:2]
    sys.exit("%s found; 3.%d or newer expected. Name one: make PYTHON=python3.%d ..." % (found, oldest, oldest + 2))
endef
export WRONG_PYTHON

.DEFAULT_GOAL := help
.PHONY: help setup course test lab app cheatsheet notebooks lint data data-check results bench clean

help: ## Show this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sort | awk -F ':.*## ' '{printf "  make %-11s %s\n", $$1, $$2}'

setup: $(READY) ## Install the course into .venv

course: $(READY) ## Set up, run all lessons, print the scoreboard
	@$(BIN)/course run --profile $(PROFILE)

test: $(TESTED) ## Set up, run everything that tests
	@echo "== Unit tests"
	@$(SIDE_BY_SIDE) --dist worksteal tests drawing/tests
	@echo "== Lessons and solutions, smoke profile"
	@COURSE_PROFILE=smoke COURSE_OUT=$(CURDIR)/build/test PYTHONPATH=tests \
	    $(SIDE_BY_SIDE) -p start_again --dist loadfile --nbval-lax --nbval-cell-timeout=300 -p no:cacheprovider notebooks

lab: $(READY) ## Set up, copy the lessons into my_lessons/, open JupyterLab there
	@$(BIN)/course lab

app: $(READY) ## Set up, serve a page to drop a photo into; MODEL=folder takes a model of `course train`
	@$(BIN)/course app $(MODEL)

cheatsheet: $(TESTED) ## Print the cheat sheet, one page with two sides, as build/cheatsheet.pdf
	@$(BIN)/python tools/cheatsheet.py

notebooks: $(TESTED) ## Rebuild the notebooks whose lesson changed
	@$(BIN)/python tools/build.py

lint: $(TESTED) ## Check style and spelling
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/codespell course_utils lessons take_home tests tools drawing benchmarks *.md docs/*.md notebooks/*.md
	@$(BIN)/zizmor --offline --quiet .github/workflows

data: $(TESTED) ## Draw the bundled birds and scans again, and look for shortcuts
	@$(BIN)/python drawing/draw_birds.py render
	@$(BIN)/python drawing/draw_birds.py plate
	@$(BIN)/python drawing/draw_birds.py audit --json results/fieldguide_audit.json
	@$(BIN)/python drawing/datasheet.py
	@$(BIN)/python drawing/draw_scans.py render
	@$(BIN)/python drawing/draw_scans.py audit

data-check: $(TESTED) ## Draw birds and scans again and compare with the bundled ones
	@$(BIN)/python drawing/draw_birds.py check
	@$(BIN)/python drawing/draw_scans.py check

results: $(TESTED) ## Measure results/*.json again: hours, but resumable
	@$(BIN)/python tools/measure.py $(if $(PHOTOS),--photos "$(PHOTOS)")
	@$(BIN)/python drawing/datasheet.py

bench: $(TESTED) ## Measure speed beside the usual loop and fastai: 20 minutes
	@$(PIP_INSTALL) -e ".[bench]"
	@$(BIN)/python benchmarks/side_by_side.py
	@$(BIN)/python tools/scoreboard.py

clean: ## Remove .venv and build/
	rm -rf $(VENV) build

# With TORCH_INDEX torch and torchvision come from there, and nothing else does.
$(MADE):
	@$(PYTHON) -c "$$WRONG_PYTHON"
	@$(BIN)/python -m pip --version >/dev/null 2>&1 || $(PYTHON) -m venv $(VENV)
	@test -z "$(TORCH_INDEX)" || $(PIP_INSTALL) --no-deps --index-url "$(TORCH_INDEX)" torch torchvision || { \
	    echo "$(TORCH_INDEX) does not have what is asked for; pip says above what it found. Take the address from" \
	        "the selector on pytorch.org, or leave TORCH_INDEX out."; exit 1; }
	@touch $@

$(READY): pyproject.toml constraints.txt | $(MADE)
	@echo "Setting up $(VENV): downloads PyTorch and JupyterLab once, which takes some minutes."
	@$(PIP_INSTALL) -e ".[lab,offline]" || { \
	    echo "Not all of the tested versions could be installed; pip says above what went wrong. No network? Then the same" \
	        "command goes on later. A Python newer than they are? Then try the newest: make lab CONSTRAINTS="; exit 1; }
	@touch $@
	@echo "Set up."

$(TESTED): $(READY)
	@echo "Adding what the tests need."
	@$(PIP_INSTALL) -e ".[lab,offline,frameworks,test,draw,backbones]"
	@touch $@
