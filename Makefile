# make demo    builds everything, runs the examples
# make test    runs every test; ends with `N passed, N failed`
# make lint    what a change has to pass besides the tests
# make check-deep  the models, some of the mutations, a minute of the fuzzer, arbitrary bytes for every parser, the check kit's own tests
# make soak    uses everything at random for a minute, or KJA_SOAK_SECONDS, and looks for leaks
# make bench   measures the library beside its peers
# make header  writes include/kjasync.h
# make parity  writes doc/parity.md and the long list, doc/parity/rows.md
# make clean
#
# Needed: Rust, make, a C and a C++ compiler, python3. With valgrind the C tests run under it as well, with a Lean
# toolchain (`lake`, see test/run_lean) the Lean half is built and tested too, with openssl TLS in C and Lean.

CARGO ?= cargo
CC ?= cc
RELEASE = target/release

.PHONY: all build demo test check-deep soak bench header parity clean lint lint-format lint-rust lint-docs lint-header lint-rest lint-macos

all: build

build:
	$(CARGO) build --release

demo: build
	@mkdir -p target/demo
	$(CC) -O2 -Wall -Iinclude examples/c/echo.c -o target/demo/echo -L$(RELEASE) -lkjasync -Wl,-rpath,$(CURDIR)/$(RELEASE)
	target/demo/echo
	test/run_lean demo
	@echo "demo: ok"

test: build
	@test/run

check-deep: build
	@KJA_TEST_SECONDS=$${KJA_TEST_SECONDS:-1800} test/run --deep

soak: build
	@test/soak/run $(RELEASE)

bench: build
	benches/run
	$(CARGO) bench --bench copy

# `make -k lint` goes on after a failure.
lint: lint-format lint-rust lint-docs lint-header lint-rest lint-macos

lint-format:
	$(CARGO) fmt --all --check

lint-rust:
	$(CARGO) clippy --workspace --all-targets -- -D warnings

lint-docs:
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc --no-deps --document-private-items

lint-header:
	$(CARGO) run -q -p kjasync-header -- --check

lint-rest: build
	scripts/check_docs
	scripts/check_exports
	scripts/check_externs
	scripts/check_lean_names
	scripts/check_layers
	scripts/check_licences
	scripts/check_sources
	scripts/parity --check

lint-macos:
	scripts/check_macos

header:
	$(CARGO) run -q -p kjasync-header

parity:
	scripts/parity

clean:
	rm -rf target lean/.lake lean/*/.lake lean/Test/downstream/.lake
