# Two commands on a fresh machine: make demo, make test. Everything else is for developers.
BIN := .venv/bin
DB ?=
QUERIES ?=
SUBJECTS ?=
# Test processes at once; each has its own servers. A file's tests stay together.
PROCESSES ?= 2

.PHONY: demo test test-slow lint format bench baselines docs bundle engines clean

demo: .venv/.installed
	$(BIN)/dbmanager demo $(if $(DB),--db "$(DB)") $(if $(QUERIES),--queries "$(QUERIES)")

test: .venv/.installed-dev engines
	$(BIN)/pytest -m "not slow" -n $(PROCESSES) --dist loadfile --no-loadscope-reorder

test-slow: .venv/.installed-dev engines
	$(BIN)/pytest -m slow

lint: .venv/.installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/mypy --platform win32 --cache-dir .mypy_cache/win32
	$(BIN)/mypy --platform darwin --cache-dir .mypy_cache/darwin
	$(BIN)/mypy tests benchmarks scripts
	$(BIN)/lint-imports

format: .venv/.installed-dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

docs: .venv/.installed-dev
	$(BIN)/python -m scripts.reference

bench: .venv/.installed-dev engines
	$(BIN)/python -m benchmarks $(SUBJECTS)

baselines: .venv/.installed-dev
	$(BIN)/python -m benchmarks.baselines

bundle: .venv/.installed-dev
	$(BIN)/python -m scripts.bundle

engines:
	@sh scripts/engines.sh

.venv/.installed: pyproject.toml scripts/venv.sh
	@sh scripts/venv.sh .
	@touch $@

.venv/.installed-dev: .venv/.installed
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -e ".[dev]"
	@touch $@

clean:
	rm -rf .venv .demo database-system dist
