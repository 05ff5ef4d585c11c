// One visitor who writes, and looks for it with the token of the write, on whichever node answers.

import exec from 'k6/execution';

import { get, post, vote } from './requests.js';
import { read, shown, written } from './right.js';
import { settings } from './settings.js';
import { product } from './zipf.js';

const PERSON = { name: 'visitor', email: 'visitor@example.com' };

// Chosen by turn, so that every kind is written however short the run is.
const KINDS = [review, question, cart, review, question, interaction];

export function write(set) {
  const turn = exec.scenario.iterationInTest;
  const mark = `k6 ${settings.seed}-${exec.scenario.name}-${turn}-${Date.now()}`;
  KINDS[turn % KINDS.length](product(set, settings.zipf), mark, set);
}

function look(asked, token) {
  return read(get(asked, { 'Atelier-Min-Ord': token }), Object.assign({ whole: true }, asked), 1);
}

// A gap has no product to write about: who draws one only says so.
function there(id, set) {
  if (!set.gaps) return true;
  return get({ route: 'product', path: `/products/${id}`, gap: true }).status === 200;
}

function review(id, mark, set) {
  if (!there(id, set)) return;
  const body = { product_id: id, rating: 4, summary: 'From k6', body: mark, recommend: true, photos: [], characteristics: {} };
  const token = written(post('post review', '/reviews', Object.assign(body, PERSON)), 'post review', 201);
  if (!token) return;
  const list = { route: 'reviews', shape: 'newest', path: `/reviews?product_id=${id}&sort=newest&count=50`, id };
  const document = look(list, token);
  const own = document && document.results.find((row) => row.body === mark);
  shown(document, () => Boolean(own), 'post review');
  if (!own) return;
  const voted = written(vote('vote', `/reviews/${own.review_id}/helpful`), 'vote', 204);
  if (!voted) return;
  const after = look(list, voted);
  const again = after && after.results.find((row) => row.review_id === own.review_id);
  shown(after, () => Boolean(again) && again.helpfulness > own.helpfulness, 'vote');
}

function question(id, mark, set) {
  if (!there(id, set)) return;
  const token = written(post('post question', '/qa/questions', Object.assign({ product_id: id, body: mark }, PERSON)), 'post question', 201);
  if (!token) return;
  const list = { route: 'questions', path: `/qa/questions?product_id=${id}&count=10000`, id, count: 10000 };
  const document = look(list, token);
  const own = document && document.results.find((row) => row.question_body === mark);
  shown(document, () => Boolean(own), 'post question');
  if (!own) return;
  const path = `/qa/questions/${own.question_id}/answers`;
  const answered = written(post('post answer', path, Object.assign({ body: mark, photos: [] }, PERSON)), 'post answer', 201);
  if (!answered) return;
  const answers = look({ route: 'answers', path, id: own.question_id }, answered);
  shown(answers, (it) => it.results.some((row) => row.body === mark), 'post answer');
}

function cart(id, mark, set) {
  if (!there(id, set)) return;
  const styles = read(get({ route: 'styles', path: `/products/${id}/styles` }), { route: 'styles', id, whole: true }, 1);
  const sku = Number(((styles && styles.results) || []).flatMap((style) => Object.keys(style.skus)).find((one) => one !== 'null'));
  if (!sku) return;
  // A credential of its own: this cart is empty.
  const mine = { Authorization: mark };
  const token = written(post('post cart', '/cart', { sku_id: sku, count: 2 }, mine), 'post cart', 201);
  if (!token) return;
  const asked = { route: 'cart', path: '/cart', whole: true };
  const document = read(get(asked, Object.assign({ 'Atelier-Min-Ord': token }, mine)), asked, 1);
  shown(document, (it) => it.length === 1 && it[0].sku_id === sku && it[0].count === 2, 'post cart');
}

function interaction(_id, mark) {
  const document = { element: '<button>Add to cart</button>', widget: 'k6', time: mark };
  written(post('interaction', '/interactions', document), 'interaction', 201);
}
