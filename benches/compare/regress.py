#!/usr/bin/env python3
"""Whether a hit costs more CPU time than before: two builds of ours, alternately, in one run.

    benches/compare/regress.py BASE HEAD [--rounds 7] [--seconds 1]

Each round starts both programs anew, and BASE a second time, on one core, with wrk on the other, and asks each of them twice, the
second time in the opposite order, so that a machine that slows down meanwhile slows down all. What a round gives is CPU time an answer,
user and kernel, of HEAD over BASE; what the run gives is the median of the rounds.

The second BASE says what that is worth: it is the same program, so whatever differs from 1 there is noise. HEAD is slower if its median
is above 1 by more than three standard errors of a median with that noise, and by more than 2 % in any case. The exit status is 1 then.
"""
import argparse, math, statistics, sys

import run

KINDS = {'product, plain': (run.ROUTES['product'], 'identity'), 'styles, brotli': (run.ROUTES['styles'], 'br')}
# Where code and data happen to lie makes that much, and no number of rounds shows it.
LEAST = 0.02


def round_of(programs, options):
    """CPU time an answer in µs, by kind and program; all are up, but one is asked at a time."""
    peers = {name: run.ours_of(name, program) for name, program in programs}
    try:
        spent = {}
        for kind, (path, encoding) in KINDS.items():
            bodies = {name: run.get(peer.port, path, encoding)[0] for name, peer in peers.items()}
            if len(set(bodies.values())) != 1:
                print(f'{path}: base and head send different bodies', file=sys.stderr)
            for peer in [*peers.values(), *reversed(peers.values())]:
                one = run.round_of(peer, path, options.seconds, options.connections, encoding=encoding)
                spent.setdefault(kind, {}).setdefault(peer.name, []).append(one['cpu'])
        return {kind: {name: statistics.mean(both) for name, both in of.items()} for kind, of in spent.items()}
    finally:
        for peer in peers.values():
            peer.stop()


def bound(same):
    """Up to where a ratio may be noise, by the ratios of the rounds of one program to itself."""
    # The standard deviation by the median of the deviations, so that one bad round does not make everything pass.
    deviation = 1.4826 * statistics.median(abs(ratio - 1) for ratio in same)
    return 1 + max(LEAST, 3 * math.sqrt(math.pi / 2) * deviation / math.sqrt(len(same)))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('base')
    parser.add_argument('head')
    parser.add_argument('--rounds', type=int, default=7)
    parser.add_argument('--seconds', type=int, default=1)
    parser.add_argument('--connections', type=int, default=64)
    options = parser.parse_args()
    programs = [('base', options.base), ('head', options.head), ('base again', options.base)]
    rounds = []
    for number in range(options.rounds):
        # Who comes first is another one each time.
        first = number % len(programs)
        rounds.append(round_of(programs[first:] + programs[:first], options))
        print(f'round {number + 1} of {options.rounds}', file=sys.stderr, flush=True)
    slower = []
    print('| hits | base, CPU µs | head, CPU µs | head / base | base / base | may be |\n|---|---|---|---|---|---|')
    for kind in KINDS:
        middle = lambda name: statistics.median(one[kind][name] for one in rounds)
        ratios = [one[kind]['head'] / one[kind]['base'] for one in rounds]
        same = [one[kind]['base again'] / one[kind]['base'] for one in rounds]
        ratio, most = statistics.median(ratios), bound(same)
        shown = lambda values: f'{statistics.median(values):.3f} ({min(values):.3f} to {max(values):.3f})'
        print(f'| {kind} | {middle("base"):.2f} | {middle("head"):.2f} | {shown(ratios)} | {shown(same)} | {most:.3f} |')
        if ratio > most:
            slower.append(f'{kind}: a hit takes {ratio:.3f} of the CPU time it took, and {most:.3f} may be noise')
    if slower:
        sys.exit('\n'.join(slower))
    print('No hit takes more CPU time than it may.')


if __name__ == '__main__':
    main()
