#!/usr/bin/env bash
# Ends what `make up` started, each process by its pid, and removes its folders.
set -euo pipefail
cd "$(dirname "$0")/.."
up=$PWD/scratch/up
[ -d "$up" ] || exit 0

stop() { # stop PID SIGNAL: and wait until it is gone, 30 s at most
    local tries=300
    kill "-$2" "$1" 2>/dev/null || return 0
    while kill -0 "$1" 2>/dev/null; do
        tries=$((tries - 1))
        if [ $tries -eq 0 ]; then kill -KILL "$1" 2>/dev/null || true; return 0; fi
        sleep 0.1
    done
}
for file in "$up"/node*.pid; do
    [ -e "$file" ] || continue
    pid=$(cat "$file")
    # The first signal drains; with nobody to wait for, the second ends it.
    kill -TERM "$pid" 2>/dev/null || true
    stop "$pid" TERM
done
if [ -e "$up/redis.pid" ]; then stop "$(cat "$up/redis.pid")" TERM; fi
if [ -e "$up/postgres.folder" ]; then
    pg=$(cat "$up/postgres.folder")
    if [ -e "$pg/data/postmaster.pid" ]; then stop "$(head -n 1 "$pg/data/postmaster.pid")" INT; fi
    rm -rf "$pg"
fi
rm -rf "$up"
