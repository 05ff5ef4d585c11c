#!/usr/bin/env bash
# Runs the tests, which are built, in two lanes beside each other: most of them wait for servers, clocks and faults rather than for a
# core. What each prints comes as a whole, when it has ended.
set -euo pipefail
cd "$(dirname "$0")/.."
# These last longest; together they take about as long as all the others.
long=(consistency faults memory monitoring nginx red stack systemd)

others=(--lib --bins)
for file in tests/*.rs benches/hit/tests/*.rs import/tests/*.rs tests/rig/tests/*.rs; do
    name=$(basename "$file" .rs)
    if [[ " ${long[*]} " != *" $name "* ]]; then others+=(--test "$name"); fi
done
arguments=()
for name in "${long[@]}"; do arguments+=(--test "$name"); done

logs=$(mktemp -d)
trap 'rm -rf "$logs"' EXIT
lane() { # lane NAME ARGUMENT…
    local name=$1
    shift
    cargo test --workspace --locked --no-fail-fast "$@" >"$logs/$name" 2>&1
}
printf '\n== cargo test, in two lanes\n'
lane long "${arguments[@]}" &
first=$!
status=0
lane others "${others[@]}" || status=$?
printf '\n== tests: all but the long ones\n'
cat "$logs/others"
wait "$first" || status=$?
printf '\n== tests: the long ones\n'
cat "$logs/long"
printf '\n== tests: in comments\n'
cargo test --workspace --locked --doc || status=$?
exit $status
