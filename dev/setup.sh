#!/usr/bin/env bash
# Installs what the tests and `make up` need and is not there: as root, or with sudo; otherwise names it and stops.
set -euo pipefail

missing=()
have() { command -v "$1" >/dev/null 2>&1; }
want() { # want PACKAGE TEST…
    local package=$1
    shift
    "$@" >/dev/null 2>&1 || missing+=("$package")
}

want postgresql-15 test -x /usr/lib/postgresql/15/bin/postgres
want redis-server have redis-server
# Before the nodes. The package is the plain one, without modules; Debian has it where only root's PATH looks.
want nginx test -x /usr/sbin/nginx
# A pooler between a node and PostgreSQL, which the node has to notice.
want pgbouncer test -x /usr/sbin/pgbouncer
# Boots in namespaces of a test, with the package; checks units.
want systemd test -x /lib/systemd/systemd
# Tells a process another time than it is.
want libfaketime test -e /usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1
# Looks at the nodes; promtool, which tries the rules, is part of it.
want prometheus have promtool
# Clients that are slow on purpose.
want slowhttptest have slowhttptest
# Counts the instructions of a hit.
want valgrind have valgrind
want build-essential have cc
want make have make
want curl have curl
want procps have ps
# README.md reads the log of nginx with it.
want jq have jq
# Throw-away certificates of tests; and whom to believe, where nothing else is said.
want openssl have openssl
want ca-certificates test -s /etc/ssl/certs/ca-certificates.crt
# Opens the page for operators.
want chromium have chromium
# pg_stat_statements is part of the server's package, psql and pgbench of the client's.
want postgresql-client-15 have psql

if [ ${#missing[@]} -eq 0 ]; then
    exit 0
fi
echo "missing Debian packages: ${missing[*]}"
run=()
if [ "$(id -u)" -ne 0 ]; then
    if ! have sudo || ! sudo -n true 2>/dev/null; then
        echo "install them and come back: apt-get install ${missing[*]}" >&2
        exit 1
    fi
    run=(sudo -n)
fi
# The packages' own servers are not to be started: tests start theirs on free ports.
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
    printf '#!/bin/sh\nexit 101\n' | "${run[@]}" tee "$policy" >/dev/null
    "${run[@]}" chmod 755 "$policy"
    trap '"${run[@]}" rm -f "$policy"' EXIT
fi
export DEBIAN_FRONTEND=noninteractive
"${run[@]}" apt-get update -qq
"${run[@]}" apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
