# make test    everything that CI checks            make demo    both services on loopback, ready to use
# make bench   measure, against named peers         make lock    new versions into requirements.lock
# make clean   remove what make made

PYTHON = python3
BIN = .venv/bin
SUBMISSION = 2626
POP3 = 2110

.PHONY: test lint types unit demo bench lock clean

test: lint types unit

lint: .venv/installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: .venv/installed
	$(BIN)/mypy

unit: .venv/installed
	$(BIN)/coverage run -m pytest
	$(BIN)/coverage report --fail-under=100

demo: .venv/installed
	@$(BIN)/python -m fakes demo --submission $(SUBMISSION) --pop3 $(POP3)

bench: .venv/installed
	$(BIN)/python -m bench.startup
	$(BIN)/python -m bench.login
	$(BIN)/python -m bench.data
	[ "$$(id -u)" != 0 ] || $(BIN)/python -m bench.guesses

.venv/installed: requirements.lock pyproject.toml bin/launcher
	@$(PYTHON) -c 'import sys, ensurepip, venv; sys.exit(sys.version_info < (3, 11))' || \
	    { echo "make: $(PYTHON) must be Python 3.11 or newer with venv (Debian: python3-venv)" >&2; exit 1; }
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --require-hashes -r requirements.lock
	$(BIN)/pip install --quiet --no-deps --no-build-isolation --editable .
	touch $@

lock:
	uv pip compile --quiet --extra dev --generate-hashes --python-version 3.11 --no-header -o requirements.lock pyproject.toml

clean:
	rm -rf .venv dist .coverage .hypothesis .mypy_cache .pytest_cache .ruff_cache
