#!/usr/bin/env python3
"""Hits, side by side: atelier-edge and what readers would choose instead, each on one core, the load from the other, in one run.

    benches/compare/run.py [--rounds 5] [--seconds 3] [--connections 64] [--only ours,bare] [--write]

--write puts the tables into benches/RESULTS.md, between its marks, and the picture into benches/hits.svg. A peer whose program is not there is left out,
and said to be. Every peer must send the same bytes as we do, or the run ends. CPU time is that of the server's processes, user and
kernel, over the whole round, divided by the answers that the client counted.
"""
import argparse, datetime, json, os, pathlib, re, shutil, signal, socket, statistics, subprocess, sys, tempfile, time, urllib.request

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
ROUTES = {'product': '/products/1', 'styles': '/products/1/styles'}
TICK = os.sysconf('SC_CLK_TCK')


def free_port():
    with socket.socket() as s:
        s.bind(('127.0.0.1', 0))
        return s.getsockname()[1]


def tree(pid):
    """The process and all that descend from it."""
    found, children = [pid], {}
    for entry in pathlib.Path('/proc').glob('[0-9]*/stat'):
        try:
            fields = entry.read_text().rsplit(')', 1)[1].split()
        except OSError:
            continue
        children.setdefault(int(fields[1]), []).append(int(entry.parent.name))
    for one in found:
        found += children.get(one, [])
    return found


def cpu(pid):
    """Seconds of CPU, by scheduler statistics (nanoseconds) where a process has them, else by ticks."""
    total = 0.0
    for one in tree(pid):
        for task in pathlib.Path(f'/proc/{one}/task').glob('[0-9]*'):
            try:
                total += int((task / 'schedstat').read_text().split()[0]) / 1e9
            except (OSError, ValueError):
                pass
    return total


def get(port, path, encoding='identity'):
    request = urllib.request.Request(f'http://127.0.0.1:{port}{path}', headers={'Accept-Encoding': encoding})
    with urllib.request.urlopen(request, timeout=10) as response:
        return response.read(), dict(response.headers)


class Peer:
    """A server that has begun. Of the environment it has what this process has, but for what is None."""

    def __init__(self, name, command, port, environment=None, pinned=True):
        self.name, self.port = name, port
        self.log = tempfile.NamedTemporaryFile('w+', prefix=f'{name}-', suffix='.log')
        self.process = subprocess.Popen([*(['taskset', '-c', '0'] if pinned else []), *map(str, command)], stdout=self.log, stderr=self.log,
                                        env={name: value for name, value in {**os.environ, **(environment or {})}.items() if value is not None}, start_new_session=True)
        deadline = time.monotonic() + 20
        while True:
            try:
                socket.create_connection(('127.0.0.1', port), timeout=1).close()
                break
            except OSError:
                if self.process.poll() is not None or time.monotonic() > deadline:
                    self.log.seek(0)
                    sys.exit(f'{name} does not serve:\n{self.log.read()}')
                time.sleep(0.05)

    def stop(self):
        try:
            os.killpg(self.process.pid, signal.SIGTERM)
            self.process.wait(timeout=10)
        except ProcessLookupError:
            pass
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()


def ours_of(name, program):
    """A node of ours with the sample and one worker."""
    port, admin = free_port(), free_port()
    settings = {'ATELIER_LISTEN': f'127.0.0.1:{port}', 'ATELIER_ADMIN_LISTEN': f'127.0.0.1:{admin}', 'ATELIER_WORKERS': '1', 'ATELIER_LOG': 'error'}
    settings |= {'DATABASE_URL': None, 'REDIS_URL': None}
    return Peer(name, [program], port, settings)


