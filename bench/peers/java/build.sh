#!/bin/sh
# Builds the Java peers into */target. Exit 3, with a notice, when the repository of their
# libraries cannot be reached or there is no Java 17 with Maven; 1 when they do not compile.
cd "$(dirname "$0")" || exit 1

skip() {
	echo "java peers skipped: $1" >&2
	exit 3
}

command -v javac >/dev/null || skip "no JDK on this machine"
command -v mvn >/dev/null || skip "no Maven on this machine"

log=$(mktemp) || exit 1
trap 'rm -f "$log"' EXIT
mvn -B -q -o package >"$log" 2>&1 && exit 0
mvn -B -q package >"$log" 2>&1 && exit 0
if grep -qE 'COMPILATION ERROR|BUILD FAILURE.*compile' "$log"; then
	cat "$log" >&2
	exit 1
fi
if grep -qE 'Could not (resolve|transfer|find)|could not be resolved|UnknownHost' "$log"; then
	skip "the repository of their libraries cannot be reached"
fi
cat "$log" >&2
exit 1
