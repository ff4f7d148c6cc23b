# Every target sets up what it needs by itself; a second run starts at once.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
OUT ?= demo-output

.DEFAULT_GOAL := help
.PHONY: help setup demo test check fmt bench chaos messages models lock clean

help: ## Show what can be made
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 10

setup: $(READY) ## Make .venv with everything in the locks

$(READY): requirements.lock requirements-dev.lock
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "Python 3.11 or newer is needed; $(PYTHON) is $$($(PYTHON) --version). Try: make PYTHON=python3.12 ..."; exit 1; }
	@echo "Setting up $(VENV) (once) ..."
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@test -x $(BIN)/uv || $(BIN)/pip install --quiet --disable-pip-version-check \
		"$$(sed -n 's/^\(uv==[^ ;]*\).*/\1/p' requirements-dev.lock)"
	@VIRTUAL_ENV=$(VENV) $(BIN)/uv pip sync --quiet --require-hashes --compile-bytecode requirements.lock requirements-dev.lock
	@touch $@

demo: $(READY) ## Play the whole product on this machine, no account needed
	@$(BIN)/python -m sandbox --once --out $(OUT)

test: $(READY) ## Import contracts and every test
	@$(BIN)/lint-imports --no-logo
	@$(BIN)/python -m pytest

check: $(READY) ## Format, lint, types, imports, known kinds of holes
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-logo
	@$(BIN)/bandit -q -c pyproject.toml -r bot cogs
	@$(BIN)/zizmor --offline -q .github/workflows

fmt: $(READY) ## Format and fix what can be fixed by itself
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

chaos: $(READY) ## Break ours and naive versions on purpose, for hours
	@$(BIN)/python -m chaos

bench: $(READY) ## Measure ours beside the naive baseline
	@$(BIN)/python -m benchmarks

# Each catalogue keeps the header it has, up to the first empty line: Babel's own would name a date and nobody's address.
messages: $(READY) ## Bring the catalogues in bot/locale up to the texts in the code
	@$(BIN)/pybabel -q extract -F babel.cfg --no-default-keywords -k N_ -k _ -k plural:1,2 --no-location --sort-output \
		--omit-header --width 110 -o bot/locale/cutscene.pot bot cogs
	@for file in bot/locale/*/LC_MESSAGES/cutscene.po; do \
		language=$$(basename $${file%/LC_MESSAGES/*}); \
		header=$$(sed '/^$$/q' $$file); \
		$(BIN)/pybabel -q update -i bot/locale/cutscene.pot -o $$file -l $$language \
			--no-fuzzy-matching --ignore-obsolete --omit-header --width 110 || exit 1; \
		{ printf '%s\n\n' "$$header"; cat $$file; } > $$file.new && mv $$file.new $$file || exit 1; \
	done

models: $(READY) ## Bring docs/models.md up to the catalogue
	@$(BIN)/python -m bot.catalogue.document

lock: $(READY) ## Renew both locks from pyproject.toml
	@$(BIN)/uv pip compile --quiet --universal --generate-hashes --python-version 3.11 --no-emit-index-url \
		pyproject.toml -o requirements.lock
	@$(BIN)/uv pip compile --quiet --universal --generate-hashes --python-version 3.11 --no-emit-index-url \
		pyproject.toml --extra dev -c requirements.lock -o requirements-dev.lock

clean: ## Remove everything that can be made again
	rm -rf $(VENV) $(OUT) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
