# The commands of a day's work. `make` alone lists them.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
# Most tests wait for programs: three workers keep two cores busy. One process: make test ARGS='-n 0 ...'
WORKERS := -n 3 --dist worksteal
SLOWEST := --durations=10
# Of no use to more workers than cores; the folders have nothing but programs in them.
FAST    := -n 2 --dist worksteal -m 'not programs and not screens and not both_loops and not slow' --hypothesis-profile=fast \
	$(patsubst %,--ignore=tests/%,end_to_end interop witness hostile soak)
PIP    := $(BIN)/python -m pip install --quiet --disable-pip-version-check

.PHONY: help demo install test test-fast lint bench chaos hostile fuzz soak interop proto proto-check docs screenshots clean
help:  ## this list
	@sed -n 's/^\([a-z-]*\):.*##  *\(.*\)/\1|\2/p' Makefile | awk -F'|' '{ printf "  make %-12s %s\n", $$1, $$2 }'

demo: $(VENV)/.run  ## try it: console, relay and agent on this machine
	@$(BIN)/natpass-tui demo

install: $(VENV)/.run  ## put the three commands into ~/.local/bin
	@mkdir -p "$(HOME)/.local/bin"
	@for name in natpass-relay natpass-agent natpass-tui; do ln -sf "$(CURDIR)/$(BIN)/$$name" "$(HOME)/.local/bin/$$name"; done
	@echo "natpass-relay, natpass-agent and natpass-tui are in $(HOME)/.local/bin"

test: $(VENV)/.test  ## install what the tests need, and run them
	@sh tests/support/system_packages.sh
	@$(BIN)/python -m pytest $(WORKERS) $(SLOWEST) $(ARGS)

test-fast: $(VENV)/.test  ## pure and unit tests: nothing that starts programs
	@$(BIN)/python -m pytest $(SLOWEST) $(FAST) $(ARGS)

lint: $(VENV)/.test  ## ruff and mypy, for Linux, Windows and macOS
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@for platform in linux win32 darwin; do echo "mypy --platform $$platform"; $(BIN)/mypy --platform $$platform || exit 1; done

bench: $(VENV)/.test  ## measure, each figure as a ratio to a limit of the same run
	@sh tests/support/system_packages.sh
	@$(BIN)/python -m tests.bench $(ARGS)

chaos: $(VENV)/.test  ## a network that cuts 1000 connections, a relay that is killed: nothing may be lost
	@$(BIN)/python -m tests.chaos $(ARGS)

hostile: $(VENV)/.test  ## attacks by the relay, strangers, clients, agents; one kind: ARGS=relay, outside (--help)
	@sh tests/support/system_packages.sh
	@$(BIN)/python -m tests.hostile $(ARGS)

fuzz: $(VENV)/.fuzz  ## fuzz what parses others' data, some minutes; longer: ARGS='TARGET --runs N'
	@$(BIN)/python -m tests.fuzz $(ARGS)

soak: $(VENV)/.test  ## an hour of consoles and agents that come and go: nothing grows (ARGS='--minutes N')
	@$(BIN)/python -m tests.soak $(ARGS)

interop: $(VENV)/.test  ## heavy runs with real tools (nginx, rsync, ...); one: make interop ARGS=rsync
	@sh tests/support/system_packages.sh interop
	@$(BIN)/python -m tests.interop $(ARGS)

proto: $(VENV)/.test  ## regenerate natpass_wire/pb from proto/
	@$(BIN)/python proto/generate.py

proto-check: $(VENV)/.test  ## fail if natpass_wire/pb is not what proto/ gives
	@$(BIN)/python proto/generate.py --check

docs: $(VENV)/.test  ## write docs/options.md anew, from the programs' options
	@$(BIN)/python docs/generate.py

screenshots: $(VENV)/.test  ## make the README's pictures by driving the real programs
	@sh tests/support/system_packages.sh
	@$(BIN)/python -m screenshots $(ARGS)

clean:  ## remove the virtual environment and caches
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "natpass needs Python 3.11 or newer; name one with: make PYTHON=python3.12 ..." >&2; exit 2; }
	@$(PYTHON) -c 'import ensurepip' 2>/dev/null || { \
	  if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then apt-get -qq update && apt-get -qq install -y python3-venv >/dev/null; \
	  else echo "Python's venv module is missing: apt install python3-venv" >&2; exit 2; fi; }
	@$(PYTHON) -m venv $(VENV)

$(VENV)/.run: pyproject.toml | $(BIN)/python
	@echo "installing natpass into $(VENV) ..."
	@$(PIP) -e .
	@touch $@

$(VENV)/.test: pyproject.toml | $(BIN)/python
	@echo "installing natpass and its test tools into $(VENV) ..."
	@$(PIP) -e '.[test]'
	@touch $@ $(VENV)/.run

$(VENV)/.fuzz: $(VENV)/.test
	@$(PIP) -e '.[fuzz]'
	@touch $@
