#!/usr/bin/env bash
# Breaks one thing after another, PostgreSQL, Redis, lines, nodes, under load, and prints what readers and writers got, and whether
# every bar of docs/failures.md is met: one table, also in scratch/faults.md. Ends with another status than 0 when one is not.
#   ONLY=D1,S2     only these experiments
set -euo pipefail
cd "$(dirname "$0")/.."
dev/setup.sh
# One experiment holds 1,000 connections; a soft limit of 1024 descriptors is too low for that.
ulimit -Sn "$(ulimit -Hn)"
# The build of `make test`, as for dev/consistency.sh.
FAULTS=all exec cargo test --locked --test faults -- --exact --nocapture every_bar_is_met
