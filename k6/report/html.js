// A run as one page that needs nothing else: no script, no font, nothing from anywhere.

import { escaped } from './escaped.js';

const STYLE = `
:root { color-scheme: light dark; --paper: #fbfaf7; --ink: #22252a; --soft: #6c727b; --line: #dfdcd3; --good: #2f7d5b; --bad: #b8323a; --bar: #7d9cc0; --card: #fff; }
@media (prefers-color-scheme: dark) { :root { --paper: #16181c; --ink: #e4e2dc; --soft: #979ca5; --line: #33373e; --good: #62b893; --bad: #ec7078; --bar: #56779d; --card: #1d2025; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink); font: 15px/1.5 system-ui, sans-serif; }
main { max-width: 66rem; margin: 0 auto; padding: 2rem 1.25rem 4rem; }
h1 { font-size: 1.6rem; margin: 0; } h2 { font-size: 1.05rem; margin: 2.25rem 0 .6rem; }
p { margin: .25rem 0; } .soft { color: var(--soft); }
.verdict { font-weight: 600; } .good { color: var(--good); } .bad { color: var(--bad); }
.figures { display: flex; flex-wrap: wrap; gap: .75rem; margin-top: 1.25rem; }
.figures div { background: var(--card); border: 1px solid var(--line); border-radius: .5rem; padding: .6rem .9rem; min-width: 8.5rem; }
.figures b { display: block; font-size: 1.3rem; font-variant-numeric: tabular-nums; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; background: var(--card); border: 1px solid var(--line); font-variant-numeric: tabular-nums; }
th, td { padding: .35rem .7rem; text-align: right; border-top: 1px solid var(--line); white-space: nowrap; }
th { font-weight: 600; color: var(--soft); border-top: 0; } th:first-child, td:first-child, .left { text-align: left; }
svg { display: block; } svg text { fill: var(--soft); font: 12px system-ui, sans-serif; }
.shares { display: flex; height: 1.1rem; border-radius: .3rem; overflow: hidden; border: 1px solid var(--line); }
.key { display: flex; flex-wrap: wrap; gap: .2rem 1.1rem; margin-top: .5rem; } .key i { display: inline-block; width: .75rem; height: .75rem; border-radius: .2rem; margin-right: .4rem; }
`;

const WORDS = {
  l1: ['held in the process', '#3f8f6b'],
  l2: ['held in Redis', '#5a86b8'],
  filter: ['known to be empty', '#9a8fc2'],
  fetched: ['asked of PostgreSQL', '#d39a45'],
  collapsed: ['came with another fetch', '#c3b25a'],
  bypass: ['never kept: carts', '#9a9a94'],
  label: ['labelled stale', '#b8323a'],
  unknown: ['without a known Cache-Status', '#6b1f24'],
};

const ms = (time) => (time >= 100 ? time.toFixed(0) : time.toFixed(1));
const whole = (number) => `${Math.round(number)}`.replace(/\B(?=(\d{3})+$)/g, ' ');
const cell = (text, kind = '') => `<td${kind ? ` class="${kind}"` : ''}>${escaped(text)}</td>`;
const flagged = (count) => cell(whole(count), count > 0 ? 'bad' : '');

// The 95th and 99th percentile as a part of their limits; the line is the limit.
function bar(one) {
  if (!(one.p95_limit > 0)) return '<td></td>';
  const reach = (time, limit) => Math.min(118, (time / limit) * 100).toFixed(1);
  const row = (time, limit, y) =>
    `<rect x="0" y="${y}" width="${reach(time, limit)}" height="6" rx="2" fill="var(--${time < limit ? 'bar' : 'bad'})"/>`;
  const title = `p95 ${ms(one.p95)} of ${ms(one.p95_limit)} ms, p99 ${ms(one.p99)} of ${ms(one.p99_limit)} ms`;
  return `<td><svg width="120" height="18" role="img" aria-label="${title}"><title>${title}</title>${row(one.p95, one.p95_limit, 2)}${row(one.p99, one.p99_limit, 10)}<path d="M100.5 0V18" stroke="var(--soft)"/></svg></td>`;
}

function routes(run) {
  if (run.routes.length === 0) return '';
  const rows = run.routes.map(
    (one) =>
      `<tr>${cell(one.route)}${cell(whole(one.requests))}${cell(ms(one.median))}${cell(ms(one.p95), one.p95 < one.p95_limit ? '' : 'bad')}${cell(ms(one.p99), one.p99 < one.p99_limit ? '' : 'bad')}${cell(ms(one.slowest))}${bar(one)}${flagged(one.failed)}${flagged(one.wrong)}</tr>`,
  );
  return `<h2>Routes <span class="soft">milliseconds; the line is the limit, p95 above p99</span></h2>
<div class="wide"><table><thead><tr><th>route</th><th>requests</th><th>median</th><th>p95</th><th>p99</th><th>slowest</th><th class="left">of the limit</th><th>failed</th><th>wrong</th></tr></thead><tbody>${rows.join('')}</tbody></table></div>`;
}

function sources(run) {
  const found = Object.entries(run.sources).filter(([, count]) => count > 0);
  const all = found.reduce((sum, [, count]) => sum + count, 0);
  if (all === 0) return '';
  const share = (count) => ((count / all) * 100).toFixed(1);
  const parts = found.map(([name, count]) => `<span style="flex:${count};background:${WORDS[name][1]}"></span>`);
  const key = found.map(
    ([name, count]) => `<span><i style="background:${WORDS[name][1]}"></i>${escaped(WORDS[name][0])} ${share(count)} %</span>`,
  );
  return `<h2>Where answers came from</h2><div class="shares">${parts.join('')}</div><div class="key">${key.join('')}</div>`;
}

