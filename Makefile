# Everything from an empty machine: Python 3.11 or newer, make and a package index are enough.

PYTHON ?= python3
HOST ?= 127.0.0.1
PORT ?= 8000
DATA_DIR ?= .data
PYTEST_ARGS ?=
BENCH_ARGS ?=

# Findings of medium severity and confidence; the rest points at every subprocess and every composed statement.
BANDIT := -ll -ii -r trustengine orders billing reviews reports metrics
VENV := .venv
RUN := $(VENV)/bin/python
INSTALLED := $(VENV)/.installed
COMPILE := $(VENV)/bin/uv pip compile --universal --python-version 3.11 --generate-hashes --no-header --no-annotate -q

.DEFAULT_GOAL := help
.PHONY: help install demo test lint audit bench requirements clean

help: ## Show what can be made
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

install: $(INSTALLED) ## Set up .venv with the pinned requirements

# Redone only when the requirements have changed; the stamp is written last, so an interrupted run is repeated.
$(INSTALLED): requirements-dev.txt requirements.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "error: Python 3.11 or newer is needed; name one by make PYTHON=/path/to/python3" >&2; exit 2; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || \
		{ echo "error: $(PYTHON) cannot make virtual environments (on Debian: apt install python3-venv)" >&2; exit 2; }
	@test -x $(RUN) && $(RUN) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || $(PYTHON) -m venv --clear $(VENV)
	$(RUN) -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.txt
	@SECRET_KEY=unused AUDIT_KEY=unused $(RUN) manage.py collect_static
	@touch $@

demo: install ## Run the whole system with a lively demo marketplace (HOST, PORT, DATA_DIR)
	@$(RUN) manage.py up --host $(HOST) --port $(PORT) --data-dir $(DATA_DIR) --seed demo $(if $(YES),--yes)

test: install ## Pass the whole test suite (PYTEST_ARGS)
	@$(RUN) -m pytest $(PYTEST_ARGS)

lint: install ## Check style, types, who imports whom, and what bandit knows
	$(RUN) -m ruff check .
	$(RUN) -m ruff format --check .
	$(RUN) -m mypy
	$(VENV)/bin/lint-imports
	$(RUN) -m bandit --quiet --configfile pyproject.toml $(BANDIT)

audit: install ## Look the pinned packages up among known vulnerabilities (asks the package index)
	$(RUN) -m pip install --quiet --disable-pip-version-check pip-audit
	$(VENV)/bin/pip-audit --require-hashes --disable-pip -r requirements.txt

bench: install ## Measure throughput on this machine (BENCH_ARGS)
	@$(RUN) manage.py bench $(BENCH_ARGS)

requirements: install ## Pin and hash what pyproject.toml asks for anew
	$(RUN) -m pip install --quiet --disable-pip-version-check uv
	$(COMPILE) pyproject.toml -o requirements.txt
	$(COMPILE) --group dev -c requirements.txt pyproject.toml -o requirements-dev.txt

clean: ## Remove .venv, caches and the data of the default data directory
	rm -rf $(VENV) .data .static .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
