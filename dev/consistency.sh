#!/usr/bin/env bash
# Plays the scenes of tests/consistency.rs again and again, each time with a new seed and for longer, and prints what came of
# them, the worst age that was seen included. Ends with another status than 0 when a promise was broken.
#   MINUTES=N      for how long; what has begun is ended (default: 10)
#   SCENES=A,B     only these scenes
#   SEED=N         the first seed (default: another each time)
set -euo pipefail
cd "$(dirname "$0")/.."
dev/setup.sh
if [ -z "${SEED:-}" ]; then unset SEED; fi
# The build of `make test`: one for release would put a server with switches for bugs where `make up` has its own.
MINUTES=${MINUTES:-10} exec cargo test --locked --test consistency -- --exact --nocapture the_promise_holds_in_every_scene
