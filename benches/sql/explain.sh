#!/usr/bin/env bash
# The plans of every statement of the origin on a loaded catalogue, as custom and as generic plan, and a check of them:
# no table is read as a whole, and nothing is sorted but the few rows of one product. Exit status 1 if one does.
#   benches/sql/explain.sh DATABASE_URL [PRODUCT [QUESTION]] >plans.txt
set -euo pipefail
cd "$(dirname "$0")/../../src/origin/postgres"
url=$1
ask() { psql -XAtq "$url" -c "$1"; }
# Somewhere in the last tenth, where load tests ask, and not a page that was just read.
product=${2:-$(ask 'SELECT id FROM products ORDER BY id DESC OFFSET (SELECT reltuples::int / 20 FROM pg_class WHERE oid = '"'products'::regclass"') LIMIT 1')}
question=${3:-$(ask 'SELECT id FROM questions ORDER BY id DESC OFFSET 1000 LIMIT 1')}
products=$(ask 'SELECT count(*) FROM products')
# The product with the most reviews gets steps, as when a node was asked for its deep pages.
IFS='|' read -r reviewed reviews <<<"$(ask 'SELECT product_id, count(*) FROM reviews GROUP BY 1 ORDER BY 2 DESC LIMIT 1')"
ask "SELECT edge.step_reviews($reviewed)" >/dev/null
echo "$products products; product $product, question $question; $(ask 'SHOW server_version')"

wrong=0
for file in *.sql; do
    case $file in
        # Not what answers are read by: of a reader's own, and of the history of changes.
        cart.sql | poll.sql | prune.sql | resync.sql) continue ;;
        answers.sql) types='integer, bigint, bigint' values="$question, 0, 5" ;;
        products.sql) types='bigint, bigint' values='500, 30' ;;
        products_deep.sql) types='bigint, bigint' values="$((products * 9 / 10)), 30" ;;
        # The deepest page there is: of the product with the most reviews.
        reviews_*_deep.sql) types='integer, bigint, bigint' values="$reviewed, $((reviews > 2000 ? reviews * 9 / 10 : 1000)), 5" ;;
        reviews_*.sql | questions.sql) types='integer, bigint, bigint' values="$product, 0, 5" ;;
        *) types=integer values=$product ;;
    esac
    for mode in custom generic; do
        printf '\n== %s, %s plan\n' "$file" "$mode"
        plan=$({
            echo "SET plan_cache_mode = force_${mode}_plan;"
            echo "PREPARE it ($types) AS $(cat "$file");"
            echo "EXECUTE it ($values); EXECUTE it ($values);"
            echo "EXPLAIN (ANALYZE, BUFFERS, COSTS off, TIMING off) EXECUTE it ($values);"
        } | psql -XAtq "$url" | sed -n '/^[A-Z][A-Za-z ]*\((\| on \| using \|(actual\)/,$p')
        echo "$plan" | sed -n '/(actual/,$p'
        # These have one row.
        if grep 'Seq Scan' <<<"$plan" | grep -qvE ' on (counted|epoch) '; then
            echo "$file, $mode plan: reads a table as a whole" >&2
            wrong=1
        fi
        # A page reads about as many rows wherever it is: what one node of a plan walks past stays below the rows of a few buckets.
        if grep -E 'actual rows=[0-9]{4,}' <<<"$plan" >&2; then
            echo "$file, $mode plan: walks past too many rows" >&2
            wrong=1
        fi
        # A sort says what it sorted; more than the rows of a product would not fit into 100 kB.
        if grep -E 'Sort Method: (external|.*Memory: [0-9]{3,}kB)' <<<"$plan" >&2; then
            echo "$file, $mode plan: sorts too much" >&2
            wrong=1
        fi
    done
done
exit $wrong
