# `make repro` builds everything and prints the results; `make test` checks everything. Both set up .venv first.
PYTHON ?= python3
# EXTRA=gpu installs the CUDA build of TensorFlow.
EXTRA ?=
# Test files run side by side; each process holds about 2 GiB.
JOBS ?= 2
REV ?= HEAD
BASE ?= main
LOCK := requirements$(if $(EXTRA),-$(EXTRA)).lock
BIN := .venv/bin
STAMP := .venv/installed-$(LOCK)
NODE_SERVERS := azurite@3.35.0 s3rver@3.7.1
SUDO := $(if $(filter 0,$(shell id -u)),,sudo)

.PHONY: repro verify review test check servers setup lock
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

# Everything anew in a fresh clone of a commit, compared byte for byte: make verify TARGETS=split REV=HEAD~1 TOLERANCE=0.1
verify: setup
	PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python -m workflow.verify $(TARGETS) --rev $(REV) $(if $(TOLERANCE),--tolerance $(TOLERANCE))

# What HEAD changes since it left BASE, for its reviewers: review/comment.md and review/figures.html
review: setup
	$(BIN)/python -m workflow.review $(BASE)

check: setup
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

test: check
	PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python -m pytest --numprocesses $(JOBS) --dist loadfile

# Servers for the tests of remotes: Debian's packages, and npm's in .servers. Tests of what is not there are skipped.
servers:
	@lacking=$$(PATH="$$PATH:/usr/sbin"; for each in sshd:openssh-server apache2:apache2-bin node:nodejs npm:npm; do \
	  command -v $${each%:*} >/dev/null || echo $${each#*:}; done); \
	test -z "$$lacking" || { $(SUDO) apt-get update --quiet && $(SUDO) env DEBIAN_FRONTEND=noninteractive \
	  apt-get install --quiet --yes --no-install-recommends $$lacking; } || { echo "make servers: Debian's packages are lacking:" \
	  $$lacking; echo "make servers: install them as root, and run make servers again"; exit 1; } >&2
	@stamp=.servers/$$(echo $(NODE_SERVERS) | tr ' ' +); test -e $$stamp || { rm -rf .servers && npm install --prefix .servers --no-save \
	  --no-package-lock --no-audit --no-fund --ignore-scripts --loglevel=error $(NODE_SERVERS) && touch $$stamp; }

# The locks carry hashes and no index's URL; one version of each package serves every Python.
lock: setup
	$(BIN)/uv pip compile pyproject.toml --group dev --universal --python-version 3.11 --fork-strategy fewest --upgrade \
	  --generate-hashes --quiet --custom-compile-command "make lock" --output-file requirements.lock
	$(BIN)/uv pip compile pyproject.toml --group dev --extra gpu --universal --python-version 3.11 --fork-strategy fewest --upgrade \
	  --constraint requirements.lock --generate-hashes --quiet --custom-compile-command "make lock" --output-file requirements-gpu.lock
