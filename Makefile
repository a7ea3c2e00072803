# Each target sets up what it needs first.
PYTHON ?= python3
UV     ?= $(shell command -v uv 2>/dev/null)
VENV   := .venv
BIN    := $(VENV)/bin
READY  := $(VENV)/.ready
DEMO_READY := $(VENV)/.demo-ready

.DEFAULT_GOAL := help
.PHONY: help demo test test-all test-busy check audit bench storm chaos replay record picture screenshots clean

help: ## show this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

demo: $(DEMO_READY) ## run everything on this machine and print one address
	@$(BIN)/python -m deploy.sandbox

# Four workers on two processors: most tests wait for a server. Compiled assertions are cached.
PYTEST := env -u PYTHONDONTWRITEBYTECODE $(BIN)/python -m pytest -n 4 --dist worksteal
# `--all` for everything, `--rest` for what `make test` leaves out.
PART ?= --all
RUNS ?= 10
# These measure time, or load every processor themselves.
ALONE := tests/chaos/test_chaos.py tests/stories/test_bursts.py

test: $(READY) ## run the tests against real servers; a sample of the wide ones
	@$(PYTEST) $(ARGS)

test-all: $(READY) ## run all tests, with long stories and every state
	@$(PYTEST) $(PART) $(ALONE:%=--ignore %) $(ARGS)
	@test -n "$(ARGS)" || $(BIN)/python -m pytest --all $(ALONE)

test-busy: $(READY) ## run the tests RUNS times under load on every processor
	@$(BIN)/python -m tests.busy --runs $(RUNS) -- $(PYTEST) $(ARGS)

check: $(READY) ## lint, types, imports, sizes, the example policy
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-cache
	@$(BIN)/python tests/architecture/measure.py
	@$(BIN)/koban check deploy/policy

audit: ## every dependency is pinned by hash (ARGS=--online: pip-audit looks up known vulnerabilities)
	@$(PYTHON) -m deploy.audit $(ARGS)

bench: $(READY) ## measure against baselines of the same run; writes bench.json
	@$(BIN)/python -m tests.bench $(ARGS)

storm: $(READY) ## 10,000 alerts in a minute at Slack's rates; ARGS=--small for half a minute
	@$(BIN)/python -m tests.bench.storm $(ARGS)

chaos: $(READY) ## kills, faults and repeats over 200 cases; no event may be missing
	@$(BIN)/python -W ignore -m tests.chaos $(ARGS)

replay: $(READY) ## replay the recorded histories against today's workflows
	@$(BIN)/python -m pytest tests/replay

record: $(READY) ## record histories of today's workflows for a release: VERSION=0.2.0
	@$(BIN)/python -m tests.replay.record $(VERSION)

picture: $(READY) ## draw docs/architecture.svg from docs/architecture.yaml
	@$(BIN)/python -m tests.architecture.picture

screenshots: $(READY) ## redraw the pictures of docs/tour.md (needs Chromium)
	@$(BIN)/python -m deploy.sandbox.screenshots

clean: ## remove what the targets made
	rm -rf $(VENV) .demo bench.json .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# Pinned by hash, installed with uv if it is there, else with pip.
define SETUP
@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || \
	{ echo "Koban needs Python 3.11 or newer; set PYTHON=/path/to/python3." >&2; exit 1; }
@PYTHONUNBUFFERED=1 $(PYTHON) deploy/install.py --uv "$(UV)"
endef

$(DEMO_READY): demo.lock pyproject.toml
	$(SETUP) demo

$(READY): requirements.lock pyproject.toml
	$(SETUP) all
