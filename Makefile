# Builds, runs and tests Byre. `make` lists what there is.

SWIFT ?= swift
PYTHON ?= python3
# Where `make serve` keeps its data, and where it listens.
DATA_DIR ?= $(if $(XDG_DATA_HOME),$(XDG_DATA_HOME),$(HOME)/.local/share)/byre
CLIENT_URL ?= http://127.0.0.1:2379
# Further arguments of pytest, as PYTEST_FLAGS='-k watch'.
PYTEST_FLAGS ?=
BENCH_FLAGS ?=

RELEASE := .build/release/byre
# SwiftPM leaves directories behind where temporary files go, so it is given a place of its own.
SWIFT_TMP := $(CURDIR)/.build/tmp
swift = rm -rf $(SWIFT_TMP) && mkdir -p $(SWIFT_TMP) && TMPDIR=$(SWIFT_TMP) $(SWIFT)
VENV := .venv
SWIFT_FILES := Package.swift Sources Tests $(addprefix Benchmarks/,Package.swift Micro Sources Tests)

BUILD_PACKAGES := libnghttp2-dev libpq-dev libsqlite3-dev libssl-dev pkg-config
# Debian has an etcdctl of 3.4; that of 3.5 comes from PyPI, with the etcd to compare with.
# Of PostgreSQL and PgBouncer the programs are used alone, on clusters that tests make and remove.
UNIT_PACKAGES := pgbouncer postgresql
MICRO_PACKAGES := valgrind
TEST_PACKAGES := $(UNIT_PACKAGES) binutils ca-certificates curl etcd-client nghttp2-client \
	openssl sqlite3 systemd

.NOTPARALLEL:
.PHONY: help serve build build-packages test test-packages unit micro system format lint generate \
	bench bench-quick bench-build clean

help: ## List the targets.
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 12

serve: build ## Build, and serve from DATA_DIR on CLIENT_URL.
	@echo "Serving $(CLIENT_URL) from $(DATA_DIR); Ctrl-C stops it." >&2
	@exec $(RELEASE) serve --data-dir "$(DATA_DIR)" --listen-client-urls "$(CLIENT_URL)"

build: build-packages ## Build the release executable, and check who imports whom.
	$(swift) build --configuration release --product byre \
		--explicit-target-dependency-import-check error

build-packages:
	@deploy/packages.sh $(BUILD_PACKAGES)

test: build unit micro system ## Run all tests, of the parts and of the release executable.

# One at a time: many of them block a thread, and on a small machine those that need several starve.
unit: build-packages ## Run the tests of the parts.
	@deploy/packages.sh $(UNIT_PACKAGES)
	$(swift) test --no-parallel
	$(swift) test --no-parallel --package-path Benchmarks

# Counts of instructions and allocations, which do not depend on what else the machine does.
micro: build-packages ## Compare what small parts cost with Benchmarks/thresholds.json.
	@deploy/packages.sh $(MICRO_PACKAGES)
	$(swift) build --configuration release --product byre-micro
	$(PYTHON) Benchmarks/micro.py

# Twice at once, since tests mostly wait: on SQLite, and on PostgreSQL but for what makes clusters of
# its own and runs in the first.
system: build test-packages $(VENV)/bin/promtool ## Run the tests of the release executable.
	@$(VENV)/bin/python -m pytest Tests/System --store postgres -m "not slow and not postgres" \
		$(PYTEST_FLAGS) >.build/system-postgres.log 2>&1 & \
	postgres=$$!; status=0; \
	$(VENV)/bin/python -m pytest Tests/System $(PYTEST_FLAGS) || status=$$?; \
	wait $$postgres || status=$$?; \
	cat .build/system-postgres.log; exit $$status

test-packages:
	@deploy/packages.sh $(TEST_PACKAGES)

# Of Prometheus the checker of rules alone: the package would start a server.
$(VENV)/bin/promtool: $(VENV)/installed
	@deploy/unpack.sh prometheus usr/bin/promtool $@

# The etcd of PyPI answers a lone put before it is on disk (etcd#14370); Debian's does not.
$(VENV)/bin/etcd-3.4: $(VENV)/installed
	@deploy/unpack.sh etcd-server usr/bin/etcd $@

$(VENV)/installed: Tests/System/requirements.txt
	@$(PYTHON) -c 'import ensurepip' 2>/dev/null || deploy/packages.sh python3-venv
	$(PYTHON) -m venv $(VENV)
	$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check --requirement $<
	@touch $@

format: ## Format the Swift files.
	$(SWIFT) format --in-place --parallel --recursive $(SWIFT_FILES)

lint: ## Say where Swift files are not as the formatter wants them.
	$(SWIFT) format lint --strict --parallel --recursive $(SWIFT_FILES)

generate: $(VENV)/installed ## Renew the Swift code of the messages in proto/.
	PYTHON=$(CURDIR)/$(VENV)/bin/python proto/generate.sh

# BENCH_FLAGS: see Benchmarks/bench.py --help.
bench: bench-build ## Compare the release executable with etcd, and write Benchmarks/report (30 minutes).
	$(VENV)/bin/python Benchmarks/bench.py --durable-etcd $(VENV)/bin/etcd-3.4 $(BENCH_FLAGS)

bench-quick: bench-build ## The same, short and rough, into .build/report (3 minutes).
	$(VENV)/bin/python Benchmarks/bench.py --quick --output .build/report $(BENCH_FLAGS)

bench-build: build test-packages $(VENV)/installed $(VENV)/bin/etcd-3.4
	$(swift) build --package-path Benchmarks --configuration release --product byre-bench

clean: ## Remove what was built.
	rm -rf .build Benchmarks/.build $(VENV)
