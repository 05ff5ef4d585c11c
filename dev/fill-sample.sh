#!/usr/bin/env bash
# Appends generated products 61 to 998 to the hand-written ones in import/sample. Done once; to do it again, first take
# the generated rows out (in each file: those from the first row of products 61 to 998 on).
set -euo pipefail
cd "$(dirname "$0")/.."
sample=import/sample
if grep -q '^61,' "$sample/product.csv"; then
    echo "$sample has product 61 already: it is filled" >&2
    exit 1
fi

more=$(mktemp -d)
trap 'rm -r "$more"' EXIT
cargo run -q --release --locked -p atelier-import -- generate --products 938 --after "$sample" --first-product 61 --out "$more/set"
for file in "$sample"/*.csv; do
    name=${file##*/}
    case $name in
    cart.csv) continue ;; # its rows are not loaded: a sample without them says less in its report
    photos.csv) head -n -1 "$file" && tail -n +2 "$more/set/$name" && tail -n 1 "$file" ;; # the last line lacks its quote
    *) cat "$file" && tail -n +2 "$more/set/$name" ;;
    esac >"$more/$name"
    cat "$more/$name" >"$file"
done
