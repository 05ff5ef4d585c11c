"""The hits as bars: CPU time of one answer, a bar for each server, its whisker from the least round to the most."""
import statistics

INK, QUIET, OURS, OTHER = '#1d2733', '#6b7785', '#c2410c', '#9fb3c8'


def draw(results, file, how):
    kinds = [kind for kind in results if kind.endswith(', plain')]
    width, left, row, gap = 760, 170, 26, 44
    height = 56 + sum(gap + row * len(results[kind]) for kind in kinds) + 24
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" font-family="system-ui, sans-serif" font-size="13" role="img" aria-label="CPU time of a hit by server">',
           f'<rect width="{width}" height="{height}" fill="#fff"/>',
           f'<text x="16" y="28" font-size="17" font-weight="600" fill="{INK}">CPU time of one answer from the cache, in microseconds (shorter is better)</text>',
           f'<text x="16" y="47" fill="{QUIET}">{how}; bar: the middle round, whisker: least to most</text>']
    top = 56
    for kind in kinds:
        cpu = {name: [r['cpu'] for r in rounds] for name, rounds in results[kind].items()}
        most = max(max(values) for values in cpu.values())
        # What is many times slower than the others would flatten them: its bar is cut and says so.
        others = sorted(statistics.median(values) for values in cpu.values())
        scale = min(most, others[-2] * 1.6 if len(others) > 2 else most)
        space = width - left - 90
        top += gap
        out.append(f'<text x="16" y="{top - 14}" font-weight="600" fill="{INK}">{kind.removesuffix(", plain")}</text>')
        for name, values in sorted(cpu.items(), key=lambda item: statistics.median(item[1])):
            middle = statistics.median(values)
            place = lambda value: left + min(value / scale, 1) * space
            ours = name == 'atelier-edge'
            out.append(f'<text x="{left - 10}" y="{top + 15}" text-anchor="end" fill="{INK}"{" font-weight=" + chr(34) + "600" + chr(34) if ours else ""}>{name}</text>')
            out.append(f'<rect x="{left}" y="{top + 3}" width="{place(middle) - left:.1f}" height="16" rx="2" fill="{OURS if ours else OTHER}"/>')
            if middle <= scale:
                out.append(f'<path d="M{place(min(values)):.1f} {top + 11}H{place(max(values)):.1f}" stroke="{INK}" stroke-width="1.5"/>')
            else:
                cut = place(scale) - 18
                out.append(f'<path d="M{cut} {top + 1}l8 20M{cut + 7} {top + 1}l8 20" stroke="#fff" stroke-width="3"/>')
            out.append(f'<text x="{max(place(middle), place(max(values)) if middle <= scale else 0) + 8:.1f}" y="{top + 15}" fill="{INK}">{middle:.1f}</text>')
            top += row
    out.append('</svg>')
    file.write_text('\n'.join(out) + '\n')
