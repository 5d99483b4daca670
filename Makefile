PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin

.PHONY: demo test quick torture check reference picture docs messages lock bench clean

demo: $(VENV)/installed  ## make a fresh store, simulate two years, walk through it
	@$(BIN)/regulars demo

# A hundred processes are begun in tests: what they load is compiled once.
test quick: export PYTHONDONTWRITEBYTECODE :=

test: $(VENV)/installed-dev  ## every test, SQLite, PostgreSQL and a real browser, which is installed where that may be
	@command -v chromium >/dev/null || { [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null && { apt-get update && \
		DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends chromium; } >/dev/null 2>&1; } || true
	@$(BIN)/pytest -n 2 --dist loadfile --no-loadscope-reorder

QUICK := domain projections test_csv_cells.py test_golden.py test_importing_jsonl.py test_merkle.py test_naming.py \
	test_public_api.py test_rules_text.py test_upcasts.py

quick: $(VENV)/installed-dev  ## in half a minute: the pure rooms, and what else is fast, with fewer examples of each law
	@$(BIN)/pytest -n 2 --dist worksteal --hypothesis-profile quick $(addprefix tests/,$(QUICK))

torture: $(VENV)/installed-dev  ## the fault tests at length: ten minutes, or TORTURE="--minutes 60 --seed 1"
	@PYTHONPATH=tests $(BIN)/python -m torture $(TORTURE)

check: $(VENV)/installed-dev  ## format, lint, types, rooms
	@$(BIN)/ruff format --check --quiet .
	@$(BIN)/ruff check --quiet .
	@$(BIN)/mypy
	@PYTHONPATH=. $(BIN)/lint-imports --no-cache --no-logo

reference: $(VENV)/installed-dev  ## write docs/reference*.md and docs/openapi.json afresh
	@$(BIN)/python tools/reference.py
	@$(BIN)/python tools/openapi.py

picture: $(VENV)/installed-dev  ## draw the pictures in docs/ afresh
	@$(BIN)/python tools/picture.py

docs: $(VENV)/installed-docs  ## build the site of docs/ into build/site; a broken link or a remote asset fails it
	@NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --quiet --strict

messages: $(VENV)/installed-dev  ## collect the texts of the console into the catalogues, for translators
	@mkdir -p build
	@$(BIN)/pybabel --quiet extract --mapping-file babel.cfg --keyword N_ --no-location --sort-output \
		--output build/messages.pot .
	@$(BIN)/pybabel --quiet update --no-wrap --no-fuzzy-matching --ignore-obsolete --input-file build/messages.pot \
		--output-dir src/regulars/web/locale

lock: $(VENV)/installed-dev  ## lock the versions of what judges to the code they stand for
	@$(BIN)/python tools/lock_projectors.py

bench: $(VENV)/installed-bench  ## measure against the floor and against what people would use instead
	@$(BIN)/python -m benchmarks $(BENCH)

clean:
	rm -rf .venv .venv-* build dist benchmarks/.cache

$(VENV)/bin/python:
	@$(PYTHON) -m venv $(VENV)

$(VENV)/installed: $(VENV)/bin/python pyproject.toml constraints.txt
	@$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e .
	@touch $@

$(VENV)/installed-dev: $(VENV)/bin/python pyproject.toml constraints.txt
	@$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[test,check]'
	@touch $@

$(VENV)/installed-docs: $(VENV)/bin/python pyproject.toml constraints.txt
	@$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[docs]'
	@touch $@

$(VENV)/installed-bench: $(VENV)/bin/python pyproject.toml constraints.txt
	@$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[bench]'
	@touch $@
