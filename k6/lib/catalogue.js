// How large the set is that is up, asked of the API alone, so that every scenario knows which ids there are.

import { sleep } from 'k6';
import http from 'k6/http';

import { settings } from './settings.js';

function asked(page) {
  return http.get(`${settings.base}/products?page=${page}&count=1`, { tags: { route: 'setup', name: 'setup' } });
}

function row(page) {
  let response = asked(page);
  // A machine that is busy says when to come again.
  for (let more = 5; response.status === 503 && more > 0; more -= 1) {
    sleep(Number(response.headers['Retry-After']) || 1);
    response = asked(page);
  }
  if (response.status !== 200) throw new Error(`${settings.base} answers ${response.status} (${response.error}): is it up? make up`);
  return response.json()[0];
}

// Rows are counted by halving: there is a page of one product for each, and none behind the last.
export function catalogue() {
  let there = 0;
  let behind = 1;
  while (row(behind)) [there, behind] = [behind, behind * 2];
  while (behind - there > 1) {
    const middle = Math.floor((there + behind) / 2);
    if (row(middle)) there = middle;
    else behind = middle;
  }
  if (there === 0) throw new Error('there are no products');
  const highest = row(there).id;
  return { products: there, highest, gaps: highest > there };
}
