#!/bin/sh
# Installs the Debian 12 packages that are missing; says what it installs. Root or sudo is needed only then.
set -eu
packages="gcc g++ make cmake ninja-build pkg-config ccache python3 git
libluajit-5.1-dev luajit libevent-dev libjansson-dev librocksdb-dev libcriterion-dev
libpcre2-dev libmicrohttpd-dev libcurl4-openssl-dev zlib1g-dev libxxhash-dev libsimdjson-dev
libssl-dev libsqlite3-dev libcsv-dev tzdata curl jq"
[ "${1:-}" = --tools ] && packages="$packages clang clang-tidy clang-format lua-check libclang-rt-14-dev"

missing=""
for package in $packages; do
	state=$(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null || true)
	[ "$state" = installed ] || missing="$missing $package"
done
[ -n "$missing" ] || exit 0

echo "installing:$missing"
as_root=""
[ "$(id -u)" = 0 ] || as_root=sudo
$as_root apt-get update -qq
$as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing >/dev/null
