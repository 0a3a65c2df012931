# make test    everything that CI checks            make demo    both services on loopback, ready to use
# make bench   measure, against named peers         make lock    new versions into requirements.lock
# make conform the conformance suite against the machine and real processes, with the HTML report
# make mutants the seeded bugs: is there a scenario that notices each?
# make clean   remove what make made
# make install-qmail   as root: the programs and their manuals below QMAIL (for packages: below DESTDIR/QMAIL). pip
#              fetches trio and hatchling; without network: PIP_NO_INDEX=1 PIP_FIND_LINKS=(a directory of wheels)

PYTHON = python3
BIN = .venv/bin
SUBMISSION = 2626
POP3 = 2110
QMAIL = /var/qmail
DESTDIR =
PROGRAMS = reup authup checknotroot fixsmtpio acceptutils

.PHONY: test lint types unit scenarios demo bench conform mutants lock install-qmail clean

test: lint types unit scenarios

lint: .venv/installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/python -m conformance fmt --check
	$(BIN)/python -m conformance lint

types: .venv/installed
	$(BIN)/mypy
	$(BIN)/mypy --scripts-are-modules $$(grep -l '^#!/usr/bin/python3' examples/bin/*)

unit: .venv/installed
	$(BIN)/coverage run -m pytest
	$(BIN)/coverage report --fail-under=100

# Every scenario as it is written, and a few on real processes; `make conform` has the variations, and them all.
scenarios: .venv/installed
	$(BIN)/conform run -t sim --vary none
	$(BIN)/conform run -t ours --vary none login-and-message exit-code-decides seed-session-logged-in starttls

demo: .venv/installed
	@$(BIN)/python -m fakes demo --submission $(SUBMISSION) --pop3 $(POP3)

bench: .venv/installed
	$(BIN)/python -m bench.startup
	$(BIN)/python -m bench.login
	$(BIN)/python -m bench.data
	[ "$$(id -u)" != 0 ] || $(BIN)/python -m bench.guesses

conform: .venv/installed
	$(BIN)/conform run -t sim --vary quick --jsonl .conform/sim.jsonl; sim=$$?; \
	$(BIN)/conform run -t ours --vary none --jsonl .conform/ours.jsonl; ours=$$?; \
	$(BIN)/conform report .conform/sim.jsonl .conform/ours.jsonl --html .conform/report; \
	echo "file://$(CURDIR)/.conform/report/index.html"; [ $$sim = 0 ] && [ $$ours = 0 ]

mutants: .venv/installed
	$(BIN)/conform mutants

.venv/installed: requirements.lock pyproject.toml bin/launcher
	@$(PYTHON) -c 'import sys, ensurepip, venv; sys.exit(sys.version_info < (3, 11))' || \
	    { echo "make: $(PYTHON) must be Python 3.11 or newer with venv (Debian: python3-venv)" >&2; exit 1; }
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --require-hashes -r requirements.lock
	$(BIN)/pip install --quiet --no-deps --no-build-isolation --editable .
	touch $@

lock:
	uv pip compile --quiet --extra dev --generate-hashes --python-version 3.11 --no-header -o requirements.lock pyproject.toml

# A virtual environment of the system's Python, which every user can run, in the versions that we test with.
# A new one takes the place of an old one only when it is complete.
install-qmail: qmail = $(abspath $(DESTDIR)$(QMAIL))
install-qmail: lib = $(qmail)/lib/acceptutils
install-qmail:
	@/usr/bin/python3 -I -c 'import sys, ensurepip, venv; sys.exit(sys.version_info < (3, 11))' || \
	    { echo "make: /usr/bin/python3 must be Python 3.11 or newer with venv (Debian: python3-venv)" >&2; exit 1; }
	@set -e; umask 022; \
	rm -rf '$(lib).new' '$(lib).old'; trap "rm -rf '$(lib).new'" EXIT; \
	mkdir -p '$(qmail)/bin' '$(qmail)/lib' '$(qmail)/man/man7' '$(qmail)/man/man8'; \
	/usr/bin/python3 -I -m venv '$(lib).new'; \
	sed -n 's/^\([a-z][^ ]*==[^ ]*\).*/\1/p' requirements.lock >'$(lib).new/constraints'; \
	'$(lib).new/bin/python3' -I -m pip install --quiet --constraint '$(lib).new/constraints' .; \
	cd '$(lib).new/bin'; for file in *; do case " $(PROGRAMS) python python3 " in \
	    *" $$file "*) ;; *) rm -f "$$file" ;; esac; done; cd '$(CURDIR)'; \
	if [ -e '$(lib)' ]; then mv '$(lib)' '$(lib).old'; fi; \
	mv '$(lib).new' '$(lib)'; rm -rf '$(lib).old'; \
	for name in $(PROGRAMS); do ln -sf "../lib/acceptutils/bin/$$name" '$(qmail)/bin/'"$$name"; done; \
	install -m 644 man/*.7 '$(qmail)/man/man7'; install -m 644 man/*.8 '$(qmail)/man/man8'

clean:
	rm -rf .conform .venv dist .coverage .hypothesis .mypy_cache .pytest_cache .ruff_cache
