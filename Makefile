# The two commands of the README: `make demo` and `make test`. Both need Python 3.11 and pip, and nothing else.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: demo test test-deep lint format bench clean

demo: .venv/.installed
	$(BIN)/python docs/demo/demo.py

# Everything that CI runs.
test: lint
	$(BIN)/python -m pytest -p tests.slowest

# The same tests with many more examples.
test-deep: .venv/.dev
	SODAF_TEST_DEEP=1 $(BIN)/python -m pytest -p tests.slowest

lint: .venv/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: .venv/.dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: .venv/.bench
	@for script in benchmarks/bench_*.py; do echo "== $$script"; $(BIN)/python "$$script" || exit 1; done

clean:
	rm -rf .venv demo-site

.venv/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed; set PYTHON=")'
	$(PYTHON) -m venv .venv

.venv/.installed: pyproject.toml | .venv/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e .
	@touch $@

.venv/.dev: pyproject.toml | .venv/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[dev]'
	@touch $@ .venv/.installed

.venv/.bench: pyproject.toml | .venv/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[bench]'
	@touch $@ .venv/.installed
