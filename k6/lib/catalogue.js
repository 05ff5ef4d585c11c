// How large the set is that is up, asked of the API alone, so that every scenario knows which ids there are.

import { sleep } from 'k6';
import http from 'k6/http';

import { settings } from './settings.js';

// The most rows that a node gives at once (ATELIER_ROWS_MAX), and few enough for every visitor to have a copy of their ids.
const WHOLE = 10000;

function asked(page, count) {
  return http.get(`${settings.base}/products?page=${page}&count=${count}`, { tags: { route: 'setup', name: 'setup' } });
}

function rows(page, count = 1) {
  let response = asked(page, count);
  // A machine that is busy says when to come again.
  for (let more = 5; response.status === 503 && more > 0; more -= 1) {
    sleep(Number(response.headers['Retry-After']) || 1);
    response = asked(page, count);
  }
  if (response.status !== 200) throw new Error(`${settings.base} answers ${response.status} (${response.error}): is it up? make up`);
  return response.json();
}

// Rows are counted by halving: there is a page of one product for each, and none behind the last. Of a small set all ids are learnt; of a
// large one the highest, and what has gaps says so.
export function catalogue() {
  const there = (page) => rows(page).length > 0;
  let products = 0;
  let behind = 1;
  while (there(behind)) [products, behind] = [behind, behind * 2];
  while (behind - products > 1) {
    const middle = Math.floor((products + behind) / 2);
    if (there(middle)) products = middle;
    else behind = middle;
  }
  if (products === 0) throw new Error('there are no products');
  const ids = products <= WHOLE ? rows(1, WHOLE).map((row) => row.id) : undefined;
  const highest = rows(products)[0].id;
  return { products, highest, ids, gaps: ids === undefined && highest > products };
}
