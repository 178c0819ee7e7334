# Two commands for a fresh machine: `make demo` and `make test`. Both make their own environment first.
#
#   PYTHON=python3.12   another interpreter
#   CONSTRAINTS=        other versions of the libraries, such as a torch for your GPU
#   CASES=20000 SEED=1  generated cases of `make fuzz`, and the seed that they are drawn with

PYTHON ?= python3
CONSTRAINTS ?= constraints.txt
CASES ?= 1000
SEED ?= 0
VENV := .venv
BIN := $(VENV)/bin
INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check $(if $(CONSTRAINTS),--constraint $(CONSTRAINTS))

.PHONY: demo test quick fuzz docs picture bench emoji editors clean

demo: $(VENV)/run
	$(BIN)/promptlang run recipes/first.pl

test: $(VENV)/dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/python -m pytest --numprocesses auto --dist worksteal

quick: $(VENV)/dev
	$(BIN)/python -m pytest --numprocesses auto -m fast

fuzz: $(VENV)/dev
	FUZZ_CASES=$(CASES) FUZZ_SEED=$(SEED) $(BIN)/python -m pytest --numprocesses auto tests/fuzz

docs: $(VENV)/dev
	$(BIN)/python docs/build.py

picture: $(VENV)/dev
	$(BIN)/python docs/terminal_picture.py

bench: $(VENV)/dev
	$(BIN)/python -m benchmarks startup parse overhead

emoji: $(VENV)/dev
	$(BIN)/promptlang make-emoji

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/run: $(BIN)/python pyproject.toml constraints.txt
	$(INSTALL) --editable '.[run]'
	touch $@

$(VENV)/dev: $(BIN)/python pyproject.toml constraints.txt
	$(INSTALL) --editable '.[all,dev]'
	touch $@

editors: $(VENV)/dev
	$(BIN)/python -m promptlang.highlighting.textmate > editors/vscode/syntaxes/promptlang.tmLanguage.json

clean:
	rm -rf $(VENV) build/docs .mypy_cache .pytest_cache .ruff_cache
