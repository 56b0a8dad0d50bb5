#!/usr/bin/env bash
# The demo: the daemon on scripts/, a live payment stream, one merchant broken for 14 seconds.
# Nothing is scripted but the input: what you see is what the rules and plans decide.
set -euo pipefail
build=${1:-build}
state=var/demo
tocsin=$build/tocsin
rate=400
broken=m0001
seconds=50

say() { printf '\n\033[1m== %s\033[0m\n' "$*"; }
children=()
stop() {
	for child in "${children[@]}"; do kill "$child" 2>/dev/null || true; done
	wait 2>/dev/null || true
}
trap stop EXIT

rm -rf "$state" var/pay-demo.jsonl
mkdir -p "$state"
export TOCSIN_STATE=$state

say "the daemon starts on the site in scripts/"
"$tocsin" run --site scripts --state "$state" 2>"$state/daemon.log" &
daemon=$!
children+=("$daemon")
for _ in $(seq 100); do
	grep -q 'ready:' "$state/daemon.log" && break
	kill -0 "$daemon" 2>/dev/null || { cat "$state/daemon.log"; exit 1; }
	sleep 0.1
done
grep 'ready:' "$state/daemon.log"

say "$rate payments a second go to var/pay-demo.jsonl; $broken breaks after 6 s, for 14 s"
"$build/tocsin-gen" --live "$rate" --duration "$seconds" -r 7 -m 200 --break "$broken" \
	--break-from 6 --break-to 20 --append var/pay-demo.jsonl &
children+=("$!")

# Ends with the daemon, so that nothing is left behind.
follow() { tail --pid="$daemon" -s 0.2 -n +1 -F "$1" 2>/dev/null; }
touch "$state/alerts.jsonl" "$state/ops.jsonl"
follow "$state/daemon.log" |
	grep --line-buffered -E ' (rule|incident|plan): ' | sed -u 's/^[^ ]*T/  /' &
follow "$state/alerts.jsonl" | sed -u 's/^/  alert document: /' &
follow "$state/ops.jsonl" | sed -u 's/^/  message to ops: /' &

result=1
for _ in $(seq $((seconds * 2))); do
	if "$tocsin" incident show 1 --json 2>/dev/null | grep -q '"state": "RESOLVED"'; then
		result=0
		break
	fi
	sleep 0.5
done
sleep 1

say "the incident, from its timeline"
"$tocsin" incident show 1 || true
say "summary"
"$tocsin" plan runs || true
"$tocsin" status | sed -n '1,4p'
[ "$result" = 0 ] && echo "the incident opened, was handled and is resolved" ||
	echo "no resolved incident within $seconds s: see $state/daemon.log"
exit "$result"
