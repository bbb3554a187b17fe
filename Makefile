# Each target sets up what it needs from nothing: a Debian-like machine with Python >= 3.10 and PyPI in reach is enough.
# The work is done by the scripts in tools/; here is only who needs what.

PYTHON := .venv/bin/python
BIN := .venv/bin

.DEFAULT_GOAL := help
.PHONY: help demo test unit lint format docs site bench bench-data independence aws-smoke nightly audit dist lock clean

help: ## what can be made
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST)

demo: ## run examples/forest on the embedded AWS: no account, no Docker needed
	@tools/venv demo
	@$(PYTHON) tools/demo $(if $(RUNTIME),--runtime $(RUNTIME))

test: ## the whole suite, in real containers where a Docker engine is or can be started
	@tools/venv dev
	@tools/test

unit: ## the fast tests: seconds, nothing outside this folder
	@tools/venv dev
	@$(PYTHON) -m pytest tests/unit

lint: ## style, types, workflows, shell scripts
	@tools/venv dev
	@tools/lint

format: ## let ruff put the code in order
	@tools/venv dev
	@scripts=$$(grep -lE '^#!.*\bpython3?$$' tools/*); \
	    $(BIN)/ruff check --fix --quiet . $$scripts && $(BIN)/ruff format --quiet . $$scripts

docs: ## make the generated pages of docs/ again
	@tools/venv dev
	@$(PYTHON) tools/gen-docs

site: ## build the documentation as a site into build/site, and check its links
	@tools/venv dev
	@$(PYTHON) tools/docs-site

bench: ## measure what benchmarks/ promises
	@tools/venv dev
	@tools/bench

bench-data: ## the transfer engine beside the tools people use
	@tools/venv dev
	@tools/bench data

independence: ## the entrypoint in images of many Pythons: glibc, musl, arm64 through QEMU; as root on Debian, ten minutes
	@tools/venv dev
	@tools/docker-up
	@tools/base-image
	@tools/pythons
	@AWS_RUN_INDEPENDENCE=whole $(PYTHON) -m pytest tests/independence

crash: ## kill a client at each of its AWS calls and see that nothing bills and nothing is left; half an hour
	@tools/venv dev
	@tools/crash

faults: ## spoil every AWS operation of every command in every way and write docs/fault-table.md
	@tools/venv dev
	@$(PYTHON) -m tests.crash.faults --write

soak: ## 30 submits of 3 projects at once, while AWS throttles, fails and loses answers
	@tools/venv dev
	@$(PYTHON) -m tests.crash.soak

aws-smoke: ## eight stories on a real account for at most AWS_RUN_AWS_BUDGET dollars; writes docs/real-runs/DATE.md
	@tools/venv dev
	@tools/aws-smoke

nightly: ## what runs each night, with new seeds that it prints; an hour and more
	@tools/nightly soak
	@tools/nightly kills
	@tools/nightly crash
	@tools/nightly faults
	@tools/nightly properties
	@tools/nightly tests

audit: ## look for known vulnerabilities in all that is locked; needs PyPI's or OSV's service in reach
	@tools/venv dev
	@tools/audit

dist: ## build sdist, wheel and bill of materials into dist/, and check what is in them
	@tools/venv dev
	@tools/build-dist dist
	@tools/sbom dist/aws-run.cdx.json

lock: ## make requirements/*.txt again from pyproject.toml
	@tools/venv dev
	@tools/lock

clean: ## remove what was made here, but for the base image's archive, which is slow to make
	@rm -rf .venv build dist out .pytest_cache .mypy_cache .ruff_cache .hypothesis *.egg-info examples/*/out
	@if [ -d .cache ]; then find .cache -mindepth 1 -maxdepth 1 ! -name 'base-*.tar' ! -name 'dockerd.log' -exec rm -rf {} +; fi
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
