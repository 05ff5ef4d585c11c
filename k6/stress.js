// How much is too much? Page loads at a rate that grows from step to step, until a step breaks a threshold; the one before is the knee.
// Each step is a scenario of its own, so that what was dropped in it is known, too.

import { randomSeed } from 'k6';

import { catalogue } from './lib/catalogue.js';
import { arrivals, common } from './lib/limits.js';
import { page } from './lib/page.js';
import { number, settings } from './lib/settings.js';
import { summary } from './report/summary.js';

const from = settings.rate(20);
const growth = number('GROWTH', 1.4);
const count = Math.max(2, number('STEPS', 12));
const seconds = settings.seconds(10);
// Less is parsed: what k6 computes the server cannot.
const share = settings.shapes(0.05);
const p95 = 100 * settings.slack;

export const steps = [];
const scenarios = {};
const thresholds = { iterations: ['count>0'], limited: ['count==0'], checks: ['rate==1'] };
for (let at = 0; at < count; at += 1) {
  const rate = Math.round(from * Math.pow(growth, at) * 10) / 10;
  const name = `step_${`${at + 1}`.padStart(2, '0')}`;
  // Visitors are limited, or a queue in k6 would take its memory: four seconds' worth wait at the most.
  const visitors = settings.visitors(Math.min(400, Math.ceil(rate * 2)));
  scenarios[name] = arrivals(rate, seconds, {
    startTime: `${at * seconds}s`,
    preAllocatedVUs: visitors,
    maxVUs: visitors,
    gracefulStop: '1s',
  });
  // Counted from the beginning of the run. Half a step in, what the former left behind is gone.
  const ends = { abortOnFail: true, delayAbortEval: `${Math.round((at + 0.9) * seconds)}s` };
  const dropped = Math.max(1, Math.floor(rate * seconds * 0.01));
  thresholds[`http_req_duration{scenario:${name}}`] = [Object.assign({ threshold: `p(95)<${p95}` }, ends)];
  thresholds[`http_req_failed{scenario:${name}}`] = [Object.assign({ threshold: 'rate<=0.001' }, ends)];
  // Up to the knee nobody is given a label; behind it some are right to appear.
  thresholds[`stale{scenario:${name}}`] = [Object.assign({ threshold: 'rate==0' }, ends)];
  thresholds[`dropped_iterations{scenario:${name}}`] = [Object.assign({ threshold: `count<=${dropped}` }, ends)];
  thresholds[`iterations{scenario:${name}}`] = ['count>=0'];
  steps.push({ name, rate });
}

export const options = Object.assign(common(thresholds), { scenarios });

randomSeed(settings.seed * 1000003 + __VU);
export const setup = catalogue;
export default (set) => page(set, share);
export const handleSummary = summary('stress', { from, growth, steps: count, seconds, share }, steps);
