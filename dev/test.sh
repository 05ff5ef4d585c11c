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

step "packages"
dev/setup.sh
step "cargo fmt --check"
cargo fmt --all --check
step "cargo clippy"
cargo clippy --workspace --all-targets --locked -- -D warnings
step "cargo doc"
RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps --document-private-items --locked --quiet
optional cargo-machete cargo machete
optional cargo-deny cargo deny --offline check licenses bans sources
optional typos typos
step "dev/openapi.sh"
dev/openapi.sh
step "dev/nginx.sh"
dev/nginx.sh
step "dev/k6.sh check"
dev/k6.sh check
step "terraform"
dev/terraform.sh quick
if [ $# -gt 0 ]; then
    step "cargo test $*"
    cargo test --workspace --locked "$@"
    exit
fi
step "cargo test --no-run"
cargo test --workspace --locked --no-run
dev/lanes.sh
step "dev/schemathesis.sh quick"
dev/schemathesis.sh quick
