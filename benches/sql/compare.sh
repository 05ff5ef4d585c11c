#!/usr/bin/env bash
# Compares forms of the styles read on a loaded catalogue: prepared statements, warm, 2 clients, in turns.
#   benches/sql/compare.sh DATABASE_URL [ROUNDS [SECONDS]]
set -euo pipefail
cd "$(dirname "$0")"
url=$1 rounds=${2:-3} seconds=${3:-10}
products=$(psql -XAtq "$url" -c 'SELECT max(id) FROM products')
# Ids far above the rest, as in the sample, would be misses; count what is dense.
products=$(psql -XAtq "$url" -c "SELECT count(*) FROM products WHERE id <= $products")

if [ -z "$(psql -XAtq "$url" -c "SELECT to_regclass('naive.skus')")" ]; then
    echo "making the plain tables"
    psql -Xq -v ON_ERROR_STOP=1 "$url" -f naive.sql
fi
# A thread per client: one for both would be what is measured.
run() { # run FORM SECONDS: transactions a second
    pgbench -n -M prepared -c 2 -j 2 -T "$2" -D products="$products" -f "$1.sql" "$url" 2>/dev/null |
        sed -n 's/^tps = \([0-9]*\).*/\1/p'
}
forms=(styles_naive styles_lateral styles_arrays primary_key)
for form in "${forms[@]}"; do run "$form" "$seconds" >/dev/null; done # warm
printf '%-16s' form; for round in $(seq "$rounds"); do printf '%12s' "round $round"; done; echo
declare -A lines
for round in $(seq "$rounds"); do
    for form in "${forms[@]}"; do lines[$form]+=$(printf '%12s' "$(run "$form" "$seconds")"); done
done
for form in "${forms[@]}"; do printf '%-16s%s\n' "$form" "${lines[$form]}"; done
