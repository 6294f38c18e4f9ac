# unipod: everything one does with this tree, as one word each. `make help` lists them.
#
# The tests, the demo and the measurements boot a machine of their own (real systemd in namespaces, see tests/), for which
# they need root; nothing of it stays. `deps` installs Debian packages, `install` writes below DESTDIR and PREFIX; nothing
# else touches the system.

PREFIX  ?= /usr/local
DESTDIR ?=
CARGO   ?= cargo
SUDO    := $(if $(filter-out 0,$(shell id -u)),sudo)

# Where systemd looks for generators and user units depends on the prefix it knows: /usr or /usr/local (systemd.generator(7)).
BINDIR   = $(DESTDIR)$(PREFIX)/bin
SYSTEMD  = $(DESTDIR)$(PREFIX)/lib/systemd
TMPFILES = $(DESTDIR)$(PREFIX)/lib/tmpfiles.d
DATADIR  = $(DESTDIR)$(PREFIX)/share
MANDIR   = $(DATADIR)/man

# Tests run as root from a build that belongs to the user: cargo puts the runner before the test programs only.
ifneq ($(SUDO),)
export CARGO_TARGET_X86_64_UNKNOWN_LINUX_GNU_RUNNER  = sudo -E
export CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_RUNNER = sudo -E
endif

# `make test bench UNIPOD_TEST_ROOT=DIR` boots another distribution (see tests/src/lib.rs); sudo hands on no environment.
export UNIPOD_TEST_ROOT
TEST_ROOT = $(if $(UNIPOD_TEST_ROOT),env UNIPOD_TEST_ROOT=$(UNIPOD_TEST_ROOT))

.DEFAULT_GOAL := help
.PHONY: help deps build release docs demo test test-only lint fmt bench crash install uninstall clean

help: ## This list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

deps: ## Install what building and testing need (Debian packages, cargo-nextest, cargo-deny)
	@tests/deps

build: ## Build everything for development
	$(CARGO) build --workspace --bins --examples

release: ## Build the engine and the generator as they are shipped
	$(CARGO) build --release -p unipod-cli -p unipod-generator

demo: deps build ## A unit file becomes a service, step by step, on a machine that is gone afterwards
	@$(SUDO) $(TEST_ROOT) target/debug/demo

test: lint test-only ## Everything CI does: lints, unit tests, acceptance tests

test-only: deps build
	$(CARGO) nextest run --workspace
	$(CARGO) test --quiet --workspace --doc

lint: deps ## Formatting, clippy and documentation, warnings denied; what the dependencies are
	$(CARGO) fmt --all --check
	$(CARGO) clippy --workspace --all-targets -- -D warnings
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc --quiet --workspace --no-deps
	$(CARGO) deny --log-level error check bans licenses sources

fmt: ## Format the sources
	$(CARGO) fmt --all

crash: deps build ## Kill every command at every system call, and see that nothing is left (takes an hour)
	UNIPOD_CRASH=all $(CARGO) nextest run -p unipod-tests --test crash --test crash_commands --test pod_crash --no-capture

bench: deps release ## Measure starts, stops and the generator against a hand-written unit (and podman where installed)
	$(CARGO) build --release -p unipod-tests --bins
	@$(SUDO) $(TEST_ROOT) target/release/bench

docs: ## Man pages and shell completions, from the command line as the engine parses it, into target/docs
	$(CARGO) run --quiet -p unipod-packaging -- target/docs

install: release docs ## Install engine and generators below DESTDIR and PREFIX
	install -D -m 755 target/release/unipod $(BINDIR)/unipod
	install -D -m 755 target/release/unipod-generator $(SYSTEMD)/system-generators/unipod-system-generator
	install -D -m 755 target/release/unipod-generator $(SYSTEMD)/user-generators/unipod-user-generator
	install -D -m 644 packaging/systemd/user/podman-user-wait-network-online.service \
		$(SYSTEMD)/user/podman-user-wait-network-online.service
	install -D -m 644 packaging/tmpfiles.d/unipod.conf $(TMPFILES)/unipod.conf
	for page in target/docs/man1/*.1; do install -D -m 644 -t $(MANDIR)/man1 $$page || exit 1; done
	install -D -m 644 target/docs/man5/unipod-containers.conf.5 $(MANDIR)/man5/unipod-containers.conf.5
	install -D -m 644 target/docs/completions/bash/unipod.bash $(DATADIR)/bash-completion/completions/unipod
	install -D -m 644 target/docs/completions/fish/unipod.fish $(DATADIR)/fish/vendor_completions.d/unipod.fish
	install -D -m 644 target/docs/completions/zsh/_unipod $(DATADIR)/zsh/site-functions/_unipod

# Without unit files to find, a generator removes its services and links; those that an administrator has disabled stay so.
uninstall: ## Remove what install has installed; images, volumes and unit files stay
	[ -n "$(DESTDIR)" ] || ! [ -x $(SYSTEMD)/system-generators/unipod-system-generator ] || \
		QUADLET_UNIT_DIRS=/dev/null $(SYSTEMD)/system-generators/unipod-system-generator /run/systemd/generator
	rm -f $(BINDIR)/unipod $(TMPFILES)/unipod.conf
	rm -f $(SYSTEMD)/system-generators/unipod-system-generator $(SYSTEMD)/user-generators/unipod-user-generator
	rm -f $(SYSTEMD)/user/podman-user-wait-network-online.service
	rm -f $(MANDIR)/man5/unipod-containers.conf.5
	rm -f $(MANDIR)/man1/unipod.1 $(MANDIR)/man1/unipod-*.1 $(DATADIR)/bash-completion/completions/unipod
	rm -f $(DATADIR)/fish/vendor_completions.d/unipod.fish $(DATADIR)/zsh/site-functions/_unipod

clean: ## Remove everything that was built, the test images included
	$(CARGO) clean
