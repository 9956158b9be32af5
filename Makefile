# The set-up and the checks. The rest is plain DVC: `. .venv/bin/activate`, then `dvc repro`, `dvc exp run`, …
# The installer, uv, does not read pip's settings: name a private package index in UV_DEFAULT_INDEX, and set
# UV_SYSTEM_CERTS=1 where a proxy has its own certificate.

PYTHON ?= python3

# Each lock holds the one before it, so the largest that is installed serves: `make repro` after `make test` installs
# and removes nothing.
runtime := $(firstword $(wildcard .venv/requirements-bench.txt .venv/requirements-dev.txt \
	.venv/requirements-extras.txt) .venv/requirements.txt)
extras := $(firstword $(wildcard .venv/requirements-bench.txt .venv/requirements-dev.txt) .venv/requirements-extras.txt)
dev := $(firstword $(wildcard .venv/requirements-bench.txt) .venv/requirements-dev.txt)
bench := .venv/requirements-bench.txt

# Stages call `python`: it has to be ours, whatever other environment is active.
run := PATH="$(CURDIR)/.venv/bin:$$PATH" .venv/bin

.PHONY: help setup repro check service s3 s3-stop test test-all lint bench lock moved
.NOTPARALLEL:

help: ## list these targets
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / {printf "make %-9s %s\n", $$1, $$2}' Makefile

setup: $(runtime) ## install what the pipeline needs into .venv (the targets below do it themselves)

# Without the option DVC reads dvc.yaml and dvc.lock twice (docs/speed.md).
repro: $(runtime) ## run the stages that are out of date
	$(run)/dvc repro --all-pipelines

check: $(runtime) ## look for mistakes in params.yaml, contract.yaml, CITATION.cff
	$(run)/python src/check.py

service: $(extras) ## serve the published model and data, with a page, on this machine; PORT=8000 (docs/service.md)
	$(run)/python src/service.py

s3: $(dev) ## start an S3 server on this machine for dvc push and dvc pull, if you have no bucket (docs/s3.md)
	$(run)/python src/local_s3.py start

s3-stop: $(runtime) ## stop it
	$(run)/python src/local_s3.py stop

test: $(dev) ## run the quick tests
	$(run)/python -m pytest -n 2 --dist worksteal -m "not long"

test-all: $(dev) ## run all tests
	$(run)/python -m pytest -n 2 --dist worksteal

lint: $(dev) ## check the style of the code
	$(run)/ruff check
	$(run)/ruff format --check

bench: $(bench) ## measure what DVC adds to the stages (docs/speed.md: also ten million rows, and the service)
	$(run)/python benchmarks/repro.py

# A lock is an input of every stage: without annotations its bytes change only when a package does.
compile := .venv/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	--no-header --no-annotate $(UPGRADE)

lock: .venv/requirements-uv.txt ## write requirements*.txt anew from pyproject.toml (newest versions: UPGRADE=--upgrade)
	$(compile) pyproject.toml -o requirements.txt
	$(compile) pyproject.toml --all-extras -c requirements.txt -o requirements-extras.txt
	$(compile) pyproject.toml --all-extras --group dev -c requirements-extras.txt -o requirements-dev.txt
	$(compile) pyproject.toml --all-extras --group dev --group bench -c requirements-dev.txt -o requirements-bench.txt
	echo uv | $(compile) - -o requirements-uv.txt

# A copy of a lock in .venv says that it is installed. All copies go before an install and come back after it, so an
# interrupted one leaves none, and the next call begins with an empty .venv.
.venv/%.txt: %.txt .venv/requirements-uv.txt
	@echo "Installing $< into .venv (about a minute the first time)"
	@rm -f .venv/requirements*.txt
	@.venv/bin/uv pip sync --quiet --python .venv/bin/python --require-hashes --build-constraints $< \
		--require-build-hashes --compile-bytecode $<
	@cp requirements-uv.txt $< .venv

# The scripts in a .venv hold its path, so a copied or moved one is made anew.
moved := $(shell grep -qsF "$(CURDIR)/.venv" .venv/pyvenv.cfg || echo moved)

.venv/requirements-uv.txt: requirements-uv.txt $(moved)
	@"$(PYTHON)" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || \
		{ echo "Python 3.11 or newer is needed; if it has another name: make PYTHON=/path/to/python3" >&2; exit 1; }
	@"$(PYTHON)" -c 'import ensurepip, venv' 2>/dev/null || \
		{ echo "Python cannot make a virtual environment; on Debian and Ubuntu: apt install python3-venv" >&2; exit 1; }
	@"$(PYTHON)" -m venv --clear .venv
	@.venv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r $<
	@cp $< .venv
