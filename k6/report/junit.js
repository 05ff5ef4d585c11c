// The thresholds of a run for CI systems: each is a case, and one that broke says its figure.

import { escaped } from './escaped.js';

export function junit(run) {
  const cases = run.thresholds.map((one) => {
    const name = escaped(`${one.of}: ${one.threshold}`);
    const figure = Number(one.figure.toFixed(4));
    const failure = one.ok ? '' : `<failure message="${escaped(`was ${figure}, is to be ${one.threshold}`)}"/>`;
    const skipped = one.ok && !one.asked ? '<skipped message="nobody asked for it"/>' : '';
    return `    <testcase classname="k6.${run.scenario}.${one.metric}" name="${name}" time="0">${failure}${skipped}</testcase>`;
  });
  const failures = run.thresholds.filter((one) => !one.ok).length;
  const skipped = run.thresholds.filter((one) => one.ok && !one.asked).length;
  const counts = `tests="${run.thresholds.length}" failures="${failures}" skipped="${skipped}" errors="0" time="${run.seconds.toFixed(3)}"`;
  return `<?xml version="1.0" encoding="UTF-8"?>
<testsuites ${counts.replace(/ skipped="\d+"/, '')}>
  <testsuite name="k6 ${run.scenario}" timestamp="${run.ended}" ${counts}>
${cases.join('\n')}
  </testsuite>
</testsuites>
`;
}
