# Two commands are enough: `make demo` and `make test`. Each does all set-up.
SHELL := /bin/bash
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# Where the demo puts its image: a registry (REGISTRY=host:port/repo), or an OCI layout in a temporary folder.
REGISTRY ?=

.PHONY: help demo lab test test-slow lint bench setup servers clean

help:  ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*##/\t/' | expand -t 12

$(BIN)/.demo: pyproject.toml odh_oci_widgets/_version.py
	@echo "Setting up $(VENV): once, some minutes"
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --upgrade "pip>=25.1"
	$(BIN)/python -m pip install --quiet --editable ".[sandbox,demo,lab]"
	@touch $@

$(BIN)/.test: $(BIN)/.demo
	$(BIN)/python -m pip install --quiet --group test --group lint
	@touch $@

demo: $(BIN)/.demo  ## the main job on this machine, without a cluster
	@$(BIN)/odh-oci demo $(if $(REGISTRY),--registry $(REGISTRY))

lab: $(BIN)/.demo  ## JupyterLab with the notebooks
	PATH="$(abspath $(BIN)):$$PATH" $(BIN)/jupyter lab --notebook-dir notebooks $(if $(filter 0,$(shell id -u)),--allow-root)

servers:
	@./tests/servers/install.sh

setup: $(BIN)/.test servers  ## everything the tests need

test: setup lint  ## all tests but the slow ones
	$(BIN)/python -m pytest -n 2 --dist loadgroup -m "not slow"

test-slow: setup  ## the slow ones
	$(BIN)/python -m pytest -n 2 --dist loadgroup -m slow

lint: $(BIN)/.test  ## ruff, mypy, arrows between rooms
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: setup  ## measure pushes side by side (minutes)
	$(BIN)/python benchmarks/push.py

clean:
	rm -rf $(VENV) dist .pytest_cache .mypy_cache .ruff_cache
