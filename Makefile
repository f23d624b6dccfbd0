# The two commands of the README: `make demo` and `make test`. Both need Python 3.11 and pip, and nothing else.
PYTHON ?= python3
# Another Python is tried beside the usual one: make test PYTHON=python3.13 works in .venv-3.13
VENV := .venv$(if $(filter file,$(origin PYTHON)),,-$(shell $(PYTHON) -c 'import sys; print("%d.%d" % sys.version_info[:2])'))
BIN := $(VENV)/bin
# A worker for each core; the tests of one file stay together.
APART := -n auto --dist loadfile
CORE := tests/doctype tests/desired tests/dialects tests/compare tests/founding tests/history tests/backup tests/rollback tests/cli

.PHONY: demo test test-deep test-lowest lint format bench site clean

demo: $(VENV)/.installed
	$(BIN)/python docs/demo/demo.py

# Everything that CI runs. It fails where lines are run too few, or tests are skipped that are not on the list.
test: lint
	$(BIN)/python -m pytest $(APART) -p tests.covered -p tests.slowest

# The same tests with many more examples.
test-deep: $(VENV)/.dev
	SODAF_TEST_DEEP=1 $(BIN)/python -m pytest $(APART) -p tests.slowest

# The tests of the core, with the lowest versions of everything that the package requires.
test-lowest: $(VENV)-lowest/.installed
	$(VENV)-lowest/bin/python -m pytest -p tests.slowest $(CORE)

lint: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: $(VENV)/.dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(VENV)/.bench
	@for script in doctypes boot alter memory; do $(BIN)/python benchmarks/$$script.py || exit 1; echo; done

site: $(VENV)/.dev
	$(BIN)/python -m mkdocs build --strict

clean:
	rm -rf .venv .venv-* demo-site site dist

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed; set PYTHON=")'
	$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: pyproject.toml | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e .
	@touch $@

$(VENV)/.dev: pyproject.toml | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[dev,docs]'
	@touch $@ $(VENV)/.installed

$(VENV)/.bench: pyproject.toml | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[bench]'
	@touch $@ $(VENV)/.installed

$(VENV)-lowest/.installed: pyproject.toml constraints-lowest.txt
	$(PYTHON) -m venv $(VENV)-lowest
	$(VENV)-lowest/bin/python -m pip install --quiet --disable-pip-version-check -c constraints-lowest.txt -e . pytest hypothesis
	@touch $@
