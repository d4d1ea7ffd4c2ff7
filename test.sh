#!/bin/sh
# Runs all tests. They want programs of others to try things with: redis-server,
# lua5.1, web servers and proxies. These are installed with apt-get when this
# runs as root on Debian, asked for otherwise. Without them the tests that need
# them say that they are skipped.
set -eu
cd "$(dirname "$0")"

missing=
for want in redis-server lua5.1 nginx:nginx-light squid tinyproxy microsocks; do
	PATH="$PATH:/usr/sbin" command -v "${want%:*}" >/dev/null 2>&1 || missing="$missing ${want#*:}"
done
if [ -n "$missing" ]; then
	if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
		echo "installing$missing" >&2
		apt-get update -qq >/dev/null
		# shellcheck disable=SC2086 # a list of packages
		DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing >/dev/null
	else
		echo "not installed:$missing. Tests that need them will be skipped; on Debian: apt-get install$missing" >&2
	fi
fi

# The race detector needs a C compiler.
race=
if [ "$(go env CGO_ENABLED)" = 1 ] && command -v "$(go env CC)" >/dev/null 2>&1; then
	race=-race
else
	echo "no C compiler: testing without the race detector" >&2
fi
go test $race "$@" ./...
if [ -n "$race" ]; then
	# What measures memory, or compares very many cases, is not for the race detector.
	go test "$@" ./internal/pattern ./luabridge
fi
cd internal/peers
exec go test $race "$@" ./...
