// What do writes cost readers, and does who writes see it at once? Page loads, and beside them visitors who write about the same
// products and read it back with their token.

import { randomSeed } from 'k6';

import { catalogue } from './lib/catalogue.js';
import { arrivals, common, limits } from './lib/limits.js';
import { page } from './lib/page.js';
import { number, settings } from './lib/settings.js';
import { write } from './lib/write.js';
import { summary } from './report/summary.js';

const rate = settings.rate(15);
const written = number('WRITES', 5);
const seconds = settings.seconds(60);
const share = settings.shapes(1);

export const options = Object.assign(common(limits((rate + written) * seconds, { writes: true })), {
  scenarios: {
    pages: arrivals(rate, seconds, { exec: 'pages' }),
    writes: arrivals(written, seconds, { exec: 'writes' }),
  },
});

randomSeed(settings.seed * 1000003 + __VU);
export const setup = catalogue;
export const pages = (set) => page(set, share);
export const writes = (set) => write(set);
export const handleSummary = summary('write-mix', { rate, writes: written, seconds, share });