// The 95th percentile of each step over its rate, both in powers, with the knee.
function climb(run) {
  if (!run.climb || run.climb.taken.length === 0) return '';
  const { taken, knee, broken } = run.climb;
  const [width, height, left, base] = [720, 240, 52, 204];
  const scale = (least, most, from, to) => (value) =>
    from + ((Math.log(value) - Math.log(least)) / Math.max(1e-9, Math.log(most) - Math.log(least))) * (to - from);
  const times = taken.map((step) => Math.max(0.1, step.p95));
  const x = scale(taken[0].rate, taken[taken.length - 1].rate, left + 24, width - 40);
  const y = scale(Math.min(...times) / 1.5, Math.max(...times) * 1.5, base, 14);
  const line = taken.map((step, at) => `${at === 0 ? 'M' : 'L'}${x(step.rate).toFixed(1)} ${y(times[at]).toFixed(1)}`).join('');
  const points = taken.map((step, at) => {
    const [px, py] = [x(step.rate).toFixed(1), y(times[at]).toFixed(1)];
    return `<circle cx="${px}" cy="${py}" r="4.5" fill="var(--${step.ok ? 'good' : 'bad'})"/><text x="${px}" y="${Number(py) - 10}" text-anchor="middle">${ms(step.p95)}</text><text x="${px}" y="${base + 18}" text-anchor="middle">${step.rate}</text>`;
  });
  const rows = taken.map(
    (step) =>
      `<tr>${cell(step.rate)}${cell(whole(step.requests))}${cell(ms(step.median))}${cell(ms(step.p95))}${cell(ms(step.p99))}${flagged(step.failed)}${flagged(step.dropped)}${cell(step.ok ? 'held' : 'broken', step.ok ? 'good' : 'bad')}</tr>`,
  );
  const end = broken === null ? 'No step broke; the knee is higher.' : `At ${broken} a threshold broke.`;
  return `<h2>The climb</h2><p>The knee: <b>${knee}</b> page loads a second. ${end}</p>
<div class="wide"><svg width="${width}" height="${height}" role="img" aria-label="p95 over page loads a second"><path d="M${left} 10V${base}H${width - 10}" fill="none" stroke="var(--line)"/><path d="${line}" fill="none" stroke="var(--bar)" stroke-width="2"/>${points.join('')}<text x="8" y="20">p95, ms</text><text x="${width - 10}" y="${height - 4}" text-anchor="end">page loads a second</text></svg></div>
<div class="wide"><table><thead><tr><th>page loads/s</th><th>requests</th><th>median</th><th>p95</th><th>p99</th><th>failed</th><th>dropped</th><th></th></tr></thead><tbody>${rows.join('')}</tbody></table></div>`;
}

function checks(run) {
  const rows = run.checks.map((one) => `<tr>${cell(one.name)}${cell(whole(one.passes))}${flagged(one.fails)}</tr>`);
  return `<h2>What was checked</h2><div class="wide"><table><thead><tr><th>promise</th><th>kept</th><th>broken</th></tr></thead><tbody>${rows.join('')}</tbody></table></div>`;
}

function thresholds(run) {
  const rows = run.thresholds.map(
    (one) =>
      `<tr>${cell(one.of)}${cell(one.metric, 'left')}${cell(one.threshold, 'left')}${cell(Number(one.figure.toFixed(4)))}${cell(one.ok ? (one.asked ? 'held' : 'not asked') : 'broken', one.ok ? (one.asked ? 'good' : 'soft') : 'bad')}</tr>`,
  );
  return `<h2>Thresholds</h2><div class="wide"><table><thead><tr><th>of</th><th class="left">metric</th><th class="left">is to be</th><th>was</th><th></th></tr></thead><tbody>${rows.join('')}</tbody></table></div>`;
}

export function html(run) {
  const broken = run.thresholds.filter((one) => !one.ok).length;
  const verdict = broken === 0 ? '<span class="verdict good">All thresholds held</span>' : `<span class="verdict bad">${broken} of ${run.thresholds.length} thresholds broke</span>`;
  const played = Object.entries(run.settings).map(([name, one]) => `${name} ${one}`).join(', ');
  const known = run.products ? `, ${whole(run.products)} products` : '';
  const drift = run.drift ? `<p>p95 of the first quarter ${ms(run.drift.first_p95)} ms, of the last ${ms(run.drift.last_p95)} ms.</p>` : '';
  const figures = [
    ['requests', whole(run.requests)],
    ['requests/s', whole(run.requests / run.seconds)],
    ['page loads, writes', whole(run.page_loads)],
    ['dropped', whole(run.dropped)],
    ['seconds', run.seconds.toFixed(0)],
  ].map(([name, one]) => `<div><b>${one}</b><span class="soft">${name}</span></div>`);
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>k6 ${escaped(run.scenario)}</title><style>${STYLE}</style></head>
<body><main><h1>k6 ${escaped(run.scenario)}</h1><p>${verdict}</p>
<p class="soft">${escaped(run.base)}${known}; ${escaped(run.ended)}; ${escaped(played)}</p><p class="soft">${escaped(run.machine)}</p>${drift}
<div class="figures">${figures.join('')}</div>
${climb(run)}${routes(run)}${sources(run)}${checks(run)}${thresholds(run)}
</main></body></html>
`;
}
