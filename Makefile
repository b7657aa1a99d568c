# make run: the workbench on http://127.0.0.1:8000    make test: every check    make help: the rest
BIN := .venv/bin
.DEFAULT_GOAL := help
.PHONY: help run test lint fmt bench-quick images frontend lock clean needs-run needs-test

help: ## this list
	@grep -hE '^[a-z-]+:.*## ' Makefile | sed 's/:.*## /\t/' | expand -t 14

run: needs-run .venv/run.stamp frontend ## start the workbench with the Zhaoyuan pack and demo accounts (no root needed)
	@$(BIN)/zhaoyin serve --demo

test: needs-test .venv/test.stamp frontend ## lint, types, imports, unit, integration (SQLite, PostgreSQL), Spark, browser
	@$(BIN)/python tools/check.py

lint: .venv/test.stamp frontend ## the quick checks only
	@$(BIN)/python tools/check.py ruff format imports types
	@cd frontend && npm run -s check

fmt: .venv/test.stamp ## format, and mend what can be mended
	@$(BIN)/ruff check --fix -q . ; $(BIN)/ruff format -q .

bench-quick: .venv/test.stamp ## every bench at a reduced size
	@for bench in bench/[a-z]*.py; do $(BIN)/python $$bench --quick || true; done

images: needs-test .venv/test.stamp frontend ## take the pictures of the readme anew
	@ZHAOYIN_DOCS_IMAGES=1 $(BIN)/python -m pytest -q -p no:cacheprovider tests/browser/test_main_path.py
	@$(BIN)/python docs/make_performance.py

frontend: .venv/run.stamp
	@$(BIN)/python hatch_build.py

lock: ## write the lock files anew (needs uv)
	uv lock -p 3.11
	uv export -q --frozen --all-groups --no-emit-project --no-header --no-annotate -o requirements.lock
	uv export -q --frozen --no-default-groups --group build --no-emit-project --no-header --no-annotate -o requirements.run.lock
	python3 -c 'import hatch_build; print(hatch_build.NODE_WHEEL)' | uv pip compile -q --generate-hashes --no-annotate --no-header -p 3.11 - -o requirements.node.lock

clean: ## remove what can be made again; data in var/ stays
	rm -rf .venv frontend/node_modules src/zhaoyin/desk/static/dist test-results

needs-run:
	@tools/needs.sh run

needs-test:
	@tools/needs.sh test

.venv/run.stamp: requirements.run.lock requirements.node.lock pyproject.toml | needs-run
	@tools/venv.sh requirements.run.lock
	@touch $@

# the full lock holds the smaller one
.venv/test.stamp: requirements.lock requirements.node.lock pyproject.toml | needs-run
	@tools/venv.sh requirements.lock
	@touch .venv/run.stamp $@
