# Two commands are all a newcomer needs: `make demo` and `make test`.
.PHONY: help demo test test-all check bench servers clean

SOURCES = pyproject.toml constraints.txt scripts/setup.sh $(wildcard plugins/*/pyproject.toml)
PYTEST = PICDNS_DEMAND_SERVERS=1 .venv/bin/python -m pytest -n 2 --dist worksteal

help: ## Say what there is to make.
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /  make \1\t/' | expand -t 18

demo: .venv/installed ## Bring a cell up in each mode, and fetch one URL from inside and outside.
	.venv/bin/python scripts/servers.py --optional --only pebble,knotd,unbound,coredns,caddy
	.venv/bin/python scripts/demo.py

test: .venv/installed servers ## Install what tests need (servers may ask for root), run them all.
	$(PYTEST) -m "not slow"

test-all: .venv/installed servers ## The same, with those that take long.
	$(PYTEST)

check: .venv/installed ## Types, style, imports.
	.venv/bin/ruff check
	.venv/bin/ruff format --check
	.venv/bin/mypy
	.venv/bin/lint-imports

bench: .venv/installed servers ## Compare with certbot, Caddy and a bare script, in one run.
	.venv/bin/python -m benchmarks

servers: .venv/installed
	.venv/bin/python scripts/servers.py

clean: ## Remove everything that was made here.
	rm -rf .venv .servers build dist .mypy_cache .pytest_cache .ruff_cache .import_linter_cache

.venv/installed: $(SOURCES)
	scripts/setup.sh
