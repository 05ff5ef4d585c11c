#!/usr/bin/env bash
# Lets libFuzzer look for inputs that break a rule of `fuzzing` in http, cache, config and the import; ends with 1 at the first.
#   FUZZ_SECONDS=N   for each target (default: 60); `make fuzz SECONDS=N` (to bash itself SECONDS is a clock)
#   TARGETS='…'      these alone (default: all)
#   MUTATED=N        requests that are changed by chance and sent to a node at the end (default: 100000); SEED=N
#
# It needs neither nightly nor cargo-fuzz: coverage is a pass of LLVM that the pinned compiler has, and libfuzzer-sys brings the
# rest of libFuzzer as source (a C++ compiler builds it). What would need nightly is the address sanitizer; our crates forbid
# unsafe code, so what it could find is in libraries. `cargo +nightly fuzz run NAME` works as well, where both are there.
set -euo pipefail
cd "$(dirname "$0")/.."
seconds=${FUZZ_SECONDS:-60}
host=$(rustc -vV | sed -n 's/^host: //p')
found=$PWD/scratch/fuzz

targets=${TARGETS:-}
if [ -z "$targets" ]; then
    for file in fuzz/fuzz_targets/*.rs; do targets+=" $(basename "$file" .rs)"; done
fi

# Naming the target keeps these flags away from build scripts.
export RUSTFLAGS="--cfg fuzzing -Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
-Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
-Cllvm-args=-sanitizer-coverage-trace-compares -Clink-dead-code"
cargo build --release --manifest-path fuzz/Cargo.toml --target "$host" --target-dir target/fuzz --bins

for target in $targets; do
    printf '\n== %s, %s s\n' "$target" "$seconds"
    mkdir -p "$found/$target" "$found/crashes"
    log=$found/$target.log
    # What it finds on its way stays in scratch/ and is where the next run goes on; the first folder is the one it writes to.
    if ! "target/fuzz/$host/release/$target" -max_total_time="$seconds" -max_len=4096 -timeout=10 -rss_limit_mb=2048 \
        -print_final_stats=1 -artifact_prefix="$found/crashes/$target-" "$found/$target" "fuzz/corpus/$target" >"$log" 2>&1; then
        tail -n 40 "$log"
        echo "a rule does not hold: put the input into fuzz/corpus/$target/ under a name of what it is, and mend what is wrong" >&2
        exit 1
    fi
    grep -E 'DONE|number_of_executed_units|average_exec_per_sec|peak_rss' "$log"
done

printf '\n== requests changed by chance\n'
unset RUSTFLAGS
MUTATED=${MUTATED:-100000} SEED=${SEED:-$RANDOM} cargo test -q --locked --test mutation -- --nocapture
