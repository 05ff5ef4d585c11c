#!/usr/bin/env bash
# How many instructions a hit takes, beside what it may take (benches/hit/budget.toml): gungraun, which has callgrind count. Counts do not
# care what else the machine does.
#   dev/hits.sh build: builds what is counted, and that is all
#   BUDGET=write: what is counted becomes the budget
set -euo pipefail
cd "$(dirname "$0")/.."
command -v valgrind >/dev/null || { echo "skipped: valgrind is not installed"; exit 0; }

# In the build of the tests, whose libraries are there; only what is ours is optimised, and no more than counting needs: with opt-level 3
# the compiler takes 1.7 times as long for 15 % fewer instructions.
ours=()
for package in atelier-edge atelier-hit; do
    for setting in opt-level=1 debug=false codegen-units=16; do ours+=(--config "profile.dev.package.$package.$setting"); done
done
built=$(cargo bench --quiet --locked --workspace --profile dev "${ours[@]}" --bench hits --no-run --message-format=json |
    sed -n 's/.*"executable":"\([^"]*\)".*/\1/p' | tail -1)
if [ "${1:-}" = build ]; then exit; fi

# gungraun is a library and a program of the same version. The program is built without optimisation: that takes a fraction of the time.
version=$(sed -n '/^name = "gungraun"$/{n;s/^version = "\(.*\)"$/\1/p}' Cargo.lock)
tools=$PWD/target/tools
if [ ! -x "$tools/bin/gungraun-runner" ] || [ "$("$tools/bin/gungraun-runner" --version)" != "gungraun-runner $version" ]; then
    if ! said=$(CARGO_PROFILE_DEV_DEBUG=0 cargo install --quiet --debug --locked --force --root "$tools" --target-dir "$tools/target" \
        "gungraun-runner@$version" 2>&1); then
        echo "$said"
        echo "skipped: gungraun-runner $version cannot be had"
        exit 0
    fi
    rm -rf "$tools/target"
fi

results=$(mktemp -d)
trap 'rm -rf "$results"' EXIT
# valgrind reads what is there for debuggers, for seconds; names are kept.
strip -g -o "$results/hits" "$built"
(cd benches/hit && PATH=$tools/bin:$PATH GUNGRAUN_HOME=$results/gungraun GUNGRAUN_COLOR=never "$results/hits" --bench --save-summary=json) \
    >"$results/log" 2>&1 || { cat "$results/log"; exit 1; }
benches/hit/budget.py "$results/gungraun" ${BUDGET:+"--$BUDGET"}
