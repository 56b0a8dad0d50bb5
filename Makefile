# A thin front over CMakeLists.txt. `make help` lists the targets.
BUILD  ?= build
JOBS   ?= $(shell nproc)

.PHONY: help deps build demo test test-sanitize test-thread test-long bench bench-quick \
	cost spans trend fuzz check reference clean

help:
	@sed -n 's/^\([a-z-]*\):.*## /  make \1\t/p' $(MAKEFILE_LIST)

deps: ## installs the Debian packages that are missing
	@packaging/install-deps.sh

build: deps ## release build in build/
	@cmake -S . -B $(BUILD) -G Ninja -DCMAKE_BUILD_TYPE=Release >$(BUILD).log 2>&1 || \
		{ cat $(BUILD).log; exit 1; }
	@ninja -C $(BUILD) -j $(JOBS)

demo: build ## runs the daemon on a live payment stream, breaks a merchant, shows what happens
	@packaging/demo.sh $(BUILD)

test: build ## every test, ends in one line of totals
	@python3 tests/run.py $(BUILD)

test-sanitize: deps ## unit and integration tests under address + undefined sanitizers
	@cmake -S . -B build-asan -G Ninja -DCMAKE_BUILD_TYPE=Debug -DSANITIZE=address,undefined >/dev/null
	@ninja -C build-asan -j $(JOBS)
	@python3 tests/run.py build-asan

test-thread: deps ## the same under the thread sanitizer
	@cmake -S . -B build-tsan -G Ninja -DCMAKE_BUILD_TYPE=Debug -DSANITIZE=thread >/dev/null
	@ninja -C build-tsan -j $(JOBS)
	@python3 tests/run.py build-tsan

test-long: build ## the long acceptance runs (5,000,000 lines, 200 kills, 200 reloads)
	@TOCSIN_LONG=1 python3 tests/run.py $(BUILD)

bench: build ## the comparison with other programs, about 20 minutes; see bench/README.md
	@packaging/install-bench-deps.sh $(BUILD)
	@python3 bench/run.py --build $(BUILD) --json $(BUILD)/bench.json

bench-quick: build ## the same with 200,000 lines and one run: are the answers right?
	@python3 bench/run.py --build $(BUILD) --quick

trend: build ## how good smart rules are: reproduces the table of docs/smart-rules.md
	@python3 bench/trend.py --build $(BUILD) --check docs/smart-rules.md

cost: build ## what a reading, a rule, a key, a span and a core cost: the tables of docs/cost.md
	@python3 bench/cost.py --build $(BUILD)

spans: build ## what a boundary costs for windows of an hour to 30 days: bench/spans/README.md
	@python3 bench/cost.py --build $(BUILD) --tables boundaries

fuzz: deps ## every fuzz target for FUZZ_SECONDS (60) seconds
	@tests/fuzz/run.sh

check: deps ## formatter, clang-tidy and luacheck
	@tests/tidy/check.sh

reference: build ## writes docs/reference.md, lua/meta and the std of .luacheckrc from the tables
	@$(BUILD)/tocsin reference --write .

clean: ## removes the build directories
	@rm -rf build build-asan build-tsan build-fuzz *.log
