#!/usr/bin/env bash
# Asks a node in a cgroup of 320 MiB for more than it can keep, for so long, and prints how much memory it took. Ends with another status
# than 0 when that was more than 90 % of its limit, or a request was not answered.
#   MINUTES=N      for how long (default: 10)
set -euo pipefail
cd "$(dirname "$0")/.."
MINUTES=${MINUTES:-10} exec cargo test --locked --test memory -- --exact --nocapture \
    more_than_fits_is_asked_for_and_the_node_stays_within_its_limit
