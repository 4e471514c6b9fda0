# The one entry point, for people and for CI. `make` alone lists the targets.
VENV := .venv
BIN := $(VENV)/bin
PYTHON := $(shell for p in python3 python3.13 python3.12 python3.11; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
ROLES := torch,parquet,postgres,tracking,embedded

.PHONY: help demo up test test-long chaos check check-api bench records results search-study pictures
.DEFAULT_GOAL := help

help:  ## list the targets
	@grep -E '^[a-z-]+:.*##' Makefile | sed -E 's/:.*## /\t/' | awk -F'\t' '{printf "make %-12s %s\n", $$1, $$2}'

demo: $(VENV)/installed  ## start everything, train 18 networks as one array, show the results, stop everything
	@$(BIN)/cnnlab demo

up: $(VENV)/installed  ## start everything on this machine and keep it running (CNNLAB_PORT: the API's port)
	@$(BIN)/cnnlab up

# Tests that run the compiled operation run a second time without it.
# Bytecode of tests is kept, even where the environment asks for no bytecode: two processes rewrite 5,000 assertions.
test: $(VENV)/installed-dev  ## run the tests, but those of `make test-long`
	@PYTHONDONTWRITEBYTECODE= $(BIN)/python -m pytest -q -n 2 --dist worksteal -m "not long"

test-long: $(VENV)/installed-dev  ## run the other tests: large nets, killed processes, and what runs without compiled kernels
	@PYTHONDONTWRITEBYTECODE= $(BIN)/python -m pytest -q -n 2 --dist worksteal -m long
	@echo "Once more without compiled kernels, what runs them:"
	@PYTHONDONTWRITEBYTECODE= CNNLAB_KERNELS=off $(BIN)/python -m pytest -q -n 2 -m compiled tests/cnnlab

chaos: $(VENV)/installed-dev  ## kill and stop every process at random while 200 trials train, then judge (50 minutes at most)
	@$(BIN)/python -m pytest -q -s --timeout 3000 tests/chaos

check: $(VENV)/installed-dev  ## lint, types, import floors, compose file
	$(BIN)/ruff check .
	$(BIN)/ruff format --check -q .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/check-jsonschema --builtin-schema vendor.compose-spec docker-compose.yml

check-api: $(VENV)/installed-dev  ## fuzz the API as /openapi.json describes it, three minutes
	@$(BIN)/python -m pytest -q -s tests/api_fuzz/check_api.py

bench: $(VENV)/installed  ## compare with loops, Ray Tune, Optuna and JAX, end to end, half an hour; BENCH=--help lists options
	@$(BIN)/python -m benchmarks.rivals $(BENCH)

records: $(VENV)/installed  ## measure what docs/records.md claims, on this machine
	@for file in benchmarks/gpu benchmarks/*.py; do $(BIN)/python -m benchmarks.$$(basename $$file .py); done

search-study: $(VENV)/installed  ## measure what searches and early stopping save, for docs/search.md, under an hour; STUDY=replay does a part
	@$(BIN)/python -m benchmarks.search_study $(STUDY)

results: $(VENV)/installed  ## measure what docs/results.md claims, about half an hour (needs CNNLAB_DATA)
	@for file in benchmarks/results/[!_]*.py; do $(BIN)/python -m benchmarks.results.$$(basename $$file .py); done

pictures: $(VENV)/installed-dev  ## take the documentation's pictures of MLflow's pages again (needs Chromium)
	@mkdir -p docs/img
	CNNLAB_PICTURES=docs/img $(BIN)/python -m pytest -q tests/whole/test_mlflow_view.py

$(VENV)/installed: pyproject.toml constraints.txt scripts/install_torch.py
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer is needed, found: $$(python3 --version 2>&1)"; exit 1; }
	@echo "Installing into $(VENV), once: about 400 MB to download without a GPU (torch 190, MLflow and the rest 210),"
	@echo "1.8 GB on disk; with a GPU several GB more for CUDA."
	@began=$$(date +%s); set -e; \
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV); \
	$(BIN)/python scripts/install_torch.py; \
	echo "  everything else, exact versions from constraints.txt"; \
	$(BIN)/python -m pip install -q -c $(VENV)/constraints.txt -e '.[$(ROLES)]'; \
	$(BIN)/python -c "from cnnlab.kernels.library import load_all; print('  compiled operations:', *(k.name or k.reason for k in load_all().values()))"; \
	echo "Installed in $$(( $$(date +%s) - began )) s."
	@touch $@

$(VENV)/installed-dev: $(VENV)/installed
	@echo "Installing what tests and checks need."
	@$(BIN)/python -m pip install -q -c $(VENV)/constraints.txt -e '.[$(ROLES),search,timm,export,frames,dev]'
	@touch $@
