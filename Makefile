# Everything runs from .venv, which the first target makes. `make help` explains the rest.
SHELL := bash
.DEFAULT_GOAL := help
BIN := .venv/bin
export PATH := $(CURDIR)/$(BIN):$(PATH)

# Test modules run side by side in so many processes, which share one PostgreSQL and one Kafka.
JOBS ?= 2
SIDE_BY_SIDE := -n $(JOBS) --dist loadfile --no-loadscope-reorder

.PHONY: help demo test unit lint format coverage protos settings bench up down status clean

help: ## what can be made
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## /\1\t/' | expand -t 10

demo: .venv/.synced ## the whole story on this machine: real PostgreSQL and Kafka, sample airspace, plans decided, events scrolling by
	lowsky demo

test: .venv/.synced ## every test, against real PostgreSQL and real Kafka
	pytest $(SIDE_BY_SIDE) $(ARGS)

unit: .venv/.synced ## the tests that need neither
	pytest tests/unit tests/architecture tests/contract $(SIDE_BY_SIDE) $(ARGS)

coverage: .venv/.synced ## what the unit tests run, line and branch: the files of which they run less than 80 %, and all together
	coverage erase
	coverage run -m pytest tests/unit $(ARGS)
	coverage combine --quiet
	coverage report --sort=cover | awk '/^TOTAL/ || $$NF + 0 < 80'

lint: .venv/.synced ## formatting, style, types, import rules, protos
	ruff format --check .
	ruff check .
	mypy
	lint-imports
	buf lint protos
	deploy/check-breaking
	python protos/generate.py --check
	python deploy/settings.py --check

format: .venv/.synced ## write the formatting
	ruff check --fix .
	ruff format .
	buf format -w protos --exclude-path protos/buf --exclude-path protos/google

protos: .venv/.synced ## generate protos/gen anew (committed; leaves no diff)
	python protos/generate.py

settings: .venv/.synced ## write the reference of the settings in deploy/README.md anew
	python deploy/settings.py

bench: .venv/.synced ## measure, as ratios within one run
	python -m tests.bench

up: .venv/.synced ## start the local stack and leave it running
	lowsky up

down: .venv/.synced ## stop the local stack
	lowsky down

status: .venv/.synced ## how the local stack is
	lowsky status

clean: ## remove what was made here (not the download cache in your home)
	@if [ -x $(BIN)/lowsky ] && [ -e .lowsky ]; then lowsky down --purge; fi
	rm -rf .venv dist build .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache .coverage

.venv/.synced: pyproject.toml uv.lock deploy/setup
	deploy/setup
