// What makes an answer right, whatever it took. One check for each promise, so that a report says which was broken.

import { check } from 'k6';
import { Counter, Rate } from 'k6/metrics';

// Where answers came from, as they say themselves (docs/api.md).
export const SOURCES = ['l1', 'l2', 'filter', 'fetched', 'collapsed', 'bypass', 'label', 'unknown'];
const sources = Object.fromEntries(SOURCES.map((name) => [name, new Counter(`from_${name}`)]));
// A label is right when the database is away. In these scenarios it is not.
const stale = new Rate('stale');
// 429: a limit stood in the way, so the run says nothing about speed.
const limited = new Counter('limited');

function source(status) {
  const own = (status || '').split(',')[0].trim();
  if (/^atelier-edge; hit; ttl=-\d+; detail=stale-(origin|purge)$/.test(own)) return 'label';
  const held = /^atelier-edge; hit; detail=(l1|l2|filter)$/.exec(own);
  if (held) return held[1];
  if (/^atelier-edge; fwd=(uri-miss|stale); stored$/.test(own) || own === 'atelier-edge; fwd=uri-miss') return 'fetched';
  if (own === 'atelier-edge; fwd=uri-miss; collapsed') return 'collapsed';
  return own === 'atelier-edge; fwd=bypass' ? 'bypass' : 'unknown';
}

const falling = (list, field) => list.every((row, at) => at === 0 || list[at - 1][field] >= row[field]);
const sum = (counts) => Object.values(counts).reduce((all, count) => all + Number(count), 0);
const integers = (list) => Array.isArray(list) && list.every(Number.isInteger);

// What a document has to be, given what was asked for.
export const shapes = {
  list: (it, { count }) => it.length <= count && it.every((row, at) => at === 0 || it[at - 1].id < row.id),
  product: (it, { id }) => it.id === id && Array.isArray(it.features) && /^\d+\.\d\d$/.test(it.default_price),
  styles: (it, { id }) =>
    it.product_id === `${id}` && it.results.every((style) => style.photos.length > 0 && Object.keys(style.skus).length > 0),
  related: (it) => integers(it),
  reviews: (it, { id, count }) =>
    it.product === `${id}` && it.page === 0 && it.count === count && it.results.length <= count && falling(it.results, 'helpfulness'),
  newest: (it, { id }) => it.product === `${id}` && it.results.every((row, at) => at === 0 || it.results[at - 1].date >= row.date),
  meta: (it, { id }) => it.product_id === `${id}` && sum(it.ratings) === sum(it.recommended),
  questions: (it, { id, count }) =>
    it.product_id === `${id}` && it.results.length <= count && falling(it.results, 'question_helpfulness'),
  answers: (it, { id }) => it.question === `${id}` && falling(it.results, 'helpfulness'),
  cart: (it) => Array.isArray(it) && it.every((row) => integers([row.sku_id, row.count])),
};

function parsed(body) {
  try {
    return JSON.parse(body);
  } catch (_) {
    return undefined;
  }
}

function fits(shape, document, asked) {
  try {
    return shape(document, asked) === true;
  } catch (_) {
    return false;
  }
}

// Looks at the answer to a read; gives its document if that was parsed and is right. `asked` has the route, what the shape needs,
// `whole` if it has to be parsed, and `gap` if the product may not exist.
export function read(response, asked, share) {
  const tags = { route: asked.route };
  if (response.status === 429) limited.add(1);
  if (asked.gap && response.status === 404) {
    check(response, { 'a gap says so': (it) => it.body === 'Error: invalid product_id provided' }, tags);
    return undefined;
  }
  // No answer is a failure, which has a threshold of its own. It is not wrong: only what is said can be.
  if (response.status === 0 || response.status >= 500) return undefined;
  const from = source(response.headers['Cache-Status']);
  sources[from].add(1);
  stale.add(from === 'label', tags);
  const fine = check(
    response,
    {
      'status is 200': (it) => it.status === 200,
      'it is JSON': (it) => it.headers['Content-Type'] === 'application/json; charset=utf-8',
      'Cache-Status is one of those documented': () => from !== 'unknown',
      'a cart is private, the rest may be kept': (it) =>
        from === 'label' ||
        (it.headers['Cache-Control'] === (asked.route === 'cart' ? 'private, no-store' : 'public, no-cache') &&
          (from === 'bypass') === (asked.route === 'cart')),
      'it has a strong validator': (it) => /^"[^"]+"$/.test(it.headers.Etag || ''),
    },
    tags,
  );
  if (!fine || !(asked.whole || Math.random() < share)) return undefined;
  const document = parsed(response.body);
  const right = check(document, { 'the document is right': (it) => it !== undefined && fits(shapes[asked.shape || asked.route], it, asked) }, tags);
  if (!right) console.error(`${asked.route}: ${response.url}: ${`${response.body}`.slice(0, 300)}`);
  return right ? document : undefined;
}

// Looks at the answer to a conditional read of what was just read.
export function unchanged(response, route) {
  if (response.status === 0 || response.status >= 500) return;
  check(
    response,
    { 'what did not change is 304 without a body': (it) => it.status === 304 && !it.body && Boolean(it.headers.Etag) },
    { route },
  );
}

// Looks at the answer to a write; gives its token, which makes reads show it.
export function written(response, route, status) {
  if (response.status === 429) limited.add(1);
  if (response.status === 0 || response.status >= 500) return undefined;
  const fine = check(
    response,
    {
      'the write was done': (it) => it.status === status,
      'it gives a token': (it) => route === 'interaction' || Boolean(it.headers['Atelier-Ord']),
    },
    { route },
  );
  return fine ? response.headers['Atelier-Ord'] : undefined;
}

// Says whether a read shows a write. A read without an answer says neither.
export function shown(document, yes, route) {
  if (document === undefined) return;
  check(yes(document), { 'who writes sees it at once': (it) => it === true }, { route });
}
