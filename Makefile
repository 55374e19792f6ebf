# The two commands a new user needs are `make demo` and `make test`; README.md has the plain ones under each.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: demo test full check bench lint types layers lock messages assets clean

# --no-deps: the locks are complete, and pip would hold their pins against newer releases that only an extra asks for.
$(VENV)/run: requirements/run.lock pyproject.toml
	test -d $(VENV) || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --require-hashes --no-deps -r requirements/run.lock
	$(BIN)/python -m pip install --quiet --no-deps --editable .
	touch $@

$(VENV)/dev: requirements/dev.lock $(VENV)/run
	$(BIN)/python -m pip install --quiet --require-hashes --no-deps -r requirements/dev.lock
	touch $@

$(VENV)/bench: requirements/bench.lock $(VENV)/dev
	$(BIN)/python -m pip install --quiet --require-hashes --no-deps -r requirements/bench.lock
	touch $@

demo: $(VENV)/run  ## Serve the demo workspace with live traffic
	$(BIN)/duly demo $(ARGS)

test: $(VENV)/dev  ## The whole test-suite
	$(BIN)/python -m pytest -n auto --dist loadgroup -q $(ARGS)

SEED := $(or $(SEED),$(shell date +%s))
full: $(VENV)/dev  ## What tries random cases, with far more of them: hours. SEED repeats a run, ARGS narrows
	@echo "seed $(SEED): make full SEED=$(SEED) repeats the run"
	DULY_FULL=1 DULY_TEST_SEED=$(SEED) $(BIN)/python -m pytest -n auto --dist loadgroup -v --hypothesis-seed=$(SEED) \
	  $(or $(ARGS),$$(grep -rlE 'DULY_FULL|ReceiverContract' --include='test_*.py' tests))

check: lint types layers test  ## What CI runs

lint: $(VENV)/dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .

types: $(VENV)/dev
	$(BIN)/pyright --pythonpath $(BIN)/python

layers: $(VENV)/dev
	$(BIN)/lint-imports

bench: $(VENV)/bench  ## Speed as ratios against peers, in one run
	$(BIN)/python -m benchmarks $(ARGS)

lock: $(VENV)/dev  ## Rewrite the locked requirements (needs uv)
	for extra in run dev bench; do \
	  case $$extra in run) extras= ;; dev) extras="--extra dev" ;; bench) extras="--extra dev --extra bench" ;; esac; \
	  uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links \
	    --no-header --no-annotate -q $$extras pyproject.toml -o requirements/$$extra.lock; \
	done

MESSAGES := dsl/duly_dsl runtime/duly_runtime connectors/duly_connectors admin_ui/duly_admin_ui platform/duly_platform
messages: $(VENV)/dev  ## Collect texts into the catalogues and compile them
	for folder in $(MESSAGES); do \
	  domain=$$(basename $$folder); mkdir -p $$folder/locale/pt_BR/LC_MESSAGES; pot=$$(mktemp); \
	  $(BIN)/pybabel -q extract -F babel.cfg -k gettext -k translate -k _ -k _n:1,2 --no-location --omit-header -o $$pot $$folder; \
	  po=$$folder/locale/pt_BR/LC_MESSAGES/$$domain.po; \
	  test -f $$po && $(BIN)/pybabel -q update --no-fuzzy-matching --omit-header -l pt_BR -i $$pot -o $$po \
	    || $(BIN)/pybabel -q init -l pt_BR -i $$pot -o $$po; \
	  $(BIN)/pybabel -q compile -f -i $$po -o $${po%.po}.mo -l pt_BR; rm $$pot; \
	done

assets: $(VENV)/run  ## Make colours from the grammar and build the browser modules (needs Node; all is committed)
	$(BIN)/python editors/generate.py
	cd admin_ui && npm ci --silent && npm run --silent build

clean:
	rm -rf $(VENV) .pytest_cache .ruff_cache .hypothesis dist
