#!/usr/bin/env bash
# What an entry of L1 costs: fills a running node with one answer per product and reads its resident memory.
#
#   benches/memory/run.sh URL PID LAST_PRODUCT [ROUTE]
#
# ROUTE is one of those of benches/reads (default: product). The node is to be freshly started, with room for all of it and a
# ttl that outlasts the fill, as in
#   ATELIER_L1_BYTES=16GiB ATELIER_TTL_PRODUCT=1h ATELIER_TTL_STYLES=1h … atelier-edge
set -euo pipefail
if [ $# -lt 3 ]; then
    sed -n '2,8s/^# \{0,1\}//p' "$0" >&2
    exit 2
fi
url=${1%/} pid=$2 last=$3 route=${4:-product}
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
rss() { awk '/^VmRSS:/ { print $2 * 1024 }' "/proc/$pid/status"; }
target() {
    case $route in
        product) echo "/products/$1" ;;
        styles | related) echo "/products/$1/$route" ;;
        reviews) echo "/reviews?product_id=$1" ;;
        meta) echo "/reviews/meta?product_id=$1" ;;
        questions) echo "/qa/questions?product_id=$1" ;;
        *) echo "there is no route $route here" >&2 && return 2 ;;
    esac
}

target 1 >/dev/null
before=$(rss)
ROUTE=$route FIRST=1 LAST=$last THREADS=1 RESULT=$work/fill \
    wrk -t 1 -c 32 -d 3600s -s "$here/../reads/reads.lua" "$url" >"$work/wrk" 2>&1 || { cat "$work/wrk" >&2; exit 1; }
read -r _ seconds _ _ errors broken <"$work/fill"
if [ "$errors" -gt 0 ] || [ "$broken" -gt 0 ]; then echo "answers from 400 on: $errors, broken connections: $broken" >&2; fi

# Whether it holds what it was given, and how long the bodies are: 500 keys all over the range.
held=0 bytes=0
for n in $(seq 1 500); do
    id=$((n * (last / 500)))
    if [ "$id" -eq 0 ]; then id=$n; fi
    head=$(curl -sS -o /dev/null -D - "$url$(target "$id")" | tr -d '\r')
    case $head in *'; detail=l1'*) held=$((held + 1)) ;; esac
    bytes=$((bytes + $(sed -n 's/^content-length: //p' <<<"$head")))
done
after=$(rss)
awk -v last="$last" -v held="$held" -v bytes="$bytes" -v before="$before" -v after="$after" -v seconds="$seconds" 'BEGIN {
    printf "entries          %d (of 500 looked at, %d are held)\n", last, held
    printf "filled in        %.0f s\n", seconds
    printf "mean body        %.0f bytes, without other encodings\n", bytes / 500
    printf "VmRSS before     %.1f MiB\n", before / 2^20
    printf "VmRSS after      %.1f MiB\n", after / 2^20
    printf "bytes per entry  %.0f\n", (after - before) / last
}'
