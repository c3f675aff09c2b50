# What a stranger needs: `make demo` and `make test`. Both set everything up first; a second run finds it done.

PYTHON ?= python3
BIN := .venv/bin
ARGS ?=

.PHONY: help setup demo test check lock clean

help: ## Show what can be made
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 10

setup: build/.setup ## Install everything into this folder: .venv, node_modules, compiled contracts

build/.setup: $(BIN)/uv requirements.lock pyproject.toml package-lock.json $(wildcard contracts/*.vy contracts/devnet/*.vy)
	$(BIN)/uv pip sync --quiet --require-hashes --python $(BIN)/python requirements.lock
	$(BIN)/uv pip install --quiet --no-deps --no-build-isolation --python $(BIN)/python --editable .
	# Not `npm ci`: the lock holds anvil's Linux build only, and other platforms fetch theirs, of the same version.
	npm install --no-save --no-progress --loglevel=error
	$(BIN)/python -m remora.devnet.artifacts
	@touch $@

$(BIN)/uv: uv.lock.txt
	$(PYTHON) -c 'import sys; assert sys.version_info >= (3, 11), "remora needs Python 3.11 or newer, found %s" % sys.version'
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --require-hashes --requirement uv.lock.txt
	@touch $@

demo: setup ## Run the whole service on a local Polymarket; ARGS="--once --json report.json"
	$(BIN)/remora demo $(ARGS)

test: setup ## Run all tests; with ARGS, only what pytest makes of them
ifeq ($(strip $(ARGS)),)
	$(BIN)/python -m pytest --quiet --numprocesses 2 --dist loadfile --ignore tests/scenario
	# Scenarios run whole services on a clock of their own: one at a time.
	$(BIN)/python -m pytest --quiet tests/scenario
else
	$(BIN)/python -m pytest $(ARGS)
endif

check: setup ## Check format, lint, types, layers and architecture
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m pytest --quiet tests/architecture

lock: $(BIN)/uv ## Pin and hash the dependencies anew
	$(BIN)/uv pip compile --quiet --universal --generate-hashes --no-emit-index-url --no-header --no-annotate --group dev --output-file requirements.lock pyproject.toml
	echo uv | $(BIN)/uv pip compile --quiet --universal --generate-hashes --no-emit-index-url --no-header --no-annotate --output-file uv.lock.txt -

clean: ## Remove all that setup made
	rm -rf .venv node_modules build
