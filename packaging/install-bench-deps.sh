#!/bin/sh
# What `make bench` compares with. Says what it installs; what cannot be had is left out with a notice.
# usage: install-bench-deps.sh [BUILD]     (default build; files go to BUILD/bench-tools)
#  - mawk, gawk, nodejs, npm, a JDK and maven are installed as packages where the command is missing
#  - sec, rsyslog and mtail are only unpacked into BUILD/bench-tools/debian: their packages bring services,
#    and nothing here may start one
#  - @duckdb/node-api by npm, with the versions of bench/peers/package-lock.json
#  - the Java peers by Maven, when Maven Central is reachable
set -eu
cd "$(dirname "$0")/.."
case "${1:-build}" in /*) tools=$1/bench-tools ;; *) tools=$PWD/${1:-build}/bench-tools ;; esac
mkdir -p "$tools/debian"

as_root=""
[ "$(id -u)" = 0 ] || as_root=sudo
is_updated=""
update() {
	[ -z "$is_updated" ] || return 0
	$as_root apt-get update -qq || echo "notice: the package lists cannot be read"
	is_updated=yes
}

packages=""
for pair in mawk:mawk gawk:gawk node:nodejs npm:npm javac:default-jdk-headless mvn:maven perl:perl; do
	command -v "${pair%%:*}" >/dev/null || packages="$packages ${pair##*:}"
done
if [ -n "$packages" ]; then
	echo "installing:$packages"
	update
	for package in $packages; do
		$as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq \
			--no-install-recommends "$package" >/dev/null ||
			echo "notice: $package cannot be installed"
	done
fi

# Their libraries are unpacked beside them, so that the packages themselves are not needed.
unpack=""
command -v sec >/dev/null || [ -e "$tools/debian/usr/bin/sec" ] || unpack="$unpack sec"
command -v mtail >/dev/null || [ -e "$tools/debian/usr/bin/mtail" ] || unpack="$unpack mtail"
command -v rsyslogd >/dev/null || [ -e "$tools/debian/usr/sbin/rsyslogd" ] ||
	unpack="$unpack rsyslog libestr0 libfastjson4 liblognorm5"
if [ -n "$unpack" ]; then
	echo "unpacking into $tools/debian:$unpack"
	update
	packages_dir=$(mktemp -d)
	for package in $unpack; do
		if (cd "$packages_dir" && apt-get download -qq "$package" >/dev/null 2>&1); then
			dpkg -x "$packages_dir/$package"_*.deb "$tools/debian"
		else
			echo "notice: $package is not to be had"
		fi
	done
	rm -r "$packages_dir"
fi

if command -v npm >/dev/null && ! cmp -s bench/peers/package.json "$tools/package.json"; then
	echo "installing by npm into $tools: @duckdb/node-api"
	cp bench/peers/package-lock.json bench/peers/package.json "$tools/"
	# Not `npm ci`: the lock file names only the platform it was made on.
	(cd "$tools" && npm install --no-audit --no-fund --silent >npm.log 2>&1) || {
		rm -f "$tools/package.json"
		echo "notice: npm cannot install it ($tools/npm.log); DuckDB is left out"
	}
fi

if [ -x bench/peers/java/build.sh ] && ! [ -e bench/peers/java/flink/target/lib ]; then
	echo "building by Maven: Flink, Esper, Kafka Streams"
	bench/peers/java/build.sh || echo "notice: Flink, Esper and Kafka Streams are left out"
fi
