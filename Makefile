PYTHON ?= python3
JOBS   ?= 2
BIN    := .venv/bin
NBVAL  := --nbval-lax --nbval-current-env --nbval-cell-timeout 300 -n $(JOBS) --dist loadscope
export OMP_NUM_THREADS ?= 1

.PHONY: setup check test book serve sync bench browser clean

setup: .venv/.done              ## create .venv and install requirements.txt into it

.venv/.done: requirements.txt pyproject.toml
	test -x $(BIN)/pip || $(PYTHON) -m venv --clear .venv
	$(BIN)/python -m pip install --disable-pip-version-check -q -r requirements.txt && touch $@

check: .venv/.done              ## lint, format, types, docstrings
	$(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/mypy dlbook

test: .venv/.done               ## unit tests, and every notebook executed through nbval
	$(BIN)/python -m pytest -q $(NBVAL) --ignore=tests/browser tests chapters

book: .venv/.done               ## execute what the cache lacks, then build _build/html
	todo="$$($(BIN)/python _ext/pairs.py --uncached)" && { test -z "$$todo" || $(BIN)/python -m pytest -q $(NBVAL) $$todo; }
	$(BIN)/jupyter-book build . -W --keep-going -n -q && echo "open $(CURDIR)/_build/html/index.html"

serve: book                     ## read it at http://localhost:8000
	$(BIN)/python -m http.server --bind 127.0.0.1 --directory _build/html 8000

sync: .venv/.done               ## write each notebook from its Markdown, and the README's chapter table
	$(BIN)/python _ext/pairs.py --readme

browser: .venv/.done            ## look at every built page in headless Chromium
	$(BIN)/python -m pytest -q -n $(JOBS) tests/browser

bench: .venv/.done              ## ours against torch's, as ratios in one run
	$(BIN)/python -m dlbook bench

clean:
	rm -rf _build
