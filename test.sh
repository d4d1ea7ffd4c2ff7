#!/bin/sh
# Runs all tests. They want a redis-server, and lua5.1 to compare with: installed
# with apt-get when this runs as root on Debian, asked for otherwise. Without
# them the tests that need them say that they are skipped.
set -eu
cd "$(dirname "$0")"

missing=
command -v redis-server >/dev/null 2>&1 || missing="$missing redis-server"
command -v lua5.1 >/dev/null 2>&1 || missing="$missing lua5.1"
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
exec go test $race "$@" ./...
