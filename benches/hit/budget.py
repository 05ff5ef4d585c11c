#!/usr/bin/env python3
"""Compares the instructions that gungraun had counted with benches/hit/budget.toml.

    benches/hit/budget.py FOLDER [--write]

FOLDER is what gungraun wrote, with a summary for each case. The exit status is 1 if a hit takes more than it may, or if a case was not
counted; that it takes much less is only said, so that the budget can follow. --write makes what was counted the budget.
"""
import json, pathlib, re, sys, tomllib

HERE = pathlib.Path(__file__).resolve().parent
BUDGET = HERE / 'budget.toml'
# Below so much less, the budget lets too much pass.
LOW = 5


def counted(folder):
    """Instructions a hit, by case."""
    hits = int(re.search(r'^const HITS: usize = ([\d_]+);', (HERE / 'hits.rs').read_text(), re.M)[1].replace('_', ''))
    found = {}
    for file in folder.rglob('summary.json'):
        summary = json.loads(file.read_text())
        [profile] = summary['profiles']
        found[f"{summary['function_name']}.{summary['id']}"] = profile['data']['total']['metrics']['Ir']['values']['new'] / hits
    return found


def main():
    folder, write = pathlib.Path(sys.argv[1]), '--write' in sys.argv
    found = counted(folder)
    text = BUDGET.read_text()
    budget = tomllib.loads(text)
    tolerance = budget['tolerance']
    cases = {f'{server}.{case}': count for server, of in budget['instructions'].items() for case, count in of.items()}
    wrong, low = [], []
    print(f'{"instructions a hit":28} {"budget":>8} {"counted":>8}')
    for case, most in cases.items():
        count = found.pop(case, None)
        if count is None:
            wrong.append(f'{case}: was not counted')
            continue
        change = 100 * (count / most - 1)
        print(f'{case:28} {most:8,} {count:8,.0f}  {change:+.1f} %')
        if change > tolerance:
            wrong.append(f'{case}: a hit takes {count:,.0f} instructions, {change:.1f} % above the {most:,} of its budget; {tolerance} % are allowed')
        elif change < -LOW:
            low.append(f'{case}: a hit takes {count:,.0f} instructions, {-change:.1f} % below its budget of {most:,}')
        if write:
            server, name = case.split('.')
            text = re.sub(rf'(?ms)(^\[instructions\.{server}\]\n.*?^{name} = )[\d_]+', lambda found: found[1] + f'{round(count):_}', text)
    wrong += [f'{case}: has no budget' for case in found]
    if write:
        BUDGET.write_text(text)
        print(f'{BUDGET.name} is written anew')
        return
    if low:
        print('\n'.join(low), '\nThe budget can be lowered: BUDGET=write dev/hits.sh', sep='')
    if wrong:
        sys.exit('\n'.join(wrong) + '\nIf that is meant: BUDGET=write dev/hits.sh, and say why in the commit.')


if __name__ == '__main__':
    main()
