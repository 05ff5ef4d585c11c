#!/usr/bin/env bash
# Plays visits of a front end against what `make up` started, through nginx, and prints what came of them. Ends with 1 when a
# request failed, an answer was wrong, or a visitor missed what it had written.
#   ROUNDS=N     visits (default: 10000)
#   SHOPPERS=N   visits at once (default: 16)
#   SEED=N       what chance begins with (default: another each time)
set -euo pipefail
cd "$(dirname "$0")/.."
address=$PWD/scratch/up/address
if [ ! -s "$address" ]; then
    echo "nothing is up: run 'make up' first" >&2
    exit 1
fi
cargo build -q --release --locked -p atelier-rig --bin session
# Empty is the same as not given, as make passes it on.
for name in ROUNDS SHOPPERS SEED; do
    if [ -z "${!name:-}" ]; then unset "$name"; fi
done
SESSION_ADDRESS=$(<"$address") exec target/release/session
