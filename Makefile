# The project's commands. Each installs what it needs, once.
PYTHON ?= python3.13
VENV := .venv
BIN := $(VENV)/bin
# Tools that cannot share an environment with the others.
CHECKOV := .venv-checkov
SUPPLY := .venv-supply
PIP_INSTALL := -m pip install --quiet --disable-pip-version-check --no-compile --require-hashes
# Test processes; each runs its own stack, which uses much processor time.
WORKERS ?= 2
PIP_COMPILE := $(BIN)/pip-compile --quiet --generate-hashes --allow-unsafe --strip-extras \
	--no-emit-index-url --no-emit-find-links --no-emit-trusted-host

# Many processes are started: let them share compiled bytecode.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help demo run test long unit host-check check package sbom licences bench clean lock setup \
	clients tools
.DEFAULT_GOAL := help

help: ## list the commands
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/'

demo: setup ## a fresh stack, the main job over HTTP, each step shown
	@$(BIN)/python -m local demo

run: setup ## the same stack, running until Ctrl-C
	@$(BIN)/python -m local run

test: setup ## every test: unit, contract, end to end, faults
	@$(BIN)/python -m pytest tests --ignore tests/clients -n $(WORKERS) --dist worksteal

long: setup ## the slowest tests at full size: properties, random histories, kills, many tenants
	@EXAMPLES=500 $(BIN)/python -m pytest tests/unit
	@MACHINE_EXAMPLES=500 MACHINE_AZURITE_EXAMPLES=50 PURGE_KILLS=30 PURGE_KILL_USERS=1500 \
		$(BIN)/python -m pytest tests/machine tests/faults/test_kill_a_purge.py
	@BACKUP_KILLS=30 $(BIN)/python -m pytest tests/faults/test_backup.py
	@SYNC_USERS=5000 SYNC_KILLS=50 SYNC_KILL_USERS=5000 \
		$(BIN)/python -m pytest tests/faults/test_sync.py tests/faults/test_kill_a_sync.py
	@BILLING_MSPS=50 $(BIN)/python -m pytest tests/faults/test_billing_run.py
	@FUZZ=all $(BIN)/python -m pytest tests/fuzz -n $(WORKERS) --dist worksteal

unit: setup ## only the unit tests: pure, without sockets
	@$(BIN)/python -m pytest tests/unit

host-check: setup ## URL=http://...: does a host that serves tests/host_probes/app behave like Microsoft's? [STORAGE=...]
	@$(BIN)/python -m tests.host_probes "$(URL)" $(if $(STORAGE),"$(STORAGE)")

check: setup clients tools ## format, lint, types, imports, infra/ (names, policies, Bicep), known vulnerabilities
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy .
	@$(BIN)/lint-imports
	@# Checkov skips a file that it cannot read; these tests do not.
	@$(BIN)/python -m pytest tests/infra tests/clients
	@# The seed is fixed because what checkov resolves depends on the order of a set.
	@PYTHONHASHSEED=0 $(CHECKOV)/bin/checkov --directory infra --framework bicep --skip-download --quiet --compact
	@# BICEP=... names the compiler if it is not on the PATH.
	@$(BIN)/python -m release infra
	@$(BIN)/python -m release audit

package: setup ## dist/app.zip for Azure; then install it into an empty environment, index it, request /health
	@$(BIN)/python -m release package
	@$(BIN)/python -m release prove

sbom: tools ## dist/: bills of materials (CycloneDX) of the deployed packages and of the local stack
	@mkdir -p dist
	@$(SUPPLY)/bin/cyclonedx-py requirements requirements.txt --output-reproducible -o dist/app.cdx.json
	@npm --prefix local sbom --package-lock-only --sbom-format cyclonedx > dist/local-stack.cdx.json

licences: setup ## regenerate docs/licences.md
	@$(BIN)/python -m release licences

bench: setup clients ## every benchmark, alternatives side by side; each can also be run alone
	@$(BIN)/python -m tests.bench.my_tenant
	@$(BIN)/python -m tests.bench.portfolio
	@$(BIN)/python -m tests.bench.cold_start
	@$(BIN)/python -m tests.bench.second_sync
	@$(BIN)/python -m tests.bench.memory
	@$(BIN)/python -m tests.bench.many_tenants
	@$(BIN)/python -m tests.bench.first_sync
	@$(BIN)/python -m tests.bench.billing
	@$(BIN)/python -m tests.scale

lock: setup ## regenerate the locked requirements
	@$(PIP_COMPILE) --output-file requirements.txt requirements.in
	@$(PIP_COMPILE) --output-file requirements-dev.txt requirements-dev.in
	@$(PIP_COMPILE) --output-file requirements-clients.txt requirements-clients.in
	@$(PIP_COMPILE) --output-file requirements-checkov.txt requirements-checkov.in
	@$(PIP_COMPILE) --output-file requirements-supply.txt requirements-supply.in

clean: ## remove everything that was installed or stored
	@rm -rf $(VENV) $(CHECKOV) $(SUPPLY) .local dist local/node_modules .mypy_cache .ruff_cache \
		.pytest_cache .hypothesis .import_linter_cache

setup:
	@$(MAKE) --no-print-directory --jobs 2 $(VENV)/.installed local/node_modules/.installed

$(VENV)/.installed: requirements-dev.txt
	@echo "setting up $(VENV) ..."
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python $(PIP_INSTALL) -r $<
	@touch $@

clients: $(VENV)/.clients-installed

$(VENV)/.clients-installed: requirements-clients.txt | $(VENV)/.installed
	@echo "setting up clients to check against ..."
	@$(BIN)/python $(PIP_INSTALL) -r $<
	@touch $@

tools:
	@$(MAKE) --no-print-directory --jobs 2 $(CHECKOV)/.installed $(SUPPLY)/.installed

.venv-%/.installed: requirements-%.txt
	@echo "setting up $(@D) ..."
	@$(PYTHON) -m venv $(@D)
	@$(@D)/bin/python $(PIP_INSTALL) -r $<
	@touch $@

local/node_modules/.installed: local/package-lock.json
	@echo "setting up Azurite ..."
	@npm --prefix local ci --silent --ignore-scripts --no-audit --no-fund
	@touch $@
