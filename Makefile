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

test: build ## the whole suite; the last line counts
	@tests/run $(BUILD)

check: setup $(BUILD)/build.ninja ## format, lint, layers, the limits of STYLE.md
	@tests/tidy $(BUILD)

demo: build ## a real clip through the news example, 20 s, to a file and to SRT
	@tools/demo $(BUILD)

sanitize: setup ## the suite under address and undefined sanitizers
	@$(MAKE) --no-print-directory test BUILD=build-sanitize \
	  MESON_FLAGS="-Db_sanitize=address,undefined -Db_lundef=false"

install: build ## to the prefix that meson was set up with (DESTDIR works)
	@meson install -C $(BUILD) --no-rebuild

clean: ## removes what was built
	@rm -rf $(BUILD) build-sanitize

help:
	@sed -n 's/^\([a-z]*\):.*## /\1: /p' Makefile
