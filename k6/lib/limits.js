// What breaks a run: per route the 95th and 99th percentile, failures and wrong answers; for the whole, labels, limits and page loads
// that did not begin in time. README.md says where the numbers come from.

import { settings } from './settings.js';

// Milliseconds for the 95th and the 99th percentile.
const READS = {
  list: [50, 150],
  product: [50, 150],
  styles: [50, 150],
  related: [50, 150],
  reviews: [50, 150],
  meta: [50, 150],
  questions: [50, 150],
  answers: [50, 150],
  cart: [50, 150],
};
const WRITES = {
  'post review': [100, 250],
  vote: [100, 250],
  'post question': [100, 250],
  'post answer': [100, 250],
  'post cart': [100, 250],
  interaction: [100, 250],
};

// In the order in which reports list them.
export const ROUTES = Object.keys(READS).concat(Object.keys(WRITES));

export const STATISTICS = ['count', 'min', 'avg', 'med', 'p(95)', 'p(99)', 'max'];

// The thresholds of a run of so many page loads in which these are played.
export function limits(iterations, { writes = false, patience = 1 } = {}) {
  const all = {
    stale: ['rate==0'],
    limited: ['count==0'],
    // A run in which nothing was asked shows nothing.
    iterations: ['count>0'],
    dropped_iterations: [`count<=${Math.floor((iterations * settings.dropped) / 1000)}`],
  };
  for (const [route, [p95, p99]] of Object.entries(Object.assign({}, READS, writes ? WRITES : {}))) {
    const factor = settings.slack * patience;
    all[`http_req_duration{route:${route}}`] = [`p(95)<${p95 * factor}`, `p(99)<${p99 * factor}`];
    all[`http_req_failed{route:${route}}`] = [`rate<=${settings.failures / 1000}`];
    all[`checks{route:${route}}`] = ['rate==1'];
  }
  return all;
}

// What every scenario has besides.
export function common(thresholds) {
  return {
    thresholds,
    summaryTrendStats: STATISTICS,
    // As many connections as a browser opens to one host.
    batch: 20,
    batchPerHost: 6,
    userAgent: 'atelier-k6',
    setupTimeout: '60s',
  };
}

// Page loads that begin at a rate, however long the former take: waiting does not hide load.
export function arrivals(rate, seconds, more = {}) {
  // Rates may be fractions; k6 takes whole numbers, so the unit is ten seconds.
  const whole = Math.max(1, Math.round(rate * 10));
  const visitors = settings.visitors(Math.max(20, Math.ceil(rate * 3)));
  return Object.assign(
    {
      executor: 'constant-arrival-rate',
      rate: whole,
      timeUnit: '10s',
      duration: `${seconds}s`,
      preAllocatedVUs: visitors,
      maxVUs: visitors,
      gracefulStop: '5s',
    },
    more,
  );
}
