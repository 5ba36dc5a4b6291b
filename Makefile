# Every word a person types here; meson does the work. `make help` lists them.
BUILD ?= build
MESON_FLAGS ?=

.PHONY: all setup build test check demo install clean help sanitize

all: build ## set up what is missing and build (the default)

setup:
	@packaging/setup

$(BUILD)/build.ninja: meson.build | setup
	@meson setup $(BUILD) $(MESON_FLAGS) >$(BUILD).log 2>&1 || { tail -n 30 $(BUILD).log; exit 1; }
	@rm -f $(BUILD).log

build: setup $(BUILD)/build.ninja
	@ninja -C $(BUILD) --quiet
	@echo "built: $(BUILD)/tactus (try: $(BUILD)/tactus, or make demo)"

test: build build-sanitize ## the whole suite, its units also under sanitizers; the last line counts
	@tests/run $(BUILD) build-sanitize

.PHONY: build-sanitize
build-sanitize: build-sanitize ## all of the suite, services too, under address and undefined sanitizers (slow)
	@TACTUS_SANITIZED=1 tests/run build-sanitize

install: build ## to the prefix that meson was set up with (DESTDIR works)
	@meson install -C $(BUILD) --no-rebuild

clean: ## removes what was built
	@rm -rf $(BUILD) build-sanitize

help:
	@sed -n 's/^\([a-z]*\):.*## /\1: /p' Makefile
