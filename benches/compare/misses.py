#!/usr/bin/env python3
"""Misses, side by side: atelier-edge and the usual shape (Express, pg, nested json_agg; answers in Redis), above one PostgreSQL and one Redis.

    DATABASE_URL=… benches/compare/misses.py [--rounds 3] [--keys 60000] [--connections 32] [--routes product,styles] [--write]

Two phases. Cold: no Redis, every request asks for a product that nobody asked for before, so all of them go to PostgreSQL. Shared: everything is in
Redis and nothing in the process, so all of them go there. Our server has two threads, Express one process, as it comes, or two, for as many
cores; PostgreSQL, Redis and wrk share them. The servers take turns, each begun anew for its round. CPU time is user and kernel, from the first request to the last.

DATABASE_URL: a loaded catalogue without dirt, of a server on this machine, by a user that may make a schema (`naive`, for the peer). Needs wrk, node, npm ci in
express/, redis-server and target/release/atelier-edge. --write puts the table into benches/RESULTS.md, between its marks.
"""
import argparse, collections, json, os, pathlib, shutil, statistics, subprocess, sys, tempfile, time

from run import HERE, ROOT, TICK, cpu, free_port, get
import run

LUA = HERE.parent / 'reads/reads.lua'
SCHEMA = 'SELECT to_regclass(\'naive.skus\') IS NOT NULL'


def query(url, text):
    return subprocess.run(['psql', '-XAtq', url, '-c', text], check=True, capture_output=True, text=True).stdout.strip()


def of_database(url):
    """Its first process, and how many products there are without gaps."""
    folder = pathlib.Path(query(url, 'SHOW data_directory'))
    pid = int((folder / 'postmaster.pid').read_text().split()[0])
    if query(url, 'SHOW autovacuum') == 'on':
        print('autovacuum is on: after a load it works for minutes, which does not become quiet', file=sys.stderr)
    if query(url, SCHEMA) != 't':
        print('making the plain tables for the peer', file=sys.stderr)
        subprocess.run(['psql', '-Xq', '-v', 'ON_ERROR_STOP=1', url, '-f', HERE.parent / 'sql/naive.sql'], check=True)
    return pid, int(query(url, 'SELECT count(*) FROM products'))


def ended(pid):
    """CPU seconds of those of its children that are gone."""
    fields = pathlib.Path(f'/proc/{pid}/stat').read_text().rsplit(')', 1)[1].split()
    return (int(fields[13]) + int(fields[14])) / TICK


class Server:
    """One of the two, not pinned."""

    def __init__(self, name, url, redis):
        self.name, self.url, self.port = name, url, free_port()
        shared = {'REDIS_URL': f'redis://127.0.0.1:{redis}' if redis else None}
        if name == 'atelier-edge':
            self.command = [ROOT / 'target/release/atelier-edge']
            self.environment = {'DATABASE_URL': url, 'ATELIER_LISTEN': f'127.0.0.1:{self.port}', 'ATELIER_ADMIN_LISTEN': f'127.0.0.1:{free_port()}',
                                'ATELIER_WORKERS': '2', 'ATELIER_LOG': 'error', 'ATELIER_WARM_KEYS': '0', **shared}
        else:
            self.command = ['node', HERE / 'express/server.js']
            self.environment = {'DATABASE_URL': url, 'LISTEN': f'127.0.0.1:{self.port}', 'WEB_CONCURRENCY': '1' if name.endswith('1 process') else '2', 'NODE_ENV': 'production', **shared}

    def __enter__(self):
        self.peer = run.Peer(self.name, self.command, self.port, self.environment, pinned=False)
        self.process = self.peer.process
        deadline = time.monotonic() + 30
        # Until it answers, for a product that is not asked for otherwise.
        while True:
            try:
                get(self.port, '/products/1')
                return self
            except OSError as error:
                if time.monotonic() > deadline:
                    sys.exit(f'{self.name} does not answer: {error}')
                time.sleep(0.05)

    def __exit__(self, *_):
        self.peer.stop()
        # What its backends have used counts for it, not for the next one.
        deadline = time.monotonic() + 10
        while query(self.url, "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()") != '0':
            if time.monotonic() > deadline:
                sys.exit('somebody else is connected to PostgreSQL')
            time.sleep(0.05)


def settle(pids):
    """Waits until what a server does when it begins is done: ours reads which ids there are, which takes PostgreSQL a second."""
    used = lambda: sum(cpu(pid) + ended(pid) for pid in pids.values())
    deadline = time.monotonic() + 20
    before = used()
    while time.monotonic() < deadline:
        time.sleep(0.4)
        now = used()
        if now - before < 0.02:
            return
        before = now
    sys.exit('it does not become quiet: ' + ' '.join(pids))


def ask(server, route, first, last, connections, work, pids):
    """Asks for each product once; returns what it took."""
    result = work / 'result'
    result.unlink(missing_ok=True)
    settle(pids)
    before = {name: cpu(pid) + ended(pid) for name, pid in pids.items()}
    command = ['wrk', '-t', '1', '-c', str(connections), '-d', '60s', '--latency', '-s', str(LUA), f'http://127.0.0.1:{server.port}']
    environment = {**os.environ, 'ROUTE': route, 'FIRST': str(first), 'LAST': str(last), 'THREADS': '1', 'RESULT': str(result)}
    # It ends itself by a signal.
    said = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120)
    if not result.exists():
        sys.exit(f'wrk has no result for {server.name} {route}: {said.stdout}{said.stderr}')
    requests, seconds, p50, p99, failed, broken = map(float, result.read_text().split())
    if failed or broken:
        sys.exit(f'{server.name} {route}: {failed:.0f} failed, {broken:.0f} broken of {requests:.0f}')
    # Sums of children that ended can only be read where they have been waited for, which for backends is at once.
    spent = {name: (cpu(pid) + ended(pid) - before[name]) / requests * 1e6 for name, pid in pids.items()}
    return {'rate': requests / seconds, 'p50': p50 / 1000, 'p99': p99 / 1000, 'requests': requests, **{f'{name} µs': value for name, value in spent.items()}}


def path(route, product):
    return {'product': f'/products/{product}', 'styles': f'/products/{product}/styles'}[route]


def tier(server, route, product):
    _, headers = get(server.port, path(route, product))
    return {name.lower(): value for name, value in headers.items()}.get('cache-status', '')


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('--rounds', type=int, default=3)
    parser.add_argument('--keys', type=int, default=60_000)
    parser.add_argument('--connections', type=int, default=32)
    parser.add_argument('--routes', type=lambda text: text.split(','), default=['product', 'styles'])
    parser.add_argument('--phases', type=lambda text: text.split(','), default=['cold', 'shared'])
    parser.add_argument('--write', action='store_true')
    options = parser.parse_args()
    url = os.environ.get('DATABASE_URL') or sys.exit('DATABASE_URL is not set')
    postgres, products = of_database(url)
    needed = options.rounds * options.keys + 1
    if products < needed:
        sys.exit(f'{needed} products are needed, and there are {products}')
    work = pathlib.Path(tempfile.mkdtemp(prefix='atelier-misses-'))
    port = free_port()
    redis = run.Peer('redis', ['redis-server', '--port', port, '--bind', '127.0.0.1', '--save', '', '--dir', work], port, pinned=False)
    names = ['atelier-edge', 'Express, 1 process', 'Express, 2 processes']
    documents = {}
    results = collections.defaultdict(lambda: collections.defaultdict(list))
    try:
        for route in options.routes:
            for number in range(options.rounds):
                first = number * options.keys + 2
                last = first + options.keys - 1
                for name in names if number % 2 == 0 else reversed(names):
                    if 'cold' in options.phases:
                        with Server(name, url, None) as server:
                            if name == 'atelier-edge':
                                assert 'fwd=uri-miss' in tier(server, route, products), tier(server, route, products)
                            taken = ask(server, route, first, last, options.connections, work, {'server': server.process.pid, 'PostgreSQL': postgres})
                            # The same documents; what is between their members is up to whoever writes them.
                            for product in range(first, last, options.keys // 50):
                                document = json.loads(get(server.port, path(route, product))[0])
                                if documents.setdefault((route, product), document) != document:
                                    sys.exit(f'{name} answers otherwise: {path(route, product)}')
                            results[f'{route}, cold'][name].append(taken)
                    if 'shared' in options.phases:
                        # What one process has put into Redis another one reads, which has nothing.
                        with Server(name, url, redis.port) as server:
                            ask(server, route, first, last, options.connections, work, {})
                        with Server(name, url, redis.port) as server:
                            pids = {'server': server.process.pid, 'Redis': redis.process.pid, 'PostgreSQL': postgres}
                            taken = ask(server, route, first, last, options.connections, work, pids)
                            results[f'{route}, shared'][name].append(taken)
                print(f'{route}: round {number + 1} of {options.rounds}', file=sys.stderr, flush=True)
    finally:
        redis.stop()
        shutil.rmtree(work, ignore_errors=True)
    middle = statistics.median
    lines = ['| what | server | answers/s | least to most | p50 ms | p99 ms | CPU µs per answer: server | PostgreSQL | Redis | ours to this |',
             '|---|---|---|---|---|---|---|---|---|---|']
    for what, by_name in results.items():
        for name, rounds in by_name.items():
            of = lambda field: [taken[field] for taken in rounds if field in taken]
            shown = lambda field, form: format(middle(of(field)), form) if of(field) else ''
            ratio = middle([a['rate'] / b['rate'] for a, b in zip(by_name['atelier-edge'], rounds)])
            lines.append(f'| {what} | {name} | {middle(of("rate")):,.0f} | {min(of("rate")):,.0f} to {max(of("rate")):,.0f} | {shown("p50", ".2f")} | {shown("p99", ".2f")} | '
                         f'{shown("server µs", ".0f")} | {shown("PostgreSQL µs", ".0f")} | {shown("Redis µs", ".0f")} | {ratio:.2f} |')
    print('\n'.join(lines))
    if options.write:
        how = f'{options.rounds} rounds of {options.keys:,} products each, {options.connections} connections, {products:,} products in all'
        run.write('misses', how, lines)


if __name__ == '__main__':
    main()
