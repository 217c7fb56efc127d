# Two commands matter: `make run` and `make test`. Both set up what is missing first.

PYTHON ?= python3
VENV = .venv
PYTEST_ARGS ?=
export PYTHON VENV

.PHONY: help setup run test lint ci clean

help:
	@echo "make run    install what is missing and start Facelens (without a display: a demonstration, into out/)"
	@echo "make test   install what is missing and run every test, without a display"
	@echo "make setup  install only"
	@echo "make lint   ruff, mypy and the import contracts"
	@echo "make ci     everything the project checks, the wheel included"
	@echo "make clean  remove the virtual environment and everything that was built"

setup:
	@sh tools/setup.sh run

run: setup
	@sh tools/run.sh

test:
	@sh tools/setup.sh test
	QT_QPA_PLATFORM=offscreen $(VENV)/bin/python -m pytest $(PYTEST_ARGS)

lint:
	@sh tools/setup.sh test
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy -p facelens -p convert
	$(VENV)/bin/lint-imports

ci:
	bash .ci/run

clean:
	rm -rf $(VENV) build dist out .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
	find . -name '*.egg-info' -type d -prune -exec rm -rf {} +
