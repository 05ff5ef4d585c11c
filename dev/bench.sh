#!/usr/bin/env bash
# Hits beside what readers could choose instead, in one run: tables in benches/RESULTS.md and a picture in benches/hits.svg.
#   ROUNDS=5 SECONDS_EACH=3
#   DATABASE_URL=…  misses too, above this catalogue: what benches/compare/misses.py needs of it
# It needs wrk (`apt-get install wrk`). Varnish (the same), node and npm are used where they are; what is not there is left out, and said
# to be.
set -euo pipefail
cd "$(dirname "$0")/.."
if command -v apt-get >/dev/null && [ "$(id -u)" = 0 ]; then
    missing=()
    command -v wrk >/dev/null || missing+=(wrk)
    [ -x /usr/sbin/varnishd ] || missing+=(varnish)
    if [ ${#missing[@]} -gt 0 ]; then DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null || true; fi
fi
command -v wrk >/dev/null || { echo "wrk is not there: apt-get install wrk" >&2; exit 1; }
cargo build --release --locked --bin atelier-edge
cargo build --release --locked --manifest-path benches/compare/peers/Cargo.toml --target-dir target/peers
if command -v npm >/dev/null; then (cd benches/compare/express && npm ci --no-audit --no-fund --silent) || true; fi
benches/compare/run.py --rounds "${ROUNDS:-5}" --seconds "${SECONDS_EACH:-3}" --write
if [ -n "${DATABASE_URL:-}" ]; then benches/compare/misses.py --write; fi
