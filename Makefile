# `make help` lists what there is. Everything is set up on the way: environment, Docker Engine, practice host.
.DEFAULT_GOAL := help
SHELL := /bin/bash
BIN := .venv/bin

export PYTHON ?= python3

.venv/.run: pyproject.toml constraints.txt tools/environment
	@tools/environment && touch $@

.venv/.dev: pyproject.toml constraints.txt tools/environment
	@tools/environment '[dev]' && touch $@ .venv/.run

### Use

help: ## list the targets
	@awk -F ':.*## ' '/^### /{printf "%s%s\n", groups++ ? "\n" : "", substr($$0, 5)} /^[a-z]+:.*## /{printf "  make %-8s %s\n", $$1, $$2}' Makefile

setup: .venv/.run ## make the environment, so that .venv/bin/rollback is there

clean: ## remove the practice host, all it was made from, and the environment
	@[ ! -x $(BIN)/rollback ] || $(BIN)/rollback lab down --all
	@rm -rf .venv deploy/airflow/.venv deploy/airflow/home .mypy_cache .ruff_cache .pytest_cache build *.egg-info

### Practise

drill: ## break the practice host by a bad commit, and roll it back with the real notebook, headless
	@tools/practice
	@$(BIN)/rollback drill code

drills: ## the same for every procedure
	@tools/practice
	@$(BIN)/rollback drill

lab: ## start the practice host, and JupyterLab on the start page
	@tools/practice
	@$(BIN)/rollback lab up
	@$(BIN)/rollback open --stack drill

### Develop

unit: .venv/.dev ## only the tests that need no practice host
	@$(BIN)/pytest tests/unit

test: ## the whole test suite, on practice hosts of its own
	@tools/practice tests
	@$(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/mypy
	@$(BIN)/pytest --numprocesses 2 --maxschedchunk 1 --durations 25

faults: .venv/.dev ## every fault in every step of every procedure, and of undo: more than an hour
	@$(BIN)/pytest tests/acceptance/faults tests/acceptance/test_release.py -m 'whole or not whole' --numprocesses 2

hosts: .venv/.dev ## every procedure on hosts and stacks of other shapes, and docs/hosts.md from what was found: more than an hour
	@$(BIN)/pytest tests/acceptance/hosts tests/acceptance/stacks -m 'whole or not whole' --numprocesses 2 --write-table docs/hosts.md

long: .venv/.dev ## the acceptance tests that make test leaves out, faults and hosts apart: half an hour
	@tools/practice tests
	@$(BIN)/pytest tests/unit tests/acceptance tests/browser -m whole --numprocesses 2 \
		--ignore tests/acceptance/faults --ignore tests/acceptance/hosts --ignore tests/acceptance/stacks

fleet: .venv/.dev deploy/airflow/.venv/.made ## rollbacks of many hosts on a real Airflow, with three practice hosts: a quarter of an hour
	@tools/practice tests
	@$(BIN)/pytest tests/fleet -m 'whole or not whole'

deploy/airflow/.venv/.made: deploy/airflow/environment deploy/airflow/requirements.txt deploy/airflow/constraints.txt
	@deploy/airflow/environment && touch $@

pictures: .venv/.dev ## take the pictures of the documentation again, in a real JupyterLab: look at them before you commit them
	@tools/practice tests
	@$(BIN)/pytest tests/browser/test_walks.py tests/browser/test_elsewhere.py -k '(bad_commit and mouse) or elsewhere' --write-pictures

bench: .venv/.dev ## measure beside the runbook's own commands and other tools, and write the tables of bench/README.md
	@tools/browser
	@bench/run
	@$(BIN)/python -m bench.readme

.PHONY: help setup clean drill drills lab unit test faults hosts long fleet pictures bench
