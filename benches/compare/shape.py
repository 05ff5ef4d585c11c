#!/usr/bin/env python3
"""One runtime whose threads share the connections, or one for each thread with a listener of its own: bare hyper in both shapes, in
turns, with few and many connections, pinned and not.

    benches/compare/shape.py [--rounds 5] [--seconds 3]
"""
import argparse, os, pathlib, re, socket, statistics, subprocess, sys, tempfile
from run import ROOT, cpu, free_port

BARE = ROOT / 'target/peers/release/bare'


def serve(shape, workers, pinned, work):
    port = free_port()
    command = [*(['taskset', '-c', '0'] if pinned else []), BARE, f'127.0.0.1:{port}', f'/products/1={work}/document']
    server = subprocess.Popen(list(map(str, command)), stdout=subprocess.PIPE, env={**os.environ, 'SHAPE': shape, 'WORKERS': str(workers)})
    server.stdout.readline()
    return server, port


def load(server, port, connections, pinned, seconds):
    command = [*(['taskset', '-c', '1'] if pinned else []), 'wrk', '-t', '1' if pinned else '2', '-c', str(connections), '-d', f'{seconds}s',
               '--latency', f'http://127.0.0.1:{port}/products/1']
    before = cpu(server.pid)
    said = subprocess.run(command, capture_output=True, text=True).stdout
    spent = cpu(server.pid) - before
    value, unit = re.search(r'\s99%\s+([\d.]+)(us|ms|s)', said).groups()
    return (spent / int(re.search(r'(\d+) requests in', said)[1]) * 1e6, float(re.search(r'Requests/sec:\s+([\d.]+)', said)[1]),
            float(value) * {'us': 1e-3, 'ms': 1, 's': 1e3}[unit])


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('--rounds', type=int, default=5)
    parser.add_argument('--seconds', type=int, default=3)
    options = parser.parse_args()
    print('| threads | connections | shape | CPU µs per answer | least to most | answers/s | p99 ms |\n|---|---|---|---|---|---|---|')
    with tempfile.TemporaryDirectory() as work:
        (pathlib.Path(work) / 'document').write_bytes(b'x' * 316)
        for workers, pinned, connections in [(1, True, 4), (1, True, 64), (1, True, 1000), (2, False, 8), (2, False, 256)]:
            rounds = {'shared': [], 'apart': []}
            for _ in range(options.rounds):
                for shape, results in rounds.items():
                    server, port = serve(shape, workers, pinned, work)
                    try:
                        results.append(load(server, port, connections, pinned, options.seconds))
                    finally:
                        server.kill()
                        server.wait()
            for shape, results in rounds.items():
                spent, rate, late = zip(*results)
                where = f'{workers}, pinned' if pinned else f'{workers}, load beside them'
                print(f'| {where} | {connections} | {shape} | {statistics.median(spent):.2f} | {min(spent):.2f} to {max(spent):.2f} | '
                      f'{statistics.median(rate):,.0f} | {statistics.median(late):.2f} |', flush=True)


if __name__ == '__main__':
    main()
