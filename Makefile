# Every word a person types here; meson does the work. `make help` lists them.
BUILD ?= build
MESON_FLAGS ?=
SANITIZED = build-sanitize

.PHONY: all setup build sanitized test check demo sanitize fuzz tsan soak search offers mutants bench deb deb-test grant ungrant install clean help

all: build ## set up what is missing and build (the default)

setup:
	@packaging/setup

$(BUILD)/build.ninja: meson.build | setup
	@meson setup $(BUILD) $(MESON_FLAGS) >$(BUILD).log 2>&1 || { tail -n 30 $(BUILD).log; exit 1; }
	@rm -f $(BUILD).log

$(SANITIZED)/build.ninja: meson.build | setup
	@meson setup $(SANITIZED) $(MESON_FLAGS) -Db_sanitize=address,undefined -Db_lundef=false >/dev/null

build: setup $(BUILD)/build.ninja
	@ninja -C $(BUILD) --quiet
	@echo "built: $(BUILD)/tactus (try: $(BUILD)/tactus, or make demo)"

sanitized: setup $(SANITIZED)/build.ninja
	@ninja -C $(SANITIZED) --quiet

test: build sanitized ## the whole suite, its units also under sanitizers; the last line counts
	@tests/run $(BUILD) $(SANITIZED)

check: setup $(BUILD)/build.ninja ## format, lint, layers, the limits of STYLE.md
	@tests/tidy $(BUILD)

demo: build ## a real clip through the news example, 20 s, to a file and to SRT
	@tools/demo $(BUILD)

sanitize: sanitized ## all of the suite, services too, under address and undefined sanitizers (slow)
	@TACTUS_SANITIZED=1 tests/run $(SANITIZED)

build-fuzz/build.ninja: meson.build | setup
	@CC=clang meson setup build-fuzz $(MESON_FLAGS) -Db_sanitize=address,undefined -Db_lundef=false \
	  -Dc_args='-fsanitize=fuzzer-no-link -fno-sanitize-recover=undefined' >/dev/null

fuzz: setup build-fuzz/build.ninja ## T=60 seconds for each fuzz target (clang); what is found is told
	@ninja -C build-fuzz --quiet fuzz-targets
	@tests/fuzz/run build-fuzz $(or $(T),60) $(TARGETS)

build-tsan/build.ninja: meson.build | setup
	@meson setup build-tsan $(MESON_FLAGS) -Db_sanitize=thread -Db_lundef=false >/dev/null

# The tests in which threads share memory: what a container's and tactusd's threads do beside each other, and `host` with
# real containers and edges in their jails. A worker is never joined: a codec may hold it when its process ends.
tsan: setup build-tsan/build.ninja ## the tests with threads under the thread sanitizer
	@ninja -C build-tsan --quiet
	@TSAN_OPTIONS=report_thread_leaks=0 meson test -C build-tsan --no-rebuild \
	  --timeout-multiplier 6 core-threads base-ring client linux-port node-control node-witness host components-av_again

soak: build ## T=1800 seconds of the news service with a fault every five (root, for a small disk)
	@python3 tests/soak.py $(BUILD) $(or $(T),1800) --step-clock

search: setup $(BUILD)/build.ninja ## SEEDS=20000 more seeds of the simulator; those that fail are told
	@ninja -C $(BUILD) --quiet tests/sim/test-sim-seeds
	@tests/sim/search $(BUILD) $(or $(SEEDS),20000) $(FIRST)

.PHONY: orders
orders: setup $(BUILD)/build.ninja ## build-up, restart and moves in every order, up to two deaths and more: a minute
	@ninja -C $(BUILD) --quiet tests/node/test-node-orders tests/node/test-node-moves
	@$(BUILD)/tests/node/test-node-orders deep
	@$(BUILD)/tests/node/test-node-moves deep

.PHONY: admission
admission: setup $(BUILD)/build.ninja ## GRAPHS=10000 random graphs: what is admitted keeps all, what is refused for what
	@ninja -C $(BUILD) --quiet tests/sim/test-sim-admission
	@$(BUILD)/tests/sim/test-sim-admission $(or $(FIRST),1) $(or $(GRAPHS),10000)

.PHONY: machine
machine: build ## CPU partitions, in an emulated machine (Debian's qemu and kernel, taken apart in build/): minutes
	@tests/machine/boot $(BUILD)

offers: setup $(BUILD)/build.ninja ## N=500 refused services: what each is offered is admitted
	@ninja -C $(BUILD) --quiet tests/planner/test-planner-advise
	@$(BUILD)/tests/planner/test-planner-advise $(or $(N),500)

mutants: setup ## seeded defects, one at a time in a copy of the last commit: what catches each (5 minutes)
	@tools/mutants

bench: build ## beside GStreamer and FFmpeg (installs them): bench/RESULTS.md, an hour; QUICK=1: minutes
	@packaging/setup packaging/bench-packages.txt
	@meson setup --reconfigure $(BUILD) >/dev/null
	@ninja -C $(BUILD) --quiet bench-helpers
	@bench/results --build $(BUILD) $(if $(QUICK),--quick)

deb: setup ## packages tactus and tactus-dev in build-deb/
	@packaging/deb build-deb build-deb/packages

deb-test: deb ## installs them into a clean root (ROOT=DIR, or debootstrap), runs an example, removes them
	@tests/repo/deb_install build-deb/packages $(ROOT)

grant: ## lets this tree's tactusd reserve CPU time: sudo make grant
	@packaging/grant grant $(BUILD)

ungrant: ## takes that back: sudo make ungrant
	@packaging/grant ungrant $(BUILD)

install: build ## to the prefix that meson was set up with (DESTDIR works)
	@meson install -C $(BUILD) --no-rebuild

clean: ## removes what was built
	@rm -rf $(BUILD) $(SANITIZED)

help:
	@sed -n 's/^\([a-z-]*\):.*## /\1: /p' Makefile
