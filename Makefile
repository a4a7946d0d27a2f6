# `make repro` builds everything and prints the results; `make test` checks everything. Both set up .venv first.
PYTHON ?= python3
# EXTRA=gpu installs the CUDA build of TensorFlow.
EXTRA ?=
# Test files run side by side; each process holds about 2 GiB.
JOBS ?= 2
LOCK := requirements$(if $(EXTRA),-$(EXTRA)).lock
BIN := .venv/bin
STAMP := .venv/installed-$(LOCK)

.PHONY: repro test check setup lock
.DEFAULT_GOAL := repro

setup: $(STAMP)

# uv installs in half a minute what takes pip four; compiled bytecode cuts each stage's start by two thirds.
$(STAMP): $(LOCK)
	@$(PYTHON) -c 'import sys; sys.exit(0 if (3, 11) <= sys.version_info < (3, 14) else "Python 3.11 to 3.13 is needed, \
	this is " + sys.version.split()[0] + "; name another: make PYTHON=python3.12")'
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check "uv>=0.5"
	$(BIN)/uv pip sync --quiet --python $(BIN)/python --compile-bytecode --require-hashes $(LOCK)
	rm -f .venv/installed-*
	touch $@

repro: setup
	PATH="$(CURDIR)/$(BIN):$$PATH" dvc repro
	@$(BIN)/python -m stages.summary show

check: setup
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

test: check
	PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python -m pytest --numprocesses $(JOBS) --dist loadfile

# The locks carry hashes and no index's URL; one version of each package serves every Python.
lock: setup
	$(BIN)/uv pip compile pyproject.toml --group dev --universal --python-version 3.11 --fork-strategy fewest --upgrade \
	  --generate-hashes --quiet --custom-compile-command "make lock" --output-file requirements.lock
	$(BIN)/uv pip compile pyproject.toml --group dev --extra gpu --universal --python-version 3.11 --fork-strategy fewest --upgrade \
	  --constraint requirements.lock --generate-hashes --quiet --custom-compile-command "make lock" --output-file requirements-gpu.lock
