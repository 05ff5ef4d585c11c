// Requests as a browser makes them, each under the name of its route, which is what thresholds go by.

import http from 'k6/http';

import { settings } from './settings.js';

http.setResponseCallback(http.expectedStatuses(200, 201, 204, 304));
const OR_A_GAP = http.expectedStatuses(200, 304, 404);

function parameters(route, more = {}, gap = false) {
  const given = {
    headers: Object.assign({ 'Accept-Encoding': 'br, gzip', Accept: 'application/json' }, more),
    tags: { route, name: route },
    timeout: '10s',
  };
  if (gap) given.responseCallback = OR_A_GAP;
  return given;
}

// Several reads at once, each an object with `route`, `path` and what its check needs; answers in the same order.
export function together(reads, headers = {}) {
  return http.batch(reads.map((one) => ['GET', settings.base + one.path, null, parameters(one.route, headers, one.gap)]));
}

export function get(one, headers = {}) {
  return http.get(settings.base + one.path, parameters(one.route, headers, one.gap));
}

export function post(route, path, document, headers = {}) {
  const more = Object.assign({ 'Content-Type': 'application/json' }, headers);
  return http.post(settings.base + path, JSON.stringify(document), parameters(route, more));
}

export function vote(route, path) {
  return http.put(settings.base + path, null, parameters(route));
}
