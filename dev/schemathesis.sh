#!/usr/bin/env bash
# Asks a real node, with PostgreSQL and Redis, whatever schemathesis makes of docs/openapi.yaml, and holds its answers against it.
# schemathesis is pinned, from PyPI into scratch/; where that cannot be had, the script says so and is done.
#   quick        a bounded part, for `make test`
#   CASES=N      otherwise: so many cases at the most for an operation (default: 120), and at least 5000 in all
#   SEED=N       what chance begins with (default: 1 when quick, another each time otherwise; it is printed)
set -euo pipefail
cd "$(dirname "$0")/.."
schemathesis=4.32.5
brotli=1.2.1
folder=$PWD/scratch/schemathesis

wanted="schemathesis $schemathesis brotli $brotli"
if [ "$(cat "$folder/installed" 2>/dev/null)" != "$wanted" ]; then
    mkdir -p "$folder"
    # brotli, because the API describes that clients may ask for it, and so schemathesis does.
    if ! { python3 -m venv --clear "$folder/venv" &&
        timeout 240 "$folder/venv/bin/pip" install -q "schemathesis==$schemathesis" "brotli==$brotli"; } \
        >"$folder/pip.log" 2>&1; then
        tail -n 5 "$folder/pip.log"
        echo "skipped: schemathesis cannot be installed"
        exit 0
    fi
    echo "$wanted" >"$folder/installed"
fi

# Where TESTS_BUILT is set, dev/test.sh has built everything.
if [ -z "${TESTS_BUILT:-}" ]; then cargo build -q --locked --workspace --bins; fi
log=$folder/run.log
arguments=(--checks all)
if [ "${1:-}" = quick ]; then
    # HEAD and OPTIONS are two operations out of three, and the contract tests ask them all.
    arguments+=(--seed "${SEED:-1}" --max-examples 8 --phases examples,fuzzing --exclude-method HEAD --exclude-method OPTIONS)
    least=100
else
    if [ -n "${SEED:-}" ]; then arguments+=(--seed "$SEED"); fi
    arguments+=(--max-examples "${CASES:-120}")
    least=5000
fi
description=$PWD/docs/openapi.yaml
# It leaves files where it runs.
cd "$folder"
status=0
../../target/debug/with-node sh -c 'exec "$@" --url "http://$NODE_ADDRESS"' sh \
    venv/bin/schemathesis --no-color --config-file ../../dev/schemathesis.toml run "$description" "${arguments[@]}" \
    >"$log" 2>&1 || status=$?
if [ $status -ne 0 ]; then
    cat "$log"
    exit $status
fi
sed -n '/^API Operations/,$p' "$log"
cases=$(sed -n 's/^ *\([0-9]*\) generated.*/\1/p' "$log")
if [ "${cases:-0}" -lt $least ]; then
    echo "only ${cases:-0} cases, less than $least" >&2
    exit 1
fi
