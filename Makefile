# The two commands of the README: `make demo` and `make test`. Both need Python 3.11 and pip, and nothing else.
PYTHON ?= python3
BIN := .venv/bin
CORE := tests/doctype tests/desired tests/dialects tests/compare tests/founding tests/history tests/backup tests/rollback tests/cli

.PHONY: demo test test-deep test-lowest lint format bench site clean

demo: .venv/.installed
	$(BIN)/python docs/demo/demo.py

# Everything that CI runs. It fails where lines are run too few, or tests are skipped that are not on the list.
test: lint
	$(BIN)/python -m pytest -p tests.covered -p tests.slowest

# The same tests with many more examples.
test-deep: .venv/.dev
	SODAF_TEST_DEEP=1 $(BIN)/python -m pytest -p tests.slowest

# The tests of the core, with the lowest versions of everything that the package requires.
test-lowest: .venv-lowest/.installed
	.venv-lowest/bin/python -m pytest -p tests.slowest $(CORE)

lint: .venv/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: .venv/.dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: .venv/.bench
	@for script in doctypes boot alter memory; do $(BIN)/python benchmarks/$$script.py || exit 1; echo; done

site: .venv/.dev
	$(BIN)/python -m mkdocs build --strict

clean:
	rm -rf .venv .venv-lowest demo-site site dist

.venv/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed; set PYTHON=")'
	$(PYTHON) -m venv .venv

.venv/.installed: pyproject.toml | .venv/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e .
	@touch $@

.venv/.dev: pyproject.toml | .venv/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[dev,docs]'
	@touch $@ .venv/.installed

.venv/.bench: pyproject.toml | .venv/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[bench]'
	@touch $@ .venv/.installed

.venv-lowest/.installed: pyproject.toml constraints-lowest.txt
	$(PYTHON) -m venv .venv-lowest
	.venv-lowest/bin/python -m pip install --quiet --disable-pip-version-check -c constraints-lowest.txt -e . pytest hypothesis
	@touch $@
