#!/bin/sh
# run.sh PEER JOB INPUT OUTPUT [--warmup FILE] [--warmup-s N] [--threads N]
# PEER: flink|flink-tuned|esper|esper-tuned|kafka|plain
# The one place that knows how each peer's JVM is started. PEER_JAVA_OPTS adds options.
here=$(cd "$(dirname "$0")" && pwd) || exit 1
peer=$1
shift
opens=
case $peer in
plain) module=common main=tocsin.peer.PlainPeer ;;
flink | flink-tuned)
	module=flink main=tocsin.peer.FlinkDocumented
	[ "$peer" = flink ] || main=tocsin.peer.FlinkTuned
	opens='--add-opens=java.base/java.lang=ALL-UNNAMED
		--add-opens=java.base/java.util=ALL-UNNAMED
		--add-opens=java.base/java.util.concurrent=ALL-UNNAMED'
	;;
esper) module=esper main=tocsin.peer.EsperDocumented ;;
esper-tuned) module=esper main=tocsin.peer.EsperTuned ;;
kafka) module=kafka main=tocsin.peer.KafkaPeer ;;
*)
	echo "usage: run.sh flink|flink-tuned|esper|esper-tuned|kafka|plain JOB INPUT OUTPUT" \
		"[--warmup FILE] [--warmup-s SECONDS] [--threads N]" >&2
	exit 2
	;;
esac
# shellcheck disable=SC2086  # options are words
exec java -XX:+UseParallelGC -Xms2g -Xmx2g $opens $PEER_JAVA_OPTS \
	-cp "$here/$module/target/$module-1.jar:$here/$module/target/lib/*" "$main" "$@"
