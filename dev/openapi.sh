#!/usr/bin/env bash
# Lints docs/openapi.yaml with spectral and redocly, pinned, from npm into scratch/. Without node or npm it says so and is done.
set -euo pipefail
cd "$(dirname "$0")/.."
spectral=6.16.3
redocly=2.77.0
folder=$PWD/scratch/openapi

if ! command -v npm >/dev/null 2>&1; then
    echo "skipped: npm is not installed"
    exit 0
fi
wanted="spectral $spectral redocly $redocly"
if [ "$(cat "$folder/installed" 2>/dev/null)" != "$wanted" ]; then
    mkdir -p "$folder"
    # A folder of its own, so that npm looks for no project above it.
    echo '{"private":true}' >"$folder/package.json"
    if ! timeout 240 npm install --prefix "$folder" --no-audit --no-fund --loglevel=error \
        "@stoplight/spectral-cli@$spectral" "@redocly/cli@$redocly" >"$folder/npm.log" 2>&1; then
        tail -n 5 "$folder/npm.log"
        echo "skipped: the linters cannot be installed"
        exit 0
    fi
    echo "$wanted" >"$folder/installed"
fi
export REDOCLY_TELEMETRY=off REDOCLY_SUPPRESS_UPDATE_NOTICE=true
"$folder/node_modules/.bin/spectral" lint docs/openapi.yaml --ruleset dev/spectral.yaml --fail-severity hint
"$folder/node_modules/.bin/redocly" lint docs/openapi.yaml --config dev/redocly.yaml
