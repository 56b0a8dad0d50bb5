#!/bin/sh
# What programs can say about the sources: clang-format, luacheck, tidy.py, clang-tidy.
# usage: check.sh [--changed]     --changed: clang-tidy looks only at what differs from the last commit
set -eu
cd "$(dirname "$0")/../.."
packaging/install-deps.sh --tools

echo "clang-format"
git ls-files '*.c' '*.h' '*.cc' | xargs clang-format --dry-run -Werror

echo "luacheck"
luacheck --quiet scripts lua/lib lua/meta

echo "tidy.py"
python3 tests/tidy/tidy.py

# Rules in .clang-tidy and tests/.clang-tidy. library_files.c is made by the build.
echo "clang-tidy"
cmake -S . -B build-tidy -G Ninja -DCMAKE_BUILD_TYPE=Debug >/dev/null
if [ "${1:-}" = --changed ]; then
	files=$(git diff --name-only --diff-filter=d HEAD -- 'core/*.c' 'storage/*.c' 'lua/*.c' \
		'bench/*.c' 'tests/unit/*.c')
	[ -n "$files" ] || exit 0
else
	files="^$PWD/(core|storage|lua|bench|tests/unit|tests/support)/.*\.c\$"
fi
ninja -C build-tidy lua/library_files.c >/dev/null
log=build-tidy/clang-tidy.log
# shellcheck disable=SC2086  # one argument for each file
if ! run-clang-tidy -quiet -j "$(nproc)" -p build-tidy $files >"$log" 2>/dev/null; then
	grep -E -A4 '(error|warning):' "$log"
	exit 1
fi
echo "clean"
