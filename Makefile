# Two commands do everything: `make report` and `make test`. Each sets the environment up when it is missing or stale.
PYTHON ?= python3
OUT ?= reports/aurora
CLIENT ?= data/aurora/client.yaml
VENV := .venv
BIN := $(VENV)/bin
ifeq ($(OS),Windows_NT)
  BIN := $(VENV)/Scripts
endif
STAMP := $(VENV)/installed
# The extra that compares with PyMC-Marketing is large; it lives beside, in an environment of its own.
BAYES := $(VENV)-bayes
BAYES_BIN := $(BAYES)$(patsubst $(VENV)%,%,$(BIN))
# So does Spark, which takes Java 17, too.
SPARK := $(VENV)-spark
SPARK_BIN := $(SPARK)$(patsubst $(VENV)%,%,$(BIN))
NOTEBOOKS := notebooks/*.ipynb notebooks/exercises/*.ipynb notebooks/solutions/*.ipynb
# One more than there are cores: a worker that waits for a kernel, a browser or a database leaves its core to another.
WORKERS := $(shell $(PYTHON) -c "import os; print(os.cpu_count() + 1)")

# Kernels start three times faster with compiled byte code; an empty value turns this switch off.
export PYTHONDONTWRITEBYTECODE :=

.PHONY: report test test-other test-spark bench bayes notebooks docs lab lock clean setup

report: $(STAMP)
	$(BIN)/crmlib run $(CLIENT) --out $(OUT)

test: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m pytest -n $(WORKERS) --dist loadscope --no-loadscope-reorder -q
	$(BIN)/python -m pytest -n $(WORKERS) --dist loadscope -q --nbval --nbval-current-env --nbval-sanitize-with tests/nbval.cfg $(NOTEBOOKS)

# What is computed, once more with other instructions, one thread, another hash seed, time zone and locale.
# Left out: long simulations, which say nothing of processors, and what is said in words.
NUMERIC := tests/models tests/lifecycle tests/sample tests/test_statistics.py tests/test_engine.py \
  crmlib/models crmlib/statistics crmlib/lifecycle
test-other: $(STAMP)
	$(BIN)/python -m tests.other_machine -m pytest -n $(WORKERS) --dist loadscope --no-loadscope-reorder -q $(NUMERIC) \
	  --ignore=tests/lifecycle/clv/test_intervals.py \
	  -k "not both_languages and not pass_through_memory and not false_alarms and not differ_no_more_often"

# Every measure on Spark and on DuckDB, and the sample's run on both.
test-spark: $(SPARK)/installed
	$(SPARK_BIN)/python -m pytest -n $(WORKERS) --dist loadscope -q tests/spark

bench: $(STAMP)
	$(BIN)/python -m tests.bench --write BENCHMARKS.md

bayes: $(BAYES)/installed
	$(BAYES_BIN)/python -m pytest -q -s tests/models/test_bayes.py

notebooks: $(STAMP)
	$(BIN)/python -m crmlib.course.build

docs: $(STAMP)
	$(BIN)/python -m crmlib.contract.dictionary > data/README.md
	$(BIN)/python -m crmlib.course.map > notebooks/README.md
	$(BIN)/python -m crmlib.intake.profiles.listing > docs/profiles.md

lab: $(STAMP)
	$(BIN)/crmlib lab

setup: $(STAMP)

$(STAMP): requirements.lock pyproject.toml
	$(PYTHON) -c "import sys; sys.exit(sys.version_info < (3, 11) and 'Python 3.11 or newer is needed; say which with: make PYTHON=python3.12')"
	$(PYTHON) -m venv --clear $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes --compile -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	$(BIN)/python -c "import pathlib; pathlib.Path('$(STAMP)').touch()"

$(BAYES)/installed: requirements.lock pyproject.toml
	$(PYTHON) -m venv --clear $(BAYES)
	$(BAYES_BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements.lock
	$(BAYES_BIN)/python -m pip install --quiet --disable-pip-version-check --no-build-isolation -e ".[bayes]"
	$(BAYES_BIN)/python -c "import pathlib; pathlib.Path('$(BAYES)/installed').touch()"

$(SPARK)/installed: requirements.lock pyproject.toml
	$(PYTHON) -m venv --clear $(SPARK)
	$(SPARK_BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes --compile -r requirements.lock
	$(SPARK_BIN)/python -m pip install --quiet --disable-pip-version-check --compile -e ".[spark]"
	$(SPARK_BIN)/python -c "import pathlib; pathlib.Path('$(SPARK)/installed').touch()"

# `make lock UPGRADE=` adds what is new and keeps all other versions.
UPGRADE ?= --upgrade
lock:
	$(BIN)/python -m pip install --quiet uv
	$(BIN)/uv pip compile pyproject.toml --extra dev --universal --python-version 3.11 --generate-hashes \
	  --no-emit-index-url --no-emit-find-links --no-header --no-annotate --quiet $(UPGRADE) -o requirements.lock

clean:
	rm -rf $(VENV) $(BAYES) $(SPARK) reports .crmlib data/*/.crmlib
