// At the end of a run: what was measured as JSON, each threshold as a case of JUnit, all of it as one page, and a few lines to read at once.

import { ROUTES } from '../lib/limits.js';
import { SOURCES } from '../lib/right.js';
import { settings } from '../lib/settings.js';
import { html } from './html.js';
import { junit } from './junit.js';

const value = (metric, name) => (metric && metric.values[name] !== undefined ? metric.values[name] : 0);

// A metric's name without what it was narrowed to, and that.
function split(name) {
  const parts = /^([a-z0-9_]+)(?:\{([a-z]+):(.+)\})?$/.exec(name);
  return parts ? { metric: parts[1], tag: parts[2], of: parts[3] } : { metric: name };
}

// The figure that a threshold was held against; `p(95)<50` names it.
function figure(metric, threshold) {
  const name = threshold.replace(/\s*[<>=!]+.*$/, '');
  return value(metric, name);
}

// Thresholds in words of their own, each with its figure.
function held(metrics) {
  const all = [];
  for (const [name, metric] of Object.entries(metrics)) {
    for (const [threshold, result] of Object.entries(metric.thresholds || {})) {
      if (threshold === 'count>=0') continue; // it holds always: it has k6 keep the figure
      const { metric: plain, of } = split(name);
      // A route nobody asked for was held to nothing.
      const asked = metric.type !== 'trend' || value(metric, 'count') > 0;
      all.push({ metric: plain, of: of || 'all', threshold, figure: figure(metric, threshold), ok: result.ok, asked });
    }
  }
  return all.sort((one, other) => Number(one.ok) - Number(other.ok));
}

function routes(metrics) {
  const found = [];
  for (const [name, metric] of Object.entries(metrics)) {
    const { metric: plain, tag, of } = split(name);
    if (plain !== 'http_req_duration' || tag !== 'route' || value(metric, 'count') === 0) continue;
    const bounds = Object.keys(metric.thresholds || {});
    const bound = (which) => Number((bounds.find((one) => one.startsWith(which)) || '').split('<')[1]);
    const checks = metrics[`checks{route:${of}}`];
    found.push({
      route: of,
      requests: value(metric, 'count'),
      median: value(metric, 'med'),
      p95: value(metric, 'p(95)'),
      p99: value(metric, 'p(99)'),
      slowest: value(metric, 'max'),
      p95_limit: bound('p(95)'),
      p99_limit: bound('p(99)'),
      failed: value(metrics[`http_req_failed{route:${of}}`], 'passes'),
      wrong: value(checks, 'fails'),
      checks: value(checks, 'passes') + value(checks, 'fails'),
    });
  }
  return found.sort((one, other) => ROUTES.indexOf(one.route) - ROUTES.indexOf(other.route));
}

// How each step went. The knee is the last before the first that broke a threshold; what began after it says nothing.
function climb(metrics, steps) {
  const taken = [];
  for (const { name, rate } of steps) {
    const of = (metric) => metrics[`${metric}{scenario:${name}}`];
    const times = of('http_req_duration');
    if (!times || value(times, 'count') === 0) break;
    const bounded = [times, of('http_req_failed'), of('stale'), of('dropped_iterations')];
    const ok = bounded.every((metric) => !metric || Object.values(metric.thresholds || {}).every((one) => one.ok));
    taken.push({
      rate,
      requests: value(times, 'count'),
      median: value(times, 'med'),
      p95: value(times, 'p(95)'),
      p99: value(times, 'p(99)'),
      failed: value(of('http_req_failed'), 'passes'),
      dropped: value(of('dropped_iterations'), 'count'),
      ok,
    });
    if (!ok) break;
  }
  const broken = taken.find((step) => !step.ok);
  const good = taken.filter((step) => step.ok);
  return { taken, knee: good.length > 0 ? good[good.length - 1].rate : 0, broken: broken ? broken.rate : null };
}

function checks(group) {
  return group.checks.concat(...group.groups.map(checks));
}

const ms = (time) => (time >= 100 ? time.toFixed(0) : time.toFixed(1));

function lines(run) {
  const said = [`${run.scenario}: ${run.requests} requests in ${run.seconds.toFixed(0)} s, ${run.page_loads} page loads or writes, ${run.dropped} dropped`];
  for (const one of run.routes) {
    said.push(
      `  ${one.route.padEnd(14)}${`${one.requests}`.padStart(7)}  median ${ms(one.median).padStart(5)}  p95 ${ms(one.p95).padStart(5)}  p99 ${ms(one.p99).padStart(5)} ms  failed ${one.failed}  wrong ${one.wrong}`,
    );
  }
  if (run.climb) {
    for (const step of run.climb.taken) {
      said.push(
        `  ${`${step.rate}`.padStart(7)} page loads/s  p95 ${ms(step.p95).padStart(6)} ms  failed ${step.failed}  dropped ${step.dropped}${step.ok ? '' : '  broken'}`,
      );
    }
    const end = run.climb.broken === null ? 'no step broke: give more STEPS' : `${run.climb.broken} broke`;
    said.push(`  the knee: ${run.climb.knee} page loads a second; ${end}`);
  }
  const broken = run.thresholds.filter((one) => !one.ok);
  for (const one of broken) said.push(`  broken: ${one.metric} of ${one.of}: ${one.threshold}, was ${Number(one.figure.toFixed(4))}`);
  said.push(`  ${run.thresholds.length - broken.length} of ${run.thresholds.length} thresholds held`);
  return `${said.join('\n')}\n`;
}

// What k6 calls at the end, for a scenario with these settings.
export function summary(scenario, played, steps) {
  return (data) => {
    const { metrics } = data;
    const run = {
      scenario,
      base: settings.base,
      machine: settings.machine,
      ended: new Date().toISOString(),
      settings: Object.assign({ zipf: settings.zipf, slack: settings.slack, seed: settings.seed }, played),
      seconds: data.state.testRunDurationMs / 1000,
      requests: value(metrics.http_reqs, 'count'),
      page_loads: value(metrics.iterations, 'count'),
      dropped: value(metrics.dropped_iterations, 'count'),
      products: data.setup_data ? data.setup_data.products : 0,
      sources: Object.fromEntries(SOURCES.map((name) => [name, value(metrics[`from_${name}`], 'count')])),
      routes: routes(metrics),
      checks: checks(data.root_group).map(({ name, passes, fails }) => ({ name, passes, fails })),
      thresholds: held(metrics),
    };
    if (steps) {
      run.climb = climb(metrics, steps);
      // A step that breaks is what the climb looks for. What it is held to is how far it gets.
      const least = settings.knee || steps[0].rate;
      const { knee } = run.climb;
      run.thresholds = run.thresholds.filter((one) => !one.of.startsWith('step_'));
      run.thresholds.unshift({ metric: 'knee', of: 'all', threshold: `knee>=${least}`, figure: knee, ok: knee >= least, asked: true });
    }
    const first = metrics['http_req_duration{quarter:1}'];
    const last = metrics['http_req_duration{quarter:4}'];
    if (first && last) run.drift = { first_p95: value(first, 'p(95)'), last_p95: value(last, 'p(95)') };
    const file = (kind) => `${settings.out}/${scenario}.${kind}`;
    return {
      stdout: lines(run),
      [file('json')]: `${JSON.stringify(run, null, 2)}\n`,
      [file('junit.xml')]: junit(run),
      [file('html')]: html(run),
    };
  };
}