def start_all(only, work, connections):
    peers, left_out, extra = [], [], []
    wanted = lambda name: not only or name in only
    ours = ours_of('atelier-edge', ROOT / 'target/release/atelier-edge')
    ours_port = ours.port
    peers.append(ours)
    arguments = []
    for name, path in ROUTES.items():
        file = work / f'{name}.json'
        file.write_bytes(get(ours_port, path)[0])
        arguments.append(f'{path}={file}')
    target = ROOT / 'target/peers/release'
    for binary, name in (('bare', 'bare hyper'), ('axum-moka', 'axum + moka')):
        if wanted(binary):
            port = free_port()
            peers.append(Peer(name, [target / binary, f'127.0.0.1:{port}', *arguments], port))
    nginx = shutil.which('nginx') or '/usr/sbin/nginx'
    if wanted('nginx') and os.path.exists(nginx):
        port = free_port()
        config = work / 'nginx.conf'
        config.write_text((HERE / 'nginx.conf').read_text().replace('@WORK@', str(work)).replace('@PORT@', str(port)).replace('@ORIGIN@', str(ours_port)))
        peers.append(Peer('nginx proxy_cache', [nginx, '-c', config, '-e', work / 'nginx-error.log'], port))
    elif wanted('nginx'):
        left_out.append('nginx: not installed')
    varnish = shutil.which('varnishd') or '/usr/sbin/varnishd'
    if wanted('varnish') and os.path.exists(varnish):
        port = free_port()
        vcl = work / 'default.vcl'
        vcl.write_text((HERE / 'default.vcl').read_text().replace('@ORIGIN@', str(ours_port)))
        peers.append(Peer('Varnish', [varnish, '-F', '-f', vcl, '-a', f'127.0.0.1:{port}', '-s', 'malloc,64m', '-n', work / 'varnish'], port))
    elif wanted('varnish'):
        left_out.append('Varnish: not installed')
    if wanted('express') and shutil.which('node') and (HERE / 'express/node_modules').exists() and shutil.which('redis-server'):
        redis_port, port = free_port(), free_port()
        redis = Peer('redis', ['redis-server', '--port', redis_port, '--bind', '127.0.0.1', '--save', '', '--dir', work], redis_port)
        extra.append(redis)
        for name, path in ROUTES.items():
            body = (work / f'{name}.json').read_bytes()
            with socket.create_connection(('127.0.0.1', redis_port)) as s:
                key = f'answer:{path}'.encode()
                s.sendall(b'*3\r\n$3\r\nSET\r\n$%d\r\n%s\r\n$%d\r\n%s\r\n' % (len(key), key, len(body), body))
                assert s.recv(5) == b'+OK\r\n'
        express = Peer('Express + Redis', ['node', HERE / 'express/server.js'], port, {'LISTEN': f'127.0.0.1:{port}', 'REDIS_URL': f'redis://127.0.0.1:{redis_port}', 'NODE_ENV': 'production'})
        express.with_pid = redis.process.pid
        peers.append(express)
    elif wanted('express'):
        left_out.append('Express + Redis: node, its modules (npm ci) or redis-server are not there')
    return peers, extra, left_out


def round_of(peer, path, seconds, connections, encoding='identity', pipeline=0):
    command = ['taskset', '-c', '1', 'wrk', '-t', '1', '-c', str(connections), '-d', f'{seconds}s', '--latency', '-H', f'Accept-Encoding: {encoding}']
    if pipeline:
        command += ['-s', str(HERE / 'pipeline.lua')]
    command.append(f'http://127.0.0.1:{peer.port}{path}')
    pids = [peer.process.pid, *([peer.with_pid] if hasattr(peer, 'with_pid') else [])]
    before = sum(map(cpu, pids))
    said = subprocess.run(command, capture_output=True, text=True, env={**os.environ, 'PIPELINE': str(pipeline)}).stdout
    spent = sum(map(cpu, pids)) - before
    if re.search(r'Non-2xx|Socket errors', said):
        sys.exit(f'{peer.name} {path}: {said}')
    requests, rate = int(re.search(r'(\d+) requests in', said)[1]), float(re.search(r'Requests/sec:\s+([\d.]+)', said)[1])

    def latency(share):
        value, unit = re.search(rf'\s{share}%\s+([\d.]+)(us|ms|s)', said).groups()
        return float(value) * {'us': 1e-3, 'ms': 1, 's': 1e3}[unit]
    return {'rate': rate, 'cpu': spent / requests * 1e6, 'p50': latency(50), 'p99': latency(99)}


