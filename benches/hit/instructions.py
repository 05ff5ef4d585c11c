#!/usr/bin/env python3
"""How many instructions an answer takes in a server, in user space, and where: callgrind counts while wrk asks over 4 connections.

    benches/hit/instructions.py PROGRAM [--peer] [--top 40] [--path /products/1]

PROGRAM is a build of ours, or, with --peer, one of benches/compare/peers. Times are not measured; counts of two runs differ by less than
a hundredth. Build with RUSTFLAGS="--cfg rustix_use_libc": valgrind has no vDSO, and without it every look at a clock is a system
call of another kind than outside.
"""
import argparse, collections, os, pathlib, re, signal, subprocess, sys, tempfile, time, urllib.request


def ask(address, path):
    request = urllib.request.Request(f'http://{address}{path}', headers={'Accept-Encoding': 'identity'})
    with urllib.request.urlopen(request, timeout=60) as response:
        return response.read()


def wrk(address, path, seconds):
    said = subprocess.run(['wrk', '-t1', '-c4', f'-d{seconds}s', '-H', 'Accept-Encoding: identity', f'http://{address}{path}'],
                          capture_output=True, text=True).stdout
    if re.search(r'Non-2xx|Socket errors', said):
        sys.exit(said)
    return int(re.search(r'(\d+) requests in', said)[1])


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('program')
    parser.add_argument('--peer', action='store_true')
    parser.add_argument('--top', type=int, default=40)
    parser.add_argument('--path', default='/products/1')
    parser.add_argument('--seconds', type=int, default=5)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix='atelier-instructions-') as work:
        work = pathlib.Path(work)
        command = [options.program]
        if options.peer:
            # Any bytes will do: what they are does not matter to a peer.
            (work / 'document').write_bytes(b'x' * 316)
            command += ['127.0.0.1:0', f'{options.path}={work}/document']
        settings = {'ATELIER_LISTEN': '127.0.0.1:0', 'ATELIER_ADMIN_LISTEN': '127.0.0.1:0', 'ATELIER_WORKERS': '1', 'ATELIER_LOG': 'error'}
        environment = {name: value for name, value in os.environ.items() if name not in ('DATABASE_URL', 'REDIS_URL')} | settings
        server = subprocess.Popen(['valgrind', '--tool=callgrind', '--instr-atstart=no', f'--callgrind-out-file={work}/out', *command],
                                  env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        try:
            address = next(found[1].decode() for line in server.stdout if (found := re.search(rb'[Ss]erving (?:http://)?([0-9.]+:\d+)', line)))
            ask(address, options.path)
            wrk(address, options.path, 1)
            control = lambda state: subprocess.run(['callgrind_control', '-i', state, str(server.pid)], stdout=subprocess.DEVNULL, check=True)
            control('on')
            answers = wrk(address, options.path, options.seconds)
            control('off')
        finally:
            server.send_signal(signal.SIGTERM)
            try:
                server.wait(timeout=15)
            except subprocess.TimeoutExpired:
                server.kill()
                server.wait()
        said = subprocess.run(['callgrind_annotate', '--threshold=100', '--auto=no', f'{work}/out'], capture_output=True, text=True).stdout
    functions = collections.Counter()
    for line in said.splitlines():
        if (row := re.match(r'\s*([\d,]+) \(\s*[\d.]+%\)\s+(.*)', line)) and 'PROGRAM' not in row[2]:
            functions[row[2].split(' [')[0].partition(':')[2]] += int(row[1].replace(',', ''))
    print(f'{sum(functions.values()) / answers:.0f} instructions an answer, over {answers} answers')
    for function, count in functions.most_common(options.top):
        print(f'{count / answers:8.1f}  {function[:130]}')


if __name__ == '__main__':
    main()
