#!/usr/bin/env bash
# The floor of an import: what PostgreSQL itself takes to read the files of a set into bare tables and to index them, two files at a time.
# Nothing is checked, cleaned, gathered or exchanged.
#   DATABASE_URL=… benches/load/floor.sh DIR
# DIR: a set without dirt, as `atelier-import generate` writes it. The tables stand in a schema of their own, `floor`, which is dropped afterwards.
set -euo pipefail
cd "$(dirname "$0")/../.."
data=$(realpath "$1")
: "${DATABASE_URL:?the address of a database}"
work=$(mktemp -d)
trap 'rm -rf "$work"; psql -Xq "$DATABASE_URL" -c "SET client_min_messages = error; DROP SCHEMA IF EXISTS floor CASCADE"' EXIT

psql -Xq -v ON_ERROR_STOP=1 "$DATABASE_URL" -c "SET client_min_messages = error" -c "DROP SCHEMA IF EXISTS floor CASCADE" -c "CREATE SCHEMA floor"
# The tables of plain.sql without keys, and the indexes that our reads need of such tables.
table() { sed -n "s/^CREATE TABLE $1 (\(.*\));\$/\1/p" benches/load/plain.sql | sed 's/ PRIMARY KEY//; s/ REFERENCES [a-z]*//g'; }
declare -A indexes=(
    [product]='(id)' [features]='(product_id, id)' [styles]='(id) (product_id, id)' [photos]='(style_id, id)' [skus]='(style_id, id) (id)'
    [related]='(current_product_id, id) (related_product_id)' [reviews]='(id) (product_id, helpfulness DESC, date DESC, id DESC) (product_id, date DESC, id DESC)'
    [reviews_photos]='(review_id, id)' [characteristics]='(id) (product_id, id)' [characteristic_reviews]='(characteristic_id, id) (review_id)'
    [questions]='(id) (product_id, helpful DESC, id)' [answers]='(id) (question_id, helpful DESC, id)' [answers_photos]='(answer_id, id)'
)
# A lane takes the largest file that is left, then makes its indexes: whoever is done first takes the next.
for name in "${!indexes[@]}"; do
    {
        echo "\\set ON_ERROR_STOP on"
        echo "SET search_path = floor; SET synchronous_commit = off; SET maintenance_work_mem = '256MB';"
        # FREEZE is for tables that the same transaction has made.
        echo "BEGIN; CREATE TABLE $name ($(table "$name"));"
        echo "\\copy $name FROM '$data/$name.csv' (FORMAT csv, HEADER, NULL 'null', FREEZE)"
        echo "COMMIT;"
        echo "${indexes[$name]}" | grep -o '([^)]*)' | sed "s/.*/CREATE INDEX ON $name &;/"
    } >"$work/$name.sql"
done
queue=$(for name in "${!indexes[@]}"; do echo "$(stat -c %s "$data/$name.csv") $name"; done | sort -rn | cut -d' ' -f2)
psql -XAtq "$DATABASE_URL" -c CHECKPOINT
began=$EPOCHREALTIME
echo "$queue" | xargs -P 2 -I{} psql -Xq "$DATABASE_URL" -f "$work/{}.sql"
echo "$began $EPOCHREALTIME" | awk '{ printf "bare COPY … FREEZE and indexes, two at a time: %.1f s\n", $2 - $1 }'
psql -XAtq "$DATABASE_URL" -c "SELECT 'tables and indexes ' || pg_size_pretty(sum(pg_total_relation_size(oid))) FROM pg_class WHERE relkind = 'r' AND relnamespace = 'floor'::regnamespace"
