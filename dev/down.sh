#!/usr/bin/env bash
# Ends what `make up` started, each process by its pid, and removes its folders.
#   UP=DIR   where that was kept (default: scratch/up)
set -euo pipefail
cd "$(dirname "$0")/.."
up=${UP:-$PWD/scratch/up}
[ -d "$up" ] || exit 0

stop() { # stop PID SIGNAL: until it has ended, 30 s at most. An ended process may stay a while, as Z, until its parent looks.
    local tries=300
    while [[ $(ps -o state= -p "$1") == [^Z]* ]]; do
        tries=$((tries - 1))
        if [ $tries -eq 0 ]; then kill -KILL "$1" 2>/dev/null || true; return 0; fi
        kill "-$2" "$1" 2>/dev/null || true
        sleep 0.1
    done
}
# First who asks, then who is asked.
if [ -s "$up/prometheus.pid" ]; then stop "$(cat "$up/prometheus.pid")" TERM; fi
if [ -s "$up/nginx.pid" ]; then stop "$(cat "$up/nginx.pid")" TERM; fi
for file in "$up"/node*.pid; do
    [ -e "$file" ] || continue
    # The first signal drains, the second ends that: there is nobody to wait for.
    stop "$(cat "$file")" TERM
done
if [ -e "$up/redis.pid" ]; then stop "$(cat "$up/redis.pid")" TERM; fi
if [ -e "$up/postgres.folder" ]; then
    pg=$(cat "$up/postgres.folder")
    if [ -e "$pg/data/postmaster.pid" ]; then stop "$(head -n 1 "$pg/data/postmaster.pid")" INT; fi
    rm -rf "$pg"
fi
rm -rf "$up"
