# Meridian. `make help` lists what there is to do.

SHELL := bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.PHONY: help setup run test lint types format bench pictures clean

VENV := .venv
PYTHON := $(VENV)/bin/python
STAMP := $(VENV)/.meridian-setup

help: ## list the targets
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | awk -F':.*## ' '{printf "  make %-8s %s\n", $$1, $$2}'

setup: $(STAMP) ## make .venv with everything that is needed (quick when nothing has changed)

$(STAMP): pyproject.toml constraints.txt scripts/setup scripts/requirements.py
	@scripts/setup $(VENV)
	@touch $@

run: setup ## run a federation of three regions with demo services; Ctrl-C stops it
	@exec $(PYTHON) manage.py up --regions us-east,eu-west,ap-south --port 8500 --dns-port 8600 --data .meridian/demo --demo

test: setup ## run linters, types, import contracts and tests, on SQLite and PostgreSQL; FAULTS=1 adds the long fault runs
	@exec scripts/test $(if $(FAULTS),--faults)

lint: setup ## check format, lint, imports, types and migrations
	@scripts/lint

types: setup ## check types alone
	@$(PYTHON) -m mypy .

format: setup ## format the code and the templates, and mend what the linter can mend
	@$(PYTHON) -m ruff format .
	@$(PYTHON) -m scripts.templates
	@$(PYTHON) -m ruff check --fix .

bench: setup ## print the figures of benchmarks/
	@exec $(PYTHON) -m benchmarks

pictures: setup ## take the README's pictures from a running demo (some minutes; needs Chromium)
	@scripts/debian chromium=chromium
	@exec $(PYTHON) -m scripts.pictures

clean: ## remove .venv, caches and the data of `make run`; regions of your own stay
	@rm -rf $(VENV) .meridian/demo .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
