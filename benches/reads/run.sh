#!/usr/bin/env bash
# Cold reads per second of each route: every request asks a running node for a key that nobody asked for before.
#
#   benches/reads/run.sh URL LAST_PRODUCT LAST_QUESTION
#
# The node is to run without Redis, on a catalogue with these ids and without gaps worth mentioning, and freshly started: a
# key that it holds is no cold one, and the script stops when it finds one. Each round takes a part of the ids of its own.
#   ROUTES       which of them (default: all)      ROUNDS       of each route (3)
#   SECONDS_EACH the longest a round may take (10) CONNECTIONS  that ask at once (32; above the node's permits and their
#   THREADS      of wrk (1)                                     queue, 8 + 64, some would be turned away)
set -euo pipefail
if [ $# -ne 3 ]; then
    sed -n '2,11s/^# \{0,1\}//p' "$0" >&2
    exit 2
fi
url=${1%/} products=$2 questions=$3
routes=${ROUTES:-list product styles related reviews newest meta questions answers}
rounds=${ROUNDS:-3} seconds=${SECONDS_EACH:-10} connections=${CONNECTIONS:-32}
export THREADS=${THREADS:-1}
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

path() { # path ROUTE ID: as in reads.lua
    case $1 in
        list) echo "/products?page=$(($2 % 400 + 1))&count=$((5 + $2 / 400))" ;;
        product) echo "/products/$2" ;;
        styles | related) echo "/products/$2/$1" ;;
        reviews) echo "/reviews?product_id=$2" ;;
        newest) echo "/reviews?product_id=$2&sort=newest" ;;
        meta) echo "/reviews/meta?product_id=$2" ;;
        questions) echo "/qa/questions?product_id=$2" ;;
        answers) echo "/qa/questions/$2/answers" ;;
    esac
}
tier() { curl -fsS -o /dev/null -D - "$url$(path "$1" "$2")" | tr -d '\r' | sed -n 's/^cache-status: atelier-edge; //p'; }

printf '%-10s %12s %8s %9s %9s %10s %7s\n' route requests/s spread 'p50 ms' 'p99 ms' requests errors
for route in $routes; do
    last=$products
    if [ "$route" = answers ]; then last=$questions; fi
    share=$((last / rounds))
    : >"$work/$route"
    for ((round = 0; round < rounds; round++)); do
        first=$((round * share + 1)) end=$(((round + 1) * share)) step=1
        # Pages of the list get longer with the id, so its rounds take every third of them, not a third each.
        if [ "$route" = list ]; then first=$((round + 1)) end=$last step=$rounds; fi
        # The first key is asked for by hand, to see that it is cold; wrk gets those behind it.
        found=$(tier "$route" "$first")
        case $found in
            fwd=uri-miss*) ;;
            *)
                echo "$(path "$route" "$first") is not cold, but: ${found:-without Cache-Status}" >&2
                echo "start the node anew, without Redis" >&2
                exit 1
                ;;
        esac
        ROUTE=$route FIRST=$((first + step)) LAST=$end STEP=$step RESULT=$work/$route \
            wrk -t "$THREADS" -c "$connections" -d "${seconds}s" --latency -s "$here/reads.lua" "$url" >"$work/wrk" 2>&1 ||
            { cat "$work/wrk" >&2; exit 1; }
    done
    # Columns of reads.lua: requests, seconds, p50 and p99 in µs, answers from 400 on, broken connections.
    # The rates are those of the round in the middle, the spread reaches from the slowest to the fastest.
    sort -n -k2 "$work/$route" | awk -v route="$route" '
        { rate[NR] = $1 / $2; p50[NR] = $3; p99[NR] = $4; total += $1; errors += $5 + $6 }
        END {
            for (i = 1; i <= NR; i++) for (j = i + 1; j <= NR; j++) if (rate[j] < rate[i]) {
                t = rate[i]; rate[i] = rate[j]; rate[j] = t; t = p50[i]; p50[i] = p50[j]; p50[j] = t
                t = p99[i]; p99[i] = p99[j]; p99[j] = t
            }
            middle = int((NR + 1) / 2)
            printf "%-10s %12.0f %7.1f%% %9.2f %9.2f %10d %7d\n", route, rate[middle],
                100 * (rate[NR] - rate[1]) / rate[middle], p50[middle] / 1000, p99[middle] / 1000, total, errors
        }'
done
