// What the environment may say. Everything has a default; a number that is none ends the run before it begins.

function text(name, otherwise) {
  return __ENV[name] ? __ENV[name] : otherwise;
}

export function number(name, otherwise) {
  const given = text(name, '');
  if (given === '') return otherwise;
  const value = Number(given);
  if (!(value >= 0 && Number.isFinite(value))) throw new Error(`${name}=${given} is not a number`);
  return value;
}

export const settings = {
  // Without a slash at the end.
  base: text('BASE', 'http://127.0.0.1:8080').replace(/\/+$/, ''),
  // How many page loads begin a second, and for how many seconds; each scenario has its own default.
  rate: (otherwise) => number('RATE', otherwise),
  seconds: (otherwise) => number('DURATION', otherwise),
  // Visitors who may wait for an answer at once. Who would be one more is a dropped iteration.
  visitors: (otherwise) => Math.max(1, number('VISITORS', otherwise)),
  // The exponent of Zipf's law: 0 asks for all products alike, 1 is a shop.
  zipf: number('ZIPF', 1),
  // Which share of answers is parsed and looked at whole. Status and headers are looked at always.
  shapes: (otherwise) => number('SHAPES', otherwise),
  // All limits of time are multiplied by this: above 1 on a slower machine, near 0 to see a run fail.
  slack: number('SLACK', 1),
  // How many are to fail of a thousand requests, and to be dropped of a thousand page loads, at the most.
  failures: number('FAILURES', 1),
  dropped: number('DROPPED', 5),
  // The page loads a second that `stress` is to carry; 0: its first step.
  knee: number('KNEE', 0),
  seed: number('SEED', 1),
  // What it ran on, as dev/k6.sh says it.
  machine: text('MACHINE', ''),
  out: text('OUT', '.'),
};
