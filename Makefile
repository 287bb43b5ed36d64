# Two commands are enough: `make demo` and `make test`. Each does all set-up; so does `make lab`, to click.
SHELL := /bin/bash
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# Where the demo puts its image: a registry (REGISTRY=host:port/repo), or an OCI layout in a temporary folder.
REGISTRY ?=

.PHONY: help demo lab labextension test test-slow lint docs bench setup servers clean

help:  ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*##/\t/' | expand -t 12

$(BIN)/.demo: pyproject.toml odh_oci_widgets/_version.py
	@echo "Setting up $(VENV): once, some minutes"
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --upgrade "pip>=25.1"
	$(BIN)/python -m pip install --quiet --editable ".[sandbox,demo,lab]"
	@touch $@

$(BIN)/.test: $(BIN)/.demo
	$(BIN)/python -m pip install --quiet --group test --group lint --group docs
	@touch $@

demo: $(BIN)/.demo  ## the main job on this machine, without a cluster
	@$(BIN)/odh-oci demo $(if $(REGISTRY),--registry $(REGISTRY))

lab: $(BIN)/.demo labextension  ## JupyterLab with the notebooks and the extension
	PATH="$(abspath $(BIN)):$$PATH" $(BIN)/jupyter lab --notebook-dir notebooks $(if $(filter 0,$(shell id -u)),--allow-root) \
	  --LabApp.extra_labextensions_path=$(CURDIR)/labextension/dist

# Python alone needs no Node: `make demo` does without the extension.
EXTENSION := labextension/dist/odh-oci-widgets/package.json
labextension: $(BIN)/.builder  ## the JupyterLab extension, for `make lab` and its tests
	@command -v npm >/dev/null || ./tests/servers/install.sh
	@if command -v npm >/dev/null; then $(MAKE) --no-print-directory $(EXTENSION); \
	else echo "The JupyterLab extension is left out: install Node.js 20 to have it." >&2; fi

labextension/node_modules/.package-lock.json: labextension/package.json labextension/package-lock.json
	cd labextension && npm ci --ignore-scripts
	@touch $@

$(BIN)/.builder: $(BIN)/.demo
	$(BIN)/python -m pip install --quiet "jupyter-builder>=1.2,<2"
	@touch $@

$(EXTENSION): labextension/node_modules/.package-lock.json \
  $(shell find labextension/src labextension/style labextension/schema notebooks -type f) labextension/tsconfig.json
	cd labextension && PATH="$(CURDIR)/$(BIN):$$PATH" npm run build

servers:
	@./tests/servers/install.sh

setup: $(BIN)/.test servers  ## everything the tests need

test: setup lint docs  ## all tests but the slow ones
	@if [ -d labextension/node_modules ]; then cd labextension && npm test; fi
	$(BIN)/python -m pytest -n 2 --dist loadgroup -m "not slow"

test-slow: setup labextension  ## the slow ones
	$(BIN)/python -m pytest -n 2 --dist loadgroup -m slow

lint: $(BIN)/.test labextension  ## ruff, mypy, arrows between rooms, eslint, tsc
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	@if [ -d labextension/node_modules ]; then cd labextension && npm run --silent lint; fi

docs: $(BIN)/.test  ## the documentation in site/, warnings are errors
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --strict --quiet

bench: setup  ## measure pushes side by side (minutes)
	$(BIN)/python benchmarks/push.py

clean:
	rm -rf $(VENV) dist site labextension/{dist,lib,node_modules} .pytest_cache .mypy_cache .ruff_cache
