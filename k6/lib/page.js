// One load of a product's page: what the front end asks for, in the order it can. First all that the product's id is enough for, then
// cards of related products. Some visitors come from the list, some open the answers of a question, some have been here before.

import { get, together } from './requests.js';
import { read, unchanged } from './right.js';
import { settings } from './settings.js';
import { number, product } from './zipf.js';

const CARDS = 3;
const LIST = 20;

// `set` is what catalogue() found, `share` which part of the answers is looked at whole.
export function page(set, share = 1, { everything = false } = {}) {
  const id = product(set, settings.zipf);
  const some = (part) => everything || Math.random() < part;

  if (some(0.2)) {
    // Most stay on the first pages; this is Zipf's law over all of them.
    const at = number(Math.ceil(set.products / LIST), settings.zipf);
    const list = { route: 'list', path: `/products?page=${at}&count=${LIST}`, count: LIST };
    read(get(list), list, share);
  }
  const first = [
    { route: 'product', path: `/products/${id}`, id, gap: set.gaps },
    { route: 'styles', path: `/products/${id}/styles`, id },
    { route: 'related', path: `/products/${id}/related`, id, whole: true },
    { route: 'reviews', path: `/reviews?product_id=${id}&count=2&sort=relevant`, id, count: 2 },
    { route: 'meta', path: `/reviews/meta?product_id=${id}`, id },
    { route: 'questions', path: `/qa/questions?product_id=${id}&count=4`, id, count: 4, whole: true },
    { route: 'cart', path: '/cart' },
  ];
  const answers = together(first, { Authorization: `k6-${__VU}` });
  const documents = answers.map((answer, at) => read(answer, first[at], share));

  const related = [...new Set(documents[2] || [])].filter((other) => other !== id).slice(0, CARDS);
  const cards = related.flatMap((other) => [
    { route: 'product', path: `/products/${other}`, id: other },
    { route: 'styles', path: `/products/${other}/styles`, id: other },
    { route: 'meta', path: `/reviews/meta?product_id=${other}`, id: other },
  ]);
  const question = documents[5] && documents[5].results[0];
  if (question && some(0.25)) {
    cards.push({ route: 'answers', path: `/qa/questions/${question.question_id}/answers`, id: question.question_id });
  }
  if (cards.length > 0) together(cards).forEach((answer, at) => read(answer, cards[at], share));
  if (answers[0].status === 200 && some(0.1)) {
    // Their browser kept it, and asks whether it has changed. Nobody writes products here.
    unchanged(get(first[0], { 'If-None-Match': answers[0].headers.Etag }), 'product');
  }
}
