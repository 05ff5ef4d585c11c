// Which product somebody looks at: a few are asked for by most, and every one by somebody.

// Above every id, so it divides none of the sizes, and few enough digits that a rank times it is exact.
const STRIDE = 1000000007;

// A rank from 1 to `size`, for a number in [0, 1): the integral of x^-exponent turned round, which needs no table of a million rows.
export function rank(size, exponent, chance) {
  const end = size + 1;
  const power = 1 - exponent;
  const drawn = Math.abs(power) < 1e-6 ? Math.pow(end, chance) : Math.pow((Math.pow(end, power) - 1) * chance + 1, 1 / power);
  return Math.min(size, Math.max(1, Math.floor(drawn)));
}

// A number from 1 to `size`. The same rank is always the same number, and neighbours in popularity are none in the tables.
export function number(size, exponent, chance = Math.random()) {
  return 1 + ((rank(size, exponent, chance) * STRIDE) % size);
}

// A product of what catalogue() found.
export function product(set, exponent) {
  return set.ids ? set.ids[number(set.ids.length, exponent) - 1] : number(set.highest, exponent);
}
