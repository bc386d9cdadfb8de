# `make run` starts the product, `make test` proves it. Both set up what they need first.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check

.PHONY: run test setup check lint types openapi clean

run: setup ## start the server with the demo knowledge base
	$(BIN)/kb serve --demo

test: $(VENV)/.dev ## run every test, a process per core
	$(BIN)/python -m pytest -q -n auto --dist loadfile $(ARGS)

check: lint types test ## what CI runs

lint: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/.dev
	$(BIN)/mypy

setup: $(VENV)/.run ## make .venv with the `kb` command in it

openapi: setup ## write docs/openapi.json and docs/settings.md anew
	$(BIN)/python -m api.openapi > docs/openapi.json
	$(BIN)/python -m kb.settings_reference > docs/settings.md

$(VENV)/.run: requirements.lock pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 13) and "Python 3.11 or 3.12 is needed: make PYTHON=python3.11 ...")'
	$(PYTHON) -m venv $(VENV)
	$(PIP) -r requirements.lock
	$(PIP) --no-deps --no-build-isolation --editable .
	touch $@

$(VENV)/.dev: $(VENV)/.run requirements-dev.lock
	$(PIP) -r requirements-dev.lock
	touch $@

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache
