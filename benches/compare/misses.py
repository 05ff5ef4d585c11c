#!/usr/bin/env python3
"""Reads that no process holds, side by side: atelier-edge and Express with node-postgres on the same PostgreSQL, in one run.

    benches/compare/misses.py DATABASE_URL [--rounds 3] [--seconds 4] [--connections 32] [--filled 40000] [--products 1000000]

First without Redis, so that every answer comes from PostgreSQL: ours by its own statements, Express by nested json_agg over plain tables
(sql/styles_naive.sql; sql/naive.sql makes the tables, once, when they are not there). Then with a Redis each, which is filled before and asked by a
process that has just been started, so that every answer comes from Redis. No id is asked for twice of one process. Servers and PostgreSQL share
all cores with wrk. CPU time is that of the processes over a round. The catalogue is one that atelier-import has loaded, with ids without gaps; PostgreSQL has to
run on this machine, and the user has to be its superuser.
"""
import argparse, os, pathlib, shutil, statistics, subprocess, sys, tempfile

import run
from run import HERE, ROOT, cpu, free_port, get

ROUTES = {'product': '/products/{}', 'styles': '/products/{}/styles'}
READS = HERE.parent / 'reads/reads.lua'


class Server(run.Peer):
    """A peer of run.py that may use every core."""

    def __init__(self, name, command, port, environment):
        cores = ','.join(map(str, sorted(os.sched_getaffinity(0))))
        super().__init__(name, ['taskset', '-c', cores, *command], port, environment)
        # The first taskset is run.py's, which keeps to one core; the second may widen it again.


def ask(url, sql):
    return subprocess.run(['psql', '-XAtq', '-v', 'ON_ERROR_STOP=1', url, '-c', sql], capture_output=True, text=True, check=True).stdout.strip()


def ours(url, redis):
    port = free_port()
    settings = {'ATELIER_LISTEN': f'127.0.0.1:{port}', 'ATELIER_ADMIN_LISTEN': f'127.0.0.1:{free_port()}', 'ATELIER_LOG': 'error', 'DATABASE_URL': url,
                'REDIS_URL': redis or ''}
    return Server('atelier-edge', [ROOT / 'target/release/atelier-edge'], port, settings)


def express(url, redis):
    port = free_port()
    settings = {'LISTEN': f'127.0.0.1:{port}', 'DATABASE_URL': url, 'NODE_ENV': 'production'}
    return Server('Express', ['node', HERE / 'express/server.js'], port, settings | ({'REDIS_URL': redis} if redis else {}))


def walk(server, route, first, last, seconds, connections, work):
    """Asks for ids from `first` on until the time is up; says how many answers there were, in what time, and p99 in µs."""
    result = work / 'result'
    result.unlink(missing_ok=True)
    environment = {**os.environ, 'ROUTE': route, 'FIRST': str(first), 'LAST': str(last), 'STEP': '1', 'THREADS': '1', 'RESULT': str(result)}
    command = ['wrk', '-t', '1', '-c', str(connections), '-d', f'{seconds}s', '--latency', '-s', str(READS), f'http://127.0.0.1:{server.port}']
    said = subprocess.run(command, capture_output=True, text=True, env=environment)
    if said.returncode:
        sys.exit(said.stderr or said.stdout)
    requests, took, _, p99, wrong, broken = result.read_text().split()
    if int(wrong) + int(broken):
        sys.exit(f'{server.name}, {route}: {wrong} errors, {broken} broken connections\n{said.stdout}')
    return int(requests), float(took), int(p99)


def measured(server, route, first, last, options, work, beside):
    pids = {'server': server.process.pid, **beside}
    before = {name: cpu(pid) for name, pid in pids.items()}
    requests, took, p99 = walk(server, route, first, last, options.seconds, options.connections, work)
    spent = {name: (cpu(pid) - before[name]) / requests * 1e6 for name, pid in pids.items()}
    return {'rate': requests / took, 'p99': p99 / 1e3, **spent}


def redis_server(work, name):
    port = free_port()
    folder = work / name
    folder.mkdir()
    server = Server(name, ['redis-server', '--port', port, '--bind', '127.0.0.1', '--save', '', '--dir', folder], port, {})
    return server, f'redis://127.0.0.1:{port}'


def table(title, results, columns):
    lines = [f'**{title}**', '', '| route | server | answers/s | least to most | p99 ms | ' + ' | '.join(f'CPU µs, {name}' for name in columns) + ' | ours / Express |',
             '|---|---|---|---|---|' + '---|' * (len(columns) + 1)]
    middle = lambda rounds, key: statistics.median(r[key] for r in rounds)
    for route in ROUTES:
        for name in ('atelier-edge', 'Express'):
            rounds = results[route, name]
            rates = [r['rate'] for r in rounds]
            # Of rounds that stood beside each other, since the machine changes its speed.
            ratio = statistics.median(a['rate'] / b['rate'] for a, b in zip(results[route, 'atelier-edge'], results[route, 'Express']))
            lines.append(f'| {route} | {name} | {statistics.median(rates):,.0f} | {min(rates):,.0f} to {max(rates):,.0f} | {middle(rounds, "p99"):.1f} | '
                         + ' | '.join(f'{middle(rounds, key):.0f}' for key in columns) + f' | {f"{ratio:.2f}" if name == "atelier-edge" else ""} |')
    return '\n'.join(lines) + '\n'


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('url')
    parser.add_argument('--rounds', type=int, default=3)
    parser.add_argument('--seconds', type=int, default=4)
    parser.add_argument('--connections', type=int, default=32)
    parser.add_argument('--filled', type=int, default=40_000, help='answers that each Redis holds for each round of each route')
    parser.add_argument('--products', type=int)
    options = parser.parse_args()
    url = options.url
    products = options.products or int(ask(url, 'SELECT max(id) FROM products'))
    postmaster = int((pathlib.Path(ask(url, 'SHOW data_directory')) / 'postmaster.pid').read_text().split()[0])
    if not ask(url, "SELECT to_regclass('naive.skus')"):
        print('making the plain tables', file=sys.stderr)
        subprocess.run(['psql', '-Xq', '-v', 'ON_ERROR_STOP=1', url, '-f', HERE.parent / 'sql/naive.sql'], check=True)
    work = pathlib.Path(tempfile.mkdtemp(prefix='atelier-misses-'))
    kinds = (ours, express)
    # Each round of each route takes ids of its own.
    share = products // (options.rounds * len(ROUTES))
    parts = [(route, number) for number in range(options.rounds) for route in ROUTES]
    running = []
    try:
        cold = {}
        servers = [kind(url, None) for kind in kinds]
        running += servers
        for path in (form.format(id) for form in ROUTES.values() for id in (1, 2, 3, products // 2)):
            bodies = {get(server.port, path)[0] for server in servers}
            if len(bodies) != 1:
                sys.exit(f'they send other bytes for {path}: {bodies}')
        for place, (route, number) in enumerate(parts):
            for server in servers if number % 2 == 0 else reversed(servers):
                first = place * share + 10
                cold.setdefault((route, server.name), []).append(
                    measured(server, route, first, first + share - 1, options, work, {'PostgreSQL': postmaster}))
            print(f'without Redis: {route}, round {number + 1} of {options.rounds}', file=sys.stderr, flush=True)
        for server in servers:
            server.stop()
            running.remove(server)
        print(table('From PostgreSQL', cold, ['server', 'PostgreSQL']))

        warm = {}
        tiers = [redis_server(work, f'redis of {kind.__name__}') for kind in kinds]
        running += [tier for tier, _ in tiers]
        count = min(share - 10, options.filled)
        for kind, (_, address) in zip(kinds, tiers):
            server = kind(url, address)
            running.append(server)
            for place, (route, _) in enumerate(parts):
                walk(server, route, place * share + 10, place * share + 10 + count, 600, options.connections, work)
            server.stop()
            running.remove(server)
        servers = [kind(url, address) for kind, (_, address) in zip(kinds, tiers)]
        running += servers
        for place, (route, number) in enumerate(parts):
            for server, (tier, _) in list(zip(servers, tiers)) if number % 2 == 0 else reversed(list(zip(servers, tiers))):
                first = place * share + 10
                warm.setdefault((route, server.name), []).append(
                    measured(server, route, first, first + count, options, work, {'Redis': tier.process.pid, 'PostgreSQL': postmaster}))
            print(f'from Redis: {route}, round {number + 1} of {options.rounds}', file=sys.stderr, flush=True)
        print(table('From Redis, by a process that holds nothing', warm, ['server', 'Redis', 'PostgreSQL']))
    finally:
        for server in reversed(running):
            server.stop()
        shutil.rmtree(work, ignore_errors=True)


if __name__ == '__main__':
    main()
