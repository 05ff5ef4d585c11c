// How long do readers wait on a usual day? Page loads of the whole catalogue by Zipf's law, at a rate, nobody writes.

import { randomSeed } from 'k6';

import { catalogue } from './lib/catalogue.js';
import { arrivals, common, limits } from './lib/limits.js';
import { page } from './lib/page.js';
import { settings } from './lib/settings.js';
import { summary } from './report/summary.js';

const rate = settings.rate(20);
const seconds = settings.seconds(60);
const share = settings.shapes(1);

export const options = Object.assign(common(limits(rate * seconds)), { scenarios: { pages: arrivals(rate, seconds) } });

randomSeed(settings.seed * 1000003 + __VU);
export const setup = catalogue;
export default (set) => page(set, share);
export const handleSummary = summary('read-heavy', { rate, seconds, share });
