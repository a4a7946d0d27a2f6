# `make repro` builds everything, two stages at a time, and prints the results; `make test` checks everything. Both set up .venv first.
PYTHON ?= python3
# EXTRA=gpu installs the CUDA build of TensorFlow.
EXTRA ?=
# Stages or test files that run side by side; each process holds 2 to 4 GB.
JOBS ?= 2
REV ?= HEAD
BASE ?= main
REVS ?=
LOCK := requirements$(if $(EXTRA),-$(EXTRA)).lock
BIN := .venv/bin
# A moved or copied folder has no stamp of its path: its environment is set up again, in seconds and without a network.
STAMP := .venv/installed-$(LOCK)-$(shell pwd -P | cksum | cut -d ' ' -f 1)
PYTEST = PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python -m pytest --numprocesses $(JOBS) --dist loadfile --no-loadscope-reorder
# Vega's versions are those of the page of `dvc plots`; --legacy-peer-deps, since this vega-lite declares a later vega than that page has.
NODE_SERVERS := s3rver@3.7.1 axe-core@4.14.1 vega@5.20.2 vega-lite@5.2.0 vega-embed@6.18.2
INSTALL_NODE_SERVERS = stamp=.servers/$$(echo $(NODE_SERVERS) | tr ' ' +); test -e $$stamp || { rm -rf .servers && npm install --prefix .servers \
  --no-save --no-package-lock --no-audit --no-fund --ignore-scripts --legacy-peer-deps --loglevel=error $(NODE_SERVERS) && touch $$stamp; }
SUDO := $(if $(filter 0,$(shell id -u)),,sudo)

.PHONY: repro report verify review plots test test-all test-slow check servers setup lock
.DEFAULT_GOAL := repro

setup: $(STAMP)

# uv installs in half a minute what takes pip four; compiled bytecode cuts each stage's start by two thirds.
$(STAMP): $(LOCK) pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(0 if (3, 11) <= sys.version_info < (3, 14) else "Python 3.11 to 3.13 is needed, \
	this is " + sys.version.split()[0] + "; name another: make PYTHON=python3.12")'
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check "uv>=0.5"
	$(BIN)/python -m uv pip sync --quiet --python $(BIN)/python --compile-bytecode --require-hashes $(LOCK)
	$(BIN)/python -m uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --editable .
	test -z "$(wildcard .venv/installed-*)" || $(BIN)/python -m workflow.scripts
	rm -f .venv/installed-*
	touch $@

repro: setup
	@$(BIN)/python -m workflow.check
	@$(BIN)/python -m workflow.repro --jobs $(JOBS)
	@$(BIN)/python -m stages.summary show

# Brings report/index.html up to date and prints it as report/report.pdf. Needs Chromium, which make servers installs.
report: setup
	@$(BIN)/python -m workflow.check
	@$(BIN)/python -m workflow.repro --jobs $(JOBS)
	@$(BIN)/python -m workflow.print_report

# Rebuilds a commit in a fresh clone and compares byte for byte: make verify TARGETS=split REV=HEAD~1 TOLERANCE=0.1
verify: setup
	$(BIN)/python -m workflow.verify $(TARGETS) --rev $(REV) $(if $(TOLERANCE),--tolerance $(TOLERANCE))

# Writes what HEAD changes since it left BASE to review/comment.md and review/figures.html, for reviewers
review: setup
	$(BIN)/python -m workflow.review $(BASE)

# Writes dvc_plots/index.html, which opens without a network; with revisions, they are compared: make plots REVS="HEAD~1 HEAD". Needs npm.
plots: setup
	@$(INSTALL_NODE_SERVERS)
	@$(BIN)/python -m workflow.plots $(REVS)

check: setup
	$(BIN)/python -m ruff format --check .
	$(BIN)/python -m ruff check .
	$(BIN)/python -m mypy

# Every test that is neither slow nor exhaustive: about 10 minutes.
test: check
	$(PYTEST) -m "not slow and not exhaustive"

# Whole pipelines, crashes, remotes, Ray, browsers, at least one case of each; those of remotes and of pages need `make servers`.
test-slow: setup
	$(PYTEST) -m "slow and not exhaustive"

# All tests, also every further case of the slow ones: for who changes what they test, and every week on GitHub.
test-all: check
	$(PYTEST) -m ""

# Installs what tests of remotes and of pages need: OpenSSH and Chromium from Debian, s3rver, axe-core and Vega from npm in .servers. Tests of
# what is missing are skipped.
servers:
	@missing=$$(PATH="$$PATH:/usr/sbin"; for program in sshd:openssh-server node:nodejs npm:npm chromium:chromium; do \
	  command -v $${program%:*} >/dev/null || echo $${program#*:}; done); \
	test -z "$$missing" || { $(SUDO) apt-get update --quiet && $(SUDO) env DEBIAN_FRONTEND=noninteractive \
	  apt-get install --quiet --yes --no-install-recommends $$missing; } || { echo "make servers: Debian packages are missing:" \
	  $$missing; echo "make servers: install them as root, and run make servers again"; exit 1; } >&2
	@$(INSTALL_NODE_SERVERS)

# The locks carry hashes and no index's URL; one version of each package serves every Python.
lock: setup
	$(BIN)/python -m uv pip compile pyproject.toml --extra study --extra serve --group dev --universal --python-version 3.11 --fork-strategy fewest --upgrade \
	  --generate-hashes --quiet --custom-compile-command "make lock" --output-file requirements.lock
	$(BIN)/python -m uv pip compile pyproject.toml --extra study --extra serve --extra gpu --group dev --universal --python-version 3.11 --fork-strategy fewest --upgrade \
	  --constraint requirements.lock --generate-hashes --quiet --custom-compile-command "make lock" --output-file requirements-gpu.lock
