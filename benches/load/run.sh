#!/usr/bin/env bash
# How long atelier-import takes for a set, and psql's \copy into keyed tables for the same files on the same server.
#   DATABASE_URL=… benches/load/run.sh DIR
# DIR: a set without dirt, as `atelier-import generate --products 1000000 --out DIR` writes it. The database must be empty.
set -euo pipefail
cd "$(dirname "$0")/../.."
data=$(realpath "$1")
: "${DATABASE_URL:?the address of an empty database}"

seconds() { # seconds COMMAND…: how long it takes
    local began=$EPOCHREALTIME
    "$@" >&2
    echo "$began $EPOCHREALTIME" | awk '{ printf "%.1f", $2 - $1 }'
}
plain() { sed "s|:data|$data|" benches/load/plain.sql | psql -Xq "$DATABASE_URL"; }
size() { psql -XAtq "$DATABASE_URL" -c "SELECT pg_size_pretty(sum(pg_total_relation_size(oid))) FROM pg_class WHERE relkind = 'r' AND relnamespace = '$1'::regnamespace"; }

cargo build --release --locked --workspace --bins
psql -XAtq "$DATABASE_URL" -c CHECKPOINT
load=$(seconds target/release/atelier-import load --data "$data")
psql -XAtq "$DATABASE_URL" -c CHECKPOINT
copy=$(seconds plain)
echo "atelier-import load  $load s, tables and indexes $(size public)"
echo "psql \\copy           $copy s, tables and indexes $(size plain)"
echo "$load $copy" | awk '{ printf "load takes %.2f of the time of \\copy\n", $1 / $2 }'
