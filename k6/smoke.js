// Does it work at all? Every route, read and written, a few times, each answer looked at whole.

import { randomSeed } from 'k6';

import { catalogue } from './lib/catalogue.js';
import { arrivals, common, limits } from './lib/limits.js';
import { page } from './lib/page.js';
import { settings } from './lib/settings.js';
import { write } from './lib/write.js';
import { summary } from './report/summary.js';

const rate = settings.rate(3);
const seconds = settings.seconds(10);

// Patient with time: what is asked for first is in no cache, and with few requests the slowest is a percentile.
export const options = Object.assign(common(limits(2 * rate * seconds, { writes: true, patience: 4 })), {
  scenarios: {
    pages: arrivals(rate, seconds, { exec: 'pages' }),
    writes: arrivals(rate, seconds, { exec: 'writes' }),
  },
});

randomSeed(settings.seed * 1000003 + __VU);
export const setup = catalogue;
export const pages = (set) => page(set, 1, { everything: true });
export const writes = (set) => write(set);
export const handleSummary = summary('smoke', { rate, seconds });
