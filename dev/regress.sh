#!/usr/bin/env bash
# Whether a hit costs more CPU time than before a change: builds the commit before and what is here, as releases, and measures both
# alternately. Ends with another status than 0, and the figure, if it does.
#   BASE=COMMIT: to compare with; where this branch left origin/main, or the commit before this one
#   ROUNDS=7 SECONDS_EACH=1
#   BASE_BINARY=FILE HEAD_BINARY=FILE: programs that are built already
# It needs two cores, wrk and python3.
set -euo pipefail
cd "$(dirname "$0")/.."
for tool in wrk python3 taskset; do
    command -v "$tool" >/dev/null || { echo "$tool is not there (apt-get install wrk python3 util-linux)" >&2; exit 1; }
done
[ "$(nproc)" -ge 2 ] || { echo "one core for the server and one for wrk are needed" >&2; exit 1; }

base=${BASE_BINARY:-}
if [ -z "$base" ]; then
    at=$(git rev-parse HEAD)
    commit=${BASE:-$(git merge-base HEAD origin/main 2>/dev/null || true)}
    commit=$(git rev-parse --verify --quiet "${commit:-HEAD~1}^{commit}") || { echo "there is no commit $BASE" >&2; exit 1; }
    if [ "$commit" = "$at" ] && git diff --quiet HEAD; then commit=$(git rev-parse HEAD~1); fi
    echo "base: $(git log -1 --format='%h %s' "$commit")"
    # Its target folder stays, so that the next run with the same base has little to build; the tree is made anew.
    tree=$PWD/target/regress/tree
    git worktree remove --force "$tree" 2>/dev/null || rm -rf "$tree"
    git worktree prune
    git worktree add --quiet --detach "$tree" "$commit"
    trap 'git worktree remove --force "$tree"' EXIT
    (cd "$tree" && CARGO_TARGET_DIR=../target cargo build --release --locked --bin atelier-edge)
    base=$PWD/target/regress/target/release/atelier-edge
fi
head=${HEAD_BINARY:-}
if [ -z "$head" ]; then
    cargo build --release --locked --bin atelier-edge
    head=$PWD/target/release/atelier-edge
fi
benches/compare/regress.py "$base" "$head" --rounds "${ROUNDS:-7}" --seconds "${SECONDS_EACH:-1}"
