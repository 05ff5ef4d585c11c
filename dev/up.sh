#!/usr/bin/env bash
# Starts a private PostgreSQL and Redis in scratch/up, loads a catalogue, runs three nodes with nginx before them, and a Prometheus
# that looks at the nodes with the rules of monitoring/. Everything is on loopback. `make down` ends it.
#   DATA=DIR      the CSV set to load (default: the sample catalogue)
#   UP=DIR        where everything is kept (default: scratch/up)
#   PROGRAMS=DIR  programs that are built already (default: a release is built)
set -euo pipefail
cd "$(dirname "$0")/.."
up=${UP:-$PWD/scratch/up}
data=${DATA:-import/sample}
programs=${PROGRAMS:-}
bin=/usr/lib/postgresql/15/bin

dev/setup.sh
if [ -e "$up" ]; then
    echo "$up is there already: run 'make down' first" >&2
    exit 1
fi
if [ -z "$programs" ]; then
    cargo build --release --locked --workspace --bins
    programs=target/release
fi
mkdir -p "$up"
trap 'echo "that did not work; the logs are in $up, and make down clears up" >&2' ERR

free_port() { # free_port FROM: the first port from there on that nobody listens on
    local port=$1
    while (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; do port=$((port + 1)); done
    echo "$port"
}
until_true() { # until_true WHAT COMMAND…: asks every tenth of a second, for 30 s at most
    local what=$1 tries=300
    shift
    until "$@" >/dev/null 2>&1; do
        tries=$((tries - 1))
        if [ $tries -eq 0 ]; then echo "$what: not within 30 s" >&2; return 1; fi
        sleep 0.1
    done
}
# PostgreSQL refuses to run as root.
as_user=()
if [ "$(id -u)" -eq 0 ]; then as_user=(setpriv --reuid nobody --regid nogroup --clear-groups); fi

pg_port=$(free_port 15432)
pg=$(mktemp -d /tmp/atelier-up-XXXXXX) # a short path that any user may enter: it holds the socket, too
echo "$pg" >"$up/postgres.folder"
if [ "$(id -u)" -eq 0 ]; then chown nobody:nogroup "$pg"; fi
"${as_user[@]}" "$bin/initdb" -D "$pg/data" -U postgres -E UTF8 --locale=C.UTF-8 -A trust --no-sync >"$up/initdb.log"
"${as_user[@]}" "$bin/pg_ctl" -D "$pg/data" -l "$pg/log" -w -s start \
    -o "-c listen_addresses=127.0.0.1 -c port=$pg_port -c unix_socket_directories=$pg -c shared_buffers=1GB -c max_wal_size=8GB"
"$bin/createdb" -h 127.0.0.1 -p "$pg_port" -U postgres atelier
export DATABASE_URL=postgres://postgres@127.0.0.1:$pg_port/atelier

redis_port=$(free_port 16379)
redis-server --port "$redis_port" --bind 127.0.0.1 --save '' --appendonly no --daemonize yes \
    --pidfile "$up/redis.pid" --dir "$up" --logfile "$up/redis.log" >/dev/null
export REDIS_URL=redis://127.0.0.1:$redis_port/0
until_true "Redis" redis-cli -p "$redis_port" ping

# 3 says that rows were rejected or lacked their parent, and the rest was loaded. What it says while it runs goes to the log.
status=0
"$programs/atelier-import" load --data "$data" 2>"$up/import.log" || status=$?
if [ "$status" -ne 0 ] && [ "$status" -ne 3 ]; then
    tail -n 3 "$up/import.log" >&2
    (exit "$status")
fi

echo
echo "PostgreSQL  psql $DATABASE_URL"
echo "Redis       redis-cli -p $redis_port"
# The files of nginx/ as they are shipped; only its own are filled in.
cp -r nginx/atelier "$up/atelier"
: >"$up/atelier/local/nodes.conf"
targets=
for node in 1 2 3; do
    port=$(free_port $((8080 + node)))
    admin=$(free_port $((9090 + node)))
    ATELIER_LISTEN=127.0.0.1:$port ATELIER_ADMIN_LISTEN=127.0.0.1:$admin ATELIER_TRUSTED_PROXIES=127.0.0.1 \
        nohup "$programs/atelier-edge" >"$up/node$node.out" 2>"$up/node$node.log" </dev/null &
    echo $! >"$up/node$node.pid"
    until_true "node $node" curl -fs "http://127.0.0.1:$admin/readyz"
    echo "node $node      http://127.0.0.1:$port  admin http://127.0.0.1:$admin"
    echo "server 127.0.0.1:$port max_fails=2 fail_timeout=2s;" >>"$up/atelier/local/nodes.conf"
    targets+="${targets:+, }'127.0.0.1:$admin'"
done

port=$(free_port 8080)
config=$(<nginx/loopback.conf)
config=${config//@LISTEN@/127.0.0.1:$port}
config=${config//@FOLDER@/$up}
config=${config//@HTTP@/}
printf '%s\n' "${config//@SERVER@/}" >"$up/nginx.conf"
/usr/sbin/nginx -q -t -p "$up" -e "$up/nginx-error.log" -c "$up/nginx.conf"
nohup /usr/sbin/nginx -p "$up" -e "$up/nginx-error.log" -c "$up/nginx.conf" >"$up/nginx.out" 2>&1 </dev/null &
until_true "nginx" curl -fs "http://127.0.0.1:$port/products?count=1"
echo "127.0.0.1:$port" >"$up/address"
echo "nginx       http://127.0.0.1:$port  before the three nodes, each in its turn"

watch=$(free_port 9090)
cat >"$up/prometheus.yml" <<END
global: { scrape_interval: 5s, evaluation_interval: 5s }
rule_files: ['$PWD/monitoring/*.rules.yml']
scrape_configs:
  - job_name: atelier-edge
    static_configs: [{ targets: [$targets] }]
END
nohup prometheus --config.file="$up/prometheus.yml" --storage.tsdb.path="$up/prometheus" \
    --web.listen-address="127.0.0.1:$watch" --log.level=warn >"$up/prometheus.log" 2>&1 </dev/null &
echo $! >"$up/prometheus.pid"
until_true "Prometheus" curl -fs "http://127.0.0.1:$watch/-/ready"
echo "Prometheus  http://127.0.0.1:$watch  alerts: http://127.0.0.1:$watch/alerts"
echo "logs        $up"
echo
echo "Try: curl -i http://127.0.0.1:$port/products/1"
echo "make down ends it all."
