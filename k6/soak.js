// Does it stay as it is? The mix of reads and writes for long, and its first quarter beside its last.

import { randomSeed } from 'k6';
import exec from 'k6/execution';

import { catalogue } from './lib/catalogue.js';
import { arrivals, common, limits } from './lib/limits.js';
import { page } from './lib/page.js';
import { number, settings } from './lib/settings.js';
import { write } from './lib/write.js';
import { summary } from './report/summary.js';

const rate = settings.rate(10);
const written = number('WRITES', 2);
const seconds = settings.seconds(3600);
const share = settings.shapes(0.2);

// Both ends are held to the same, so that what grows slowly is not hidden by what came before.
const ends = {};
for (const quarter of [1, 4]) {
  ends[`http_req_duration{quarter:${quarter}}`] = [`p(95)<${50 * settings.slack}`, `p(99)<${150 * settings.slack}`];
}

export const options = Object.assign(common(Object.assign(limits((rate + written) * seconds, { writes: true }), ends)), {
  scenarios: {
    pages: arrivals(rate, seconds, { exec: 'pages' }),
    writes: arrivals(written, seconds, { exec: 'writes' }),
  },
});

function quarter() {
  const part = (Date.now() - exec.scenario.startTime) / (seconds * 1000);
  exec.vu.metrics.tags.quarter = `${Math.min(4, 1 + Math.floor(part * 4))}`;
}

randomSeed(settings.seed * 1000003 + __VU);
export const setup = catalogue;
export const pages = (set) => {
  quarter();
  page(set, share);
};
export const writes = (set) => {
  quarter();
  write(set);
};
export const handleSummary = summary('soak', { rate, writes: written, seconds, share });
