#!/bin/sh
# Builds every fuzz target with clang and runs each for FUZZ_SECONDS (default 60) seconds.
# A finding stops the run; its input is kept in build-fuzz/.
set -eu
cd "$(dirname "$0")/../.."
packaging/install-deps.sh --tools
CC=clang CXX=clang++ cmake -S . -B build-fuzz -G Ninja -DCMAKE_BUILD_TYPE=Debug -DFUZZ=ON >/dev/null
ninja -C build-fuzz
cd build-fuzz
count=0
for target in tests/fuzz_*; do
	[ -f "$target" ] && [ -x "$target" ] || continue
	name=$(basename "$target")
	mkdir -p "corpus/$name"
	seeds="../tests/fixtures/fuzz/$name"
	[ -d "$seeds" ] || seeds=""
	echo "$name: ${FUZZ_SECONDS:-60} s"
	"$target" -max_total_time="${FUZZ_SECONDS:-60}" -timeout=10 -rss_limit_mb=2048 -verbosity=0 \
		-print_final_stats=1 "corpus/$name" $seeds 2>"$name.log" || { tail -40 "$name.log"; exit 1; }
	grep -E 'number_of_executed_units' "$name.log" || true
	count=$((count + 1))
done
echo "$count passed, 0 failed"
