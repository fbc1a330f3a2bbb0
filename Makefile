# `make demo` and `make test` do all the set-up that they need, on a fresh Debian or Ubuntu with
# only python3 (and its venv), make and git.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
# These tests wait for routers and servers more than they compute: two for each core.
WAITING := $(shell echo $$((2 * $$(getconf _NPROCESSORS_ONLN))))

.DEFAULT_GOAL := help
.PHONY: help demo demo-real test truth parity torture check unit bench format lock bgpq4 postgresql irrd daemons checkers clean wheel

help:  ## what there is to make
	@grep -E '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

demo: $(READY) bgpq4  ## plan, apply, plan again, a registry change: against emulated routers
	@$(BIN)/python -m tests.lab.demo

demo-real: $(READY) bgpq4 daemons  ## real BIRD and FRR refuse hijacks, leaks and bogons
	@$(BIN)/python -m tests.lab.demo_real

test: check postgresql irrd daemons checkers  ## every check and every test
	$(BIN)/pytest -q -n $(WAITING) --dist worksteal tests/e2e tests/tasks

truth: $(READY) bgpq4 daemons  ## what real daemons accept by irrgate's filters, route by route
	$(BIN)/pytest -q tests/e2e/test_truth.py

parity: $(READY) bgpq4  ## bgpq4's own output and irrgate's, read back and compared on every platform
	@$(BIN)/python -m tests.parity

torture: $(READY) bgpq4  ## every fault at every step of an apply, on every platform; about 15 minutes
	@$(BIN)/python -m tests.torture --write docs/reliability.md

check: $(READY) bgpq4  ## lint, format, types, layering, unit tests
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/pytest -q -n auto tests/unit

unit: $(READY) bgpq4
	$(BIN)/pytest -q tests/unit

bench: $(READY) bgpq4  ## the figures of docs/performance.md; IRRGATE_REAL_IRR names the registry dump
	$(BIN)/python -m benchmarks

format: $(READY)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

lock:  ## pin the newest dependencies; needs uv
	uv pip compile -q --universal --python-version 3.11 --generate-hashes --extra dev --upgrade \
	    --custom-compile-command "make lock" pyproject.toml -o requirements.lock

wheel: $(READY)  ## build the wheel into dist/
	$(BIN)/hatchling build -t wheel

bgpq4:
	@command -v bgpq4 >/dev/null || sh .ci/install-bgpq4

postgresql:
	@sh .ci/install-postgresql

irrd:
	@PYTHON=$(PYTHON) sh .ci/install-irrd

daemons:
	@sh .ci/install-daemons

checkers: $(READY)
	@sh .ci/install-checkers $(BIN)

$(READY): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	    { echo "irrgate needs Python 3.11 or newer: make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 1; }
	@$(PYTHON) -m venv $(VENV) || \
	    { echo "python3 cannot make a virtual environment: run  apt install python3-venv"; exit 1; }
	$(BIN)/pip install -q --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/pip install -q --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

clean:
	rm -rf $(VENV) .venv-irrd dist .mypy_cache .ruff_cache .pytest_cache .hypothesis
