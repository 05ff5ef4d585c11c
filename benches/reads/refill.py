#!/usr/bin/env python3
"""How soon a node that was restarted answers as much out of L1 as before.

    DATABASE_URL=… benches/reads/refill.py [--products 1000000] [--warm 30] [--redis redis://…]

A node is asked for products by Zipf's law (zipf.lua), is ended, which keeps a list of what was hot, and begun again under the same load. Printed is the
share of hits in each part of a second since it was ready. Needs target/release/atelier-edge and wrk.
"""
import argparse, os, pathlib, re, signal, socket, subprocess, sys, tempfile, time, urllib.request

HERE = pathlib.Path(__file__).resolve().parent
PROGRAM = HERE.parent.parent / 'target/release/atelier-edge'


def free_port():
    with socket.socket() as s:
        s.bind(('127.0.0.1', 0))
        return s.getsockname()[1]


def counts(admin):
    """Answers from L1, and look-ups that L1 could not answer."""
    text = urllib.request.urlopen(f'http://127.0.0.1:{admin}/metrics', timeout=10).read().decode()
    of = lambda result: int(re.search(rf'^atelier_lookups_total{{tier="l1",result="{result}"}} (\d+)', text, re.M)[1])
    return of('hit'), of('miss')


def begin(port, admin, state, url, redis):
    environment = {**os.environ, 'DATABASE_URL': url, 'ATELIER_LISTEN': f'127.0.0.1:{port}', 'ATELIER_ADMIN_LISTEN': f'127.0.0.1:{admin}', 'ATELIER_LOG': 'info',
                   'ATELIER_LOG_SAMPLE': '0', 'ATELIER_STATE_DIR': state}
    environment.pop('REDIS_URL', None)
    if redis:
        environment['REDIS_URL'] = redis
    node = subprocess.Popen([PROGRAM], env=environment, stdout=subprocess.DEVNULL, stderr=open(f'{state}/log', 'a'))
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        try:
            urllib.request.urlopen(f'http://127.0.0.1:{admin}/readyz', timeout=1)
            return node
        except OSError:
            if node.poll() is not None:
                break
            time.sleep(0.005)
    sys.exit(f'the node does not serve: {pathlib.Path(state, "log").read_text()}')


def load(port, products, seconds, seed):
    return subprocess.Popen(['wrk', '-t', '1', '-c', '16', '-d', f'{seconds}s', '-s', HERE / 'zipf.lua', f'http://127.0.0.1:{port}'],
                            env={**os.environ, 'PRODUCTS': str(products), 'SEED': str(seed)}, stdout=subprocess.DEVNULL)


def share(before, after):
    hits, misses = after[0] - before[0], after[1] - before[1]
    return hits / max(1, hits + misses)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('--products', type=int, default=1_000_000)
    parser.add_argument('--warm', type=int, default=30)
    parser.add_argument('--redis')
    options = parser.parse_args()
    url = os.environ.get('DATABASE_URL') or sys.exit('DATABASE_URL is not set')
    port, admin = free_port(), free_port()
    with tempfile.TemporaryDirectory(prefix='atelier-refill-') as state:
        node = begin(port, admin, state, url, options.redis)
        try:
            wrk = load(port, options.products, options.warm, 1)
            time.sleep(options.warm - 3)
            before = counts(admin)
            time.sleep(2)
            reached = share(before, counts(admin))
            wrk.wait()
            print(f'hits before the restart: {reached:.3f}')
            node.send_signal(signal.SIGTERM)
            node.wait(timeout=60)
            begun = time.monotonic()
            node = begin(port, admin, state, url, options.redis)
            ready = time.monotonic()
            print(f'ready after {(ready - begun) * 1000:.0f} ms')
            wrk = load(port, options.products, 12, 2)
            last = counts(admin)
            for _ in range(20):
                time.sleep(0.5)
                now = counts(admin)
                print(f'{time.monotonic() - ready:5.1f} s  {share(last, now):.3f}  {share(last, now) / reached:.2f} of before')
                last = now
            wrk.wait()
            print(next((line for line in open(f'{state}/log') if 'a warm start has ended' in line), 'the warm start has not ended yet'))
        finally:
            node.kill()
            node.wait()


if __name__ == '__main__':
    main()