def middle(values):
    return statistics.median(values)


def write(mark, how, lines):
    """Puts these lines into RESULTS.md, between the marks of this name."""
    begin, end = f'<!-- {mark}: begin -->', f'<!-- {mark}: end -->'
    file = HERE.parent / 'RESULTS.md'
    before, rest = file.read_text().split(begin)
    after = rest.split(end)[1]
    head = f'{datetime.date.today():%-d %B %Y}, {how}.'
    file.write_text('\n'.join([before + begin, head, '', *lines, end]) + after)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('--rounds', type=int, default=5)
    parser.add_argument('--seconds', type=int, default=3)
    parser.add_argument('--connections', type=int, default=64)
    parser.add_argument('--only', type=lambda text: text.split(','), default=[])
    parser.add_argument('--write', action='store_true')
    options = parser.parse_args()
    work = pathlib.Path(tempfile.mkdtemp(prefix='atelier-compare-'))
    work.chmod(0o755)
    peers, extra, left_out = start_all(options.only, work, options.connections)
    try:
        ours = peers[0]
        for path in ROUTES.values():
            expected, _ = get(ours.port, path)
            for peer in peers:
                for _ in range(3):
                    body, headers = get(peer.port, path)
                    if body != expected:
                        sys.exit(f'{peer.name} sends other bytes for {path}')
        kinds = [(f'{name}, plain', path, {}) for name, path in ROUTES.items()]
        special = [('styles, brotli', ROUTES['styles'], {'encoding': 'br'}), ('product, 16 pipelined', ROUTES['product'], {'pipeline': 16})]
        results = {}
        for round_number in range(options.rounds):
            for kind, path, how in kinds + special:
                for peer in peers:
                    if (kind, path, how) in special and peer.name not in ('atelier-edge', 'bare hyper'):
                        continue
                    if 'encoding' in how and peer.name != 'atelier-edge':
                        continue
                    one = round_of(peer, path, options.seconds, options.connections, **how)
                    results.setdefault(kind, {}).setdefault(peer.name, []).append(one)
            print(f'round {round_number + 1} of {options.rounds}', file=sys.stderr, flush=True)
    finally:
        for peer in reversed(peers + extra):
            peer.stop()
        shutil.rmtree(work, ignore_errors=True)
    lines = []
    for kind, by_peer in results.items():
        lines += [f'**{kind}**', '', '| server | CPU µs per answer | least to most | answers/s | p50 ms | p99 ms | CPU, bare hyper = 1 | ours = 1 |', '|---|---|---|---|---|---|---|---|']
        reference = {name: middle([r['cpu'] for r in by_peer[name]]) for name in by_peer}
        for name, rounds in sorted(by_peer.items(), key=lambda item: reference[item[0]]):
            spent = [r['cpu'] for r in rounds]
            # Ratios of one round, since a machine like this one changes its speed from round to round.
            ratio = lambda other: f'{middle([a["cpu"] / b["cpu"] for a, b in zip(rounds, by_peer[other])]):.2f}' if other in by_peer else ''
            lines.append(f'| {name} | {middle(spent):.2f} | {min(spent):.2f} to {max(spent):.2f} | {middle([r["rate"] for r in rounds]):,.0f} | '
                         f'{middle([r["p50"] for r in rounds]):.2f} | {middle([r["p99"] for r in rounds]):.2f} | {ratio("bare hyper")} | {ratio("atelier-edge")} |')
        lines.append('')
    lines += [f'Left out: {text}' for text in left_out]
    print('\n'.join(lines))
    if options.write:
        how = f'{options.rounds} rounds of {options.seconds} s, {options.connections} connections'
        (ROOT / 'target/hits.json').write_text(json.dumps({'date': datetime.date.today().isoformat(), 'how': how, 'results': results}, indent=1))
        import picture
        picture.draw(results, HERE.parent / 'hits.svg', how)
        write('hits', how, lines)


if __name__ == '__main__':
    main()
