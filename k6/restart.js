// Does a reader notice that nodes are restarted? Page loads while dev/k6.sh ends each node and starts it again, one after another.
// Nothing may fail, and nothing may be labelled: the database is there all the time.

import { randomSeed } from 'k6';

import { catalogue } from './lib/catalogue.js';
import { arrivals, common, limits } from './lib/limits.js';
import { page } from './lib/page.js';
import { settings } from './lib/settings.js';
import { summary } from './report/summary.js';

const rate = settings.rate(10);
const seconds = settings.seconds(60);
const share = settings.shapes(1);

// Patient with time: fewer nodes serve meanwhile, and a new one begins with what Redis has.
export const options = Object.assign(common(limits(rate * seconds, { patience: 2 })), { scenarios: { pages: arrivals(rate, seconds) } });

randomSeed(settings.seed * 1000003 + __VU);
export const setup = catalogue;
export default (set) => page(set, share);
export const handleSummary = summary('restart', { rate, seconds, share });
