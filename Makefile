# Goldcrest's commands. `make` lists them.
.PHONY: help demo check lint format scripts licences advisories linked pins docs clippy test test-tools test-vm test-appliance arm cross-aarch64 cross-armv7 install deb test-deb release
# The steps of `check` in their order, even under `make -j`: they share two processors and one target folder.
.NOTPARALLEL:

CARGO ?= cargo
# The program that `install` copies.
BINARY ?= target/release/goldcrest
# The model that `install` packs, and the program that it does so with: the same, unless that was built for another machine.
# Bundles are the same on all machines.
ONNX ?= model/convnext_tiny_128_int8.onnx
PACKER ?= $(shell $(BINARY) --version >/dev/null 2>&1 && echo $(BINARY) || echo target/release/goldcrest)
# Which checks of the package with systemd `test-vm` runs, by a pattern; all if it is empty.
APPLIANCE ?=
DOC = $(DESTDIR)/usr/share/doc/goldcrest
MODEL = $(DESTDIR)/usr/share/goldcrest/model
# The mask of whoever installs must neither hide folders and the bundle from the service nor let others write to them.
MASK = umask 022;
PUT = $(MASK) install -D

help: ## List the commands
	@grep -hE '^[a-z0-9-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 16

demo: ## Build, and replay the shipped recording, then with a taught head: labels on the terminal, no broker needed
	@scripts/need build
	$(CARGO) build --release --locked
	target/release/goldcrest pack model/convnext_tiny_128_int8.onnx
	target/release/goldcrest replay tests/recordings/bottles --config config.toml
	target/release/goldcrest replay tests/recordings/bottles --fps 1.5 --head tests/recordings/bottles.head --config config.toml

check: lint test ## Everything that a change must pass on one machine: lint, then test

lint: format scripts licences docs clippy ## All checks but the tests, fastest first

format: ## Formatting
	@scripts/need lint
	$(CARGO) fmt --all --check

scripts: ## Shell and Python scripts can be parsed
	@for file in .ci/run scripts/* benches/*/run tests/vm/run tests/vm/*.sh tests/appliance/run tests/appliance/*.sh tests/appliance/checks/*.sh tests/packages/run; do bash -n $$file || exit; done
	python3 -m compileall -q benches model/tools packaging tests

licences: ## Licences, sources and banned crates of the dependencies
	@scripts/need deny
	$(CARGO) deny --locked check bans licenses sources

advisories: ## Vulnerable, unmaintained and yanked dependencies; needs the network
	@scripts/need deny
	$(CARGO) deny --locked check advisories

linked: ## List what the program links, for TARGET or this machine: without build scripts, macros and tests
	@scripts/linked $(TARGET)

pins: ## Write the Python requirements with the hashes of all files; needs the network
	scripts/pins

docs: ## The crate's documentation, in which every link leads somewhere
	@scripts/need build
	$(CARGO) doc --release --locked --no-deps --document-private-items

clippy: ## Warnings of rustc and clippy
	@scripts/need build lint
	$(CARGO) clippy --release --locked --all-targets -- -D warnings

test: ## Run all tests of the program, against a real broker too
	@scripts/need build broker unit video
	$(CARGO) test --release --locked

test-tools: ## Run the tests of the model tools, from a training step to a replay
	@scripts/need build
	$(CARGO) build --release --locked
	scripts/test-tools

arm: ## Build for ARM and run unit tests and pictures under emulation
	@scripts/need build arm
	scripts/arm

test-vm: ## Test the camera on the kernel's virtual one, and the package with systemd, in an emulated 64-bit ARM machine
	@scripts/need build arm vm package root
	scripts/test-vm '$(APPLIANCE)'

test-appliance: ## Test the arm64 package alone there, from its installation to its purge (as root)
	@scripts/need build arm vm package root
	tests/appliance/run

cross-aarch64: ## Build for a 64-bit Raspberry Pi with cross
	@scripts/need cross
	CROSS_CONFIG=cross.toml cross build --release --locked --target aarch64-unknown-linux-gnu

cross-armv7: ## Build for a 32-bit Raspberry Pi with cross
	@scripts/need cross
	CROSS_CONFIG=cross.toml cross build --release --locked --target armv7-unknown-linux-gnueabihf

install: ## Install the built program, its model and its service (as root)
	$(MASK) install -d -m 755 $(DESTDIR)/etc/goldcrest $(DESTDIR)/usr/share/goldcrest $(MODEL) $(DOC) $(DOC)/docs $(DOC)/docs/schemas $(DOC)/docs/images $(DOC)/model $(DOC)/systemd
	$(PUT) -m 755 $(BINARY) $(DESTDIR)/usr/bin/goldcrest
	$(PUT) -m 644 -t $(MODEL) model/labels.txt model/model.toml
# Packed from a copy: root believes no model in another user's checkout. The bundle keeps the time of the file.
	$(PUT) -p -m 644 -t $(MODEL) $(ONNX)
	$(MASK) $(PACKER) pack $(MODEL)/$(notdir $(ONNX))
	rm -f $(MODEL)/*.onnx
	$(PUT) -m 644 -t $(DOC) *.md LICENSE-* config.toml
	$(PUT) -m 644 -t $(DOC)/docs docs/*.md
	$(PUT) -m 644 -t $(DOC)/docs/schemas docs/schemas/*.json
	$(PUT) -m 644 -t $(DOC)/docs/images docs/images/*.png
	$(PUT) -m 644 -t $(DOC)/systemd systemd/rpicam.conf systemd/goldcrest.service.d/strict.conf
	$(PUT) -m 644 -t $(DOC)/model model/MODEL_CARD.md
	$(PUT) -m 644 -t $(DESTDIR)/usr/lib/systemd/system systemd/*.service
	$(PUT) -m 644 systemd/goldcrest.rules $(DESTDIR)/usr/lib/udev/rules.d/71-goldcrest.rules
	$(PUT) -m 644 systemd/sysusers.conf $(DESTDIR)/usr/lib/sysusers.d/goldcrest.conf
	set -e; manual=$$(mktemp -d); trap 'rm -rf "$$manual"' EXIT; $(PACKER) manual "$$manual"; \
	for section in 1 5 8; do \
		$(PUT) -m 644 -t $(DESTDIR)/usr/share/man/man$$section "$$manual"/man/*.$$section; \
	done; \
	$(PUT) -m 644 "$$manual/completions/goldcrest.bash" $(DESTDIR)/usr/share/bash-completion/completions/goldcrest; \
	$(PUT) -m 644 -t $(DESTDIR)/usr/share/zsh/vendor-completions "$$manual/completions/_goldcrest"; \
	$(PUT) -m 644 -t $(DESTDIR)/usr/share/fish/vendor_completions.d "$$manual/completions/goldcrest.fish"
	test -e $(DESTDIR)/etc/goldcrest/config.toml || install -m 644 config.toml $(DESTDIR)/etc/goldcrest/config.toml

deb: ## Build Debian packages in target/debian, for the architectures in ARCHS: amd64, arm64, armhf
	@scripts/need build arm package
	scripts/deb $(ARCHS)

test-deb: ## Test the Debian package of this machine in a fresh root of Debian (as root)
	@scripts/need build arm package root
	tests/packages/run

release: ## Make a release of this commit in target/dist: packages, bills of materials, checksums, and the tag
	@scripts/need build arm package release
	scripts/release
