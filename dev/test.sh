#!/usr/bin/env bash
# Everything that must hold before a change lands: form, lints, documentation, tests.
set -euo pipefail
cd "$(dirname "$0")/.."

# One test holds 1,000 connections; a soft limit of 1024 descriptors is too low for that.
ulimit -Sn "$(ulimit -Hn)"

step() { printf '\n== %s\n' "$*"; }
# A check whose tool is not part of the toolchain: run where it is there, said where it is not.
optional() { # optional TOOL COMMAND…
    local tool=$1
    shift
    step "$*"
    if command -v "$tool" >/dev/null 2>&1; then "$@"; else echo "skipped: $tool is not installed"; fi
}

# What needs no core of ours runs beside the compiler, and is shown when that has ended.
logs=$(mktemp -d)
declare -A beside=()
end() {
    local group
    for group in "${beside[@]}"; do kill -- "-$group" 2>/dev/null || true; done
    rm -rf "$logs"
}
trap end EXIT
beside() { # beside NAME COMMAND…
    local name=$1
    shift
    # A group of its own, so that an end from here ends whatever it has started.
    set -m
    "$@" >"$logs/${name//\//-}" 2>&1 &
    beside[$name]=$!
    set +m
}
show() { # show NAME: what it printed; ends as it ended
    local status=0
    wait "${beside[$1]}" || status=$?
    unset "beside[$1]"
    step "$1"
    cat "$logs/${1//\//-}"
    return $status
}

step "packages"
dev/setup.sh
beside dev/openapi.sh dev/openapi.sh
beside dev/nginx.sh dev/nginx.sh
beside dev/terraform.sh dev/terraform.sh quick
step "cargo fmt --check"
cargo fmt --all --check
step "cargo clippy"
cargo clippy --workspace --all-targets --locked -- -D warnings
step "cargo doc"
RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps --document-private-items --locked --quiet
optional cargo-machete cargo machete
optional cargo-deny cargo deny --offline check licenses bans sources
optional typos typos
for check in dev/openapi.sh dev/nginx.sh dev/terraform.sh; do show "$check"; done
step "dev/k6.sh check"
dev/k6.sh check
if [ $# -gt 0 ]; then
    step "cargo test $*"
    cargo test --workspace --locked "$@"
    exit
fi
step "cargo test --no-run"
cargo test --workspace --locked --no-run
# What needs a program of another package finds it: built alone it would have other features, and so would half of what it stands on.
export TESTS_BUILT=yes
step "dev/hits.sh build"
dev/hits.sh build
dev/lanes.sh
# Behind the tests, of which some find out less on a machine that is full. Counts do not care.
beside dev/hits.sh nice dev/hits.sh
step "dev/schemathesis.sh quick"
dev/schemathesis.sh quick
show dev/hits.sh
