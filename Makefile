# Needs: make, Python 3.11 or later with venv, and a way to PyPI. `make help` lists what there is.

PYTHON ?=
ES_VERSION ?=
KEEP ?=
FULL ?=
PYTEST_ARGS ?=
DASHBOARDS_PYTHON ?=
CHECK ?=

VENV := .venv
EXTRA_REQUIREMENTS :=
ifneq ($(filter 8 8.%,$(ES_VERSION)),)
  # The client must not be newer than the server.
  VENV := .venv-es8
  EXTRA_REQUIREMENTS := elasticsearch>=8.19,<9
endif

BIN := $(VENV)/bin
START := $(shell date +%s)
ES_ENV := $(if $(ES_VERSION),ES_VERSION=$(ES_VERSION))

# $(call timed,NAME,COMMAND): run a command, and say how long everything took, installing included.
timed = @status=0; { $(2); } || status=$$?; \
  seconds=$$(( $$(date +%s) - $(START) )); \
  if [ $$status -eq 0 ]; then outcome="done"; else outcome="FAILED"; fi; \
  echo "make $(1): $$outcome, $$(( seconds / 60 )) min $$(( seconds % 60 )) s"; \
  exit $$status

INSTALL = @PYTHON="$(PYTHON)" tools/venv $(VENV)
AFTER_INSTALL = @touch $@

.DEFAULT_GOAL := help
.PHONY: help demo test test-unit test-logstash lint format dashboards clean
.DELETE_ON_ERROR:

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@echo
	@echo "PYTHON=/path/to/python chooses the Python that the virtual environment is made of."

demo: $(VENV)/.demo-installed ## replay real flights, watch the alerts (FULL=1: the whole year; KEEP=1: leave Elasticsearch up)
	$(call timed,demo,$(BIN)/mpm-elk demo $(if $(filter-out 0,$(FULL)),--full) $(if $(filter-out 0,$(KEEP)),--keep))

test: $(VENV)/.test-installed ## run all tests, on a real Elasticsearch too (ES_VERSION=8.19: on that version)
	@echo "running all tests; Elasticsearch and, where none is found, a JDK are fetched once (up to 350 MB)"
	$(call timed,test,$(ES_ENV) MPM_REQUIRE_ES=1 $(BIN)/pytest --durations=15 $(PYTEST_ARGS))

test-unit: $(VENV)/.test-installed ## run the tests that need no Elasticsearch
	$(call timed,test-unit,$(BIN)/pytest -m "not integration" $(PYTEST_ARGS))

test-logstash: $(VENV)/.test-installed ## run the golden cases and the delivery test on a real Logstash (LOGSTASH_HOME, or Docker)
	$(call timed,test-logstash,$(ES_ENV) MPM_REQUIRE_ES=1 MPM_REQUIRE_LOGSTASH=1 \
	  $(BIN)/pytest tests/logstash/test_logstash.py tests/logstash/test_delivery.py $(PYTEST_ARGS))

lint: $(VENV)/.lint-installed ## check style, types, and that generated files are fresh
	$(call timed,lint,$(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/mypy \
	  && $(BIN)/python -m mpm_elk.contract.generate --check)

format: $(VENV)/.lint-installed ## format the code, and mend what can be mended
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

dashboards: .venv-dashboards/.installed $(VENV)/.test-installed ## compile kibana_dashboards/ and test what comes of it (CHECK=1: write nothing; DASHBOARDS_PYTHON: a Python 3.12 or later)
	.venv-dashboards/bin/python kibana_dashboards/compile.py > .venv-dashboards/compiled.ndjson
	$(BIN)/python -m mpm_elk.views.dashboards.build $(if $(CHECK),--check) < .venv-dashboards/compiled.ndjson
	$(BIN)/pytest tests/views/dashboards $(PYTEST_ARGS)

clean: ## remove virtual environments, caches and build results; Elasticsearch and the JDK stay in the user's cache
	rm -rf .venv .venv-es8 .venv-dashboards build dist *.egg-info .mypy_cache .pytest_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# A stamp a purpose: what is installed already is not asked for again, until pyproject.toml changes.
$(VENV)/.demo-installed: pyproject.toml tools/venv
	$(INSTALL) -e '.[demo]' $(if $(EXTRA_REQUIREMENTS),'$(EXTRA_REQUIREMENTS)')
	$(AFTER_INSTALL)

$(VENV)/.test-installed: pyproject.toml tools/venv
	$(INSTALL) -e '.[demo]' --group test $(if $(EXTRA_REQUIREMENTS),'$(EXTRA_REQUIREMENTS)')
	$(AFTER_INSTALL)

# The dashboards' compiler needs a later Python than mpm-elk, and nothing else of ours.
.venv-dashboards/.installed: kibana_dashboards/requirements.txt tools/venv
	@PYTHON="$(DASHBOARDS_PYTHON)" MINIMUM=3.12 CHOICE=DASHBOARDS_PYTHON tools/venv .venv-dashboards -r kibana_dashboards/requirements.txt
	$(AFTER_INSTALL)

$(VENV)/.lint-installed: pyproject.toml tools/venv
	$(INSTALL) -e '.[demo]' --group test --group lint $(if $(EXTRA_REQUIREMENTS),'$(EXTRA_REQUIREMENTS)')
	$(AFTER_INSTALL)
