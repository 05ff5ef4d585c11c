
"use strict";
// Asks /status.json every two seconds and shows what it says. Texts are set as texts, so nothing that a node says can become part
// of the page.

const EVERY = 2000, PATIENCE = 5000, POINTS = 150, FEWEST = 15;
const SVG = "http://www.w3.org/2000/svg";
const SOURCES = [
  ["l1", "L1, in process"], ["l2", "L2, Redis"], ["filter", "Known absent"], ["collapsed", "Another’s fetch"], ["filled", "Origin"],
  ["stale", "Held, labelled stale"], ["write", "Writes"], ["failed", "Failed, 5xx"], ["other", "Refused and other"],
];

const at = id => document.getElementById(id);
const points = [];
let heard = 0;

function element(name, text, kind) {
  const made = document.createElement(name);
  if (text !== undefined) made.textContent = text;
  if (kind) made.className = kind;
  return made;
}
function shape(name, attributes, kind) {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  if (kind) made.setAttribute("class", kind);
  return made;
}
function say(id, text, kind) {
  const place = at(id);
  if (place.textContent !== text) place.textContent = text;
  if (kind !== undefined) place.className = kind;
}

// Numbers as people read them: three digits that matter, and a unit.
const grouped = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });
const whole = number => grouped.format(number);
const rate = number => number === 0 ? "0" : number < 0.1 ? "< 0.1" : number < 10 ? number.toFixed(1) : whole(number);
const percent = share => share >= 1 ? "100" : share > 0.999 ? "> 99.9" : (share * 100).toFixed(1);
function time(seconds) {
  if (seconds < 0) return ["> 2.5", "s"];
  if (seconds < 0.001) return [String(Math.round(seconds * 1e6)), "µs"];
  if (seconds < 1) return [seconds < 0.01 ? String(+(seconds * 1e3).toFixed(1)) : String(Math.round(seconds * 1e3)), "ms"];
  if (seconds < 100) return [seconds.toFixed(1), "s"];
  return [whole(seconds), "s"];
}
function ago(milliseconds) {
  const seconds = Math.max(0, Math.round(milliseconds / 1000));
  if (seconds < 120) return `${seconds} s`;
  if (seconds < 7200) return `${Math.round(seconds / 60)} min`;
  if (seconds < 172800) return `${Math.round(seconds / 3600)} h`;
  return `${Math.round(seconds / 86400)} days`;
}
function bytes(number) {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let unit = 0;
  while (number >= 1024 && unit < units.length - 1) { number /= 1024; unit += 1; }
  return `${number < 10 && unit > 0 ? number.toFixed(1) : Math.round(number)} ${units[unit]}`;
}

// How many points the width of a line is for: a young node has few, and five minutes of nothing would hide them.
const span = () => Math.max(points.length, FEWEST);

// A line over the last five minutes; where there is no value it has a gap. The newest value is at the right edge.
function line(id, values, options = {}) {
  const place = at(id), width = 300, height = 36, known = values.filter(value => value !== null);
  place.setAttribute("viewBox", `0 0 ${width} ${height}`);
  place.setAttribute("preserveAspectRatio", "none");
  const top = Math.max(options.least || 0, ...known, options.limit || 0) || 1;
  const bottom = options.from ? Math.min(options.from, ...known) : 0;
  const x = place => width - (values.length - 1 - place) * width / (span() - 1);
  const y = value => height - 1 - (value - bottom) / (top - bottom || 1) * (height - 3);
  const parts = [shape("line", { x1: 0, x2: width, y1: height - 0.5, y2: height - 0.5 })];
  if (options.limit) parts.push(shape("line", { x1: 0, x2: width, y1: y(options.limit), y2: y(options.limit) }, "limit"));
  let run = [];
  const end = () => {
    if (run.length) {
      if (run.length === 1) run.unshift([run[0][0] - 2, run[0][1]]);
      const path = run.map(([x, y]) => `${x.toFixed(1)} ${y.toFixed(1)}`).join("L");
      const [first, last] = [run[0][0], run[run.length - 1][0]];
      parts.push(shape("path", { d: `M${first.toFixed(1)} ${height}L${path}L${last.toFixed(1)} ${height}Z` }, "under"));
      parts.push(shape("path", { d: `M${path}` }));
    }
    run = [];
  };
  values.forEach((value, place) => value === null ? end() : run.push([x(place), y(value)]));
  end();
  place.replaceChildren(...parts);
}

// The same for all sources at once, one on top of the other.
function areas() {
  const place = at("sources"), width = 600, height = 120;
  place.setAttribute("viewBox", `0 0 ${width} ${height}`);
  place.setAttribute("preserveAspectRatio", "none");
  const peak = Math.max(0, ...points.map(point => point.requests));
  const x = at => width - (points.length - 1 - at) * width / (span() - 1);
  const y = value => height - value / (peak || 1) * (height - 4);
  const sums = points.map(() => 0), parts = [];
  for (const [name] of SOURCES) {
    const below = sums.slice();
    points.forEach((point, at) => { sums[at] += point[name]; });
    if (points.length < 2 || points.every(point => point[name] === 0)) continue;
    const upper = sums.map((sum, at) => `${x(at).toFixed(1)} ${y(sum).toFixed(1)}`);
    const lower = below.map((sum, at) => `${x(at).toFixed(1)} ${y(sum).toFixed(1)}`).reverse();
    parts.push(shape("path", { d: `M${upper.concat(lower).join("L")}Z` }, name));
  }
  place.replaceChildren(...parts);
  place.setAttribute("class", peak ? "area" : "area none");
  say("sources-from", peak ? `${ago((span() - 1) * EVERY)} ago` : "No requests in the last minutes.");
  say("sources-peak", peak ? `peak ${rate(peak)} /s` : "");
  say("sources-to", peak ? "now" : "");
}

function bar(share, kind) {
  const made = shape("svg", { viewBox: "0 0 100 1", preserveAspectRatio: "none", "aria-hidden": "true" }, `bar ${kind || ""}`);
  made.append(shape("rect", { width: Math.min(100, share * 100).toFixed(2), height: 1 }));
  return made;
}
function row(name, value, kind, share, bad) {
  const made = element("li");
  made.append(element("span", name), element("span", value, kind));
  if (share !== undefined) made.append(bar(share, bad));
  return made;
}
function rows(id, made, empty) {
  at(id).replaceChildren(...(made.length || !empty ? made : [element("li", empty, "empty")]));
}

const sum = (point, names) => names.reduce((all, name) => all + point[name], 0);
const hits = point => sum(point, ["l1", "l2", "filter"]);
const reads = point => hits(point) + sum(point, ["stale", "filled", "collapsed", "failed"]);
const ratio = point => reads(point) > 0 ? hits(point) / reads(point) : null;

// Of the last ten seconds, so that a figure can be read before it changes.
function mean(value) {
  const last = points.slice(-5);
  return last.length ? last.reduce((all, point) => all + value(point), 0) / last.length : 0;
}

function tiles(status) {
  const peak = Math.max(0, ...points.map(point => point.requests));
  const requests = mean(point => point.requests), read = mean(reads);
  say("requests", points.length ? rate(requests) : "–");
  line("requests-line", points.map(point => point.requests));
  say("requests-note", status.totals.requests ? `peak ${rate(peak)} /s` : "none yet");

  const share = read > 0 ? mean(hits) / read : null;
  say("ratio", share === null ? "–" : percent(share));
  line("ratio-line", points.map(ratio), { from: 0.9, least: 1 });
  say("ratio-note", share === null ? "nobody reads at present" : `of ${rate(read)} reads /s`);

  const latest = name => points.slice(-5).map(point => point[name]).filter(times => times).pop();
  const slowest = latest("fill") || latest("hit");
  const [figure, unit] = slowest ? time(slowest[1]) : ["–", ""];
  say("latency", slowest && slowest[1] > 0 ? `≤ ${figure}` : figure);
  say("latency-unit", unit);
  line("latency-line", points.map(point => point.fill ? (point.fill[1] < 0 ? 2.5 : point.fill[1]) : null));
  const hit = latest("hit");
  const ofHits = hit ? `hits\u00a0${hit[1] < 0 ? "" : "≤\u00a0"}${time(hit[1]).join("\u00a0")}` : "no hits";
  say("latency-note", latest("fill") ? `fetches · ${ofHits}` : slowest ? "hits; nothing is fetched" : "no answers at present");

  const fresh = status.freshness, [age, ageUnit] = time(fresh.poll_age_ms / 1000);
  const late = !fresh.open ? "bad" : fresh.poll_age_ms > fresh.bound_ms / 2 ? "warn" : "";
  say("age", fresh.begun ? age : "–");
  say("age-unit", fresh.begun ? ageUnit : "");
  at("age").parentElement.className = `figure ${late}`;
  line("age-line", points.map(point => Math.min(point.poll_age, fresh.bound_ms / 500)), { limit: fresh.bound_ms / 1000 });
  say("age-note", !fresh.begun ? "no poll so far" : `bound\u00a0${time(fresh.bound_ms / 1000).join("\u00a0")}${
    fresh.blind_seconds >= 1 ? ` · blind\u00a0${ago(fresh.blind_seconds * 1000)}` : ""}`);

  const [most, taken] = status.origin.permits;
  say("fetches", points.length ? rate(mean(point => point.fetches)) : "–");
  line("fetches-line", points.map(point => point.fetches));
  say("fetches-note", `${taken} of ${most} permits${status.origin.followers ? ` · ${whole(status.origin.followers)} wait` : ""}`);

  const failed = mean(point => point.failed);
  say("failed", points.length ? rate(failed) : "–");
  at("failed").parentElement.className = `figure ${failed > 0 ? "bad" : ""}`;
  line("failed-line", points.map(point => point.failed));
  at("failed-line").setAttribute("class", points.some(point => point.failed) ? "spark" : "spark none");
  const worries = [];
  if (status.totals.panics) worries.push(`${whole(status.totals.panics)} panics`);
  if (status.totals.log_lines_lost) worries.push(`${whole(status.totals.log_lines_lost)} log lines lost`);
  say("failed-note", [status.totals.failed ? `${whole(status.totals.failed)} in all` : "none so far", ...worries].join(" · "));
}

function sources() {
  areas();
  const all = mean(point => point.requests);
  rows("tiers", SOURCES.map(([name, words]) => {
    const value = mean(point => point[name]), made = element("tr", undefined, value ? "" : "none");
    const first = element("td");
    first.append(element("i", undefined, name), words);
    made.append(first, element("td", rate(value), "number"), element("td", all > 0 ? `${percent(value / all)} %` : "–", "number"));
    return made;
  }));
}

function dependencies(status) {
  const made = status.breakers.map(({ name, open }) => {
    const known = row(name, open ? "open: not asked" : "closed: asked", open ? "bad" : "good");
    const more = name === "Redis"
      ? `${status.redis.in_flight} of ${status.redis.in_flight_max} commands under way`
      : `${status.origin.readers.join(" of ")} connections that read`;
    known.append(element("span", more, "more quiet"));
    return known;
  });
  if (!status.origin.database) made.push(row("No database", status.node.source, "quiet"));
  if (!status.redis) made.push(row("No Redis", "answers are not shared", "quiet"));
  rows("breakers", made);

  const { l1, memory, origin } = status, room = [];
  room.push(row(`L1 · ${whole(l1.entries)} answers${l1.absent ? `, ${whole(l1.absent)} without content` : ""}`,
    `${bytes(l1.bytes)} of ${bytes(l1.bytes_max)}`, "", l1.bytes_max ? l1.bytes / l1.bytes_max : 0));
  room.push(row("Memory", memory.limit ? `${bytes(memory.resident)} of ${bytes(memory.limit)}` : bytes(memory.resident),
    ["", "warn", "bad"][memory.shortage], memory.limit ? memory.resident / memory.limit : undefined, ["", "warn", "bad"][memory.shortage]));
  const last = points[points.length - 1];
  if (last) room.push(row("Processors", `${last.cpu.toFixed(2)} busy`));
  for (const [name, permits] of [["Fetches", origin.permits], ["Refreshes", origin.refreshes], ["Writes", origin.writes]]) {
    if (permits) room.push(row(name, `${permits[1]} of ${permits[0]}${permits[2] ? `, ${whole(permits[2])} wait` : ""}`, "", permits[1] / permits[0], permits[2] ? "warn" : ""));
  }
  rows("pools", room);

  rows("checks", status.checks.map(({ name, ok, counts, said }) =>
    row(`${ok ? "✓" : counts ? "✗" : "!"} ${name}`, said, `said ${ok ? "quiet" : counts ? "bad" : "warn"}`)));
}

function lists(status) {
  const { hot, purges } = status, most = hot.keys.length ? hot.keys[0].samples : 1;
  rows("hot", hot.keys.map(({ key, samples }) => {
    const made = element("li");
    made.append(element("code", key), element("span", `${percent(samples / hot.samples)} %`), bar(samples / most));
    return made;
  }), "No hits were seen yet.");
  say("hot-note", hot.samples ? `of ${whole(hot.samples)} hits that were sampled` : "Samples are taken while this page is open.");

  rows("purges", purges.map(({ at, what, kind, ordered_here }) => {
    const made = element("li"), what_ = element("code", what);
    made.append(what_, element("span", `${ago(status.now - at)} ago`, "quiet"));
    made.append(element("span", `${kind}${ordered_here ? ", ordered at this node" : ", seen by the poll"}`, "more quiet"));
    return made;
  }), "None since this node began.");
  say("purges-note", purges.length ? "Single rows that another node purged hard look like any change, and are not here." : "");
}

function show(status) {
  heard = Date.now();
  const newest = points.length ? points[points.length - 1].at : 0;
  points.push(...status.points.filter(point => point.at > newest));
  points.splice(0, points.length - POINTS);
  const { node } = status;
  document.title = `${status.ready === null ? "" : "✗ "}${node.address} · atelier-edge`;
  say("about", `${node.address} · ${node.source}`);
  say("foot", `version ${node.version} · process ${node.pid} · up for ${ago(status.now - node.started)} · ${whole(status.totals.requests)} requests answered`);
  const open = status.breakers.filter(breaker => breaker.open).map(breaker => breaker.name);
  const worry = open.length ? `${open.join(" and ")} not asked` : !status.freshness.open ? "blind" : status.memory.shortage ? "memory short" : "";
  if (status.ready !== null) say("state", node.draining ? "draining" : "not ready", "pill bad");
  else say("state", worry ? `ready · ${worry}` : "ready", worry ? "pill warn" : "pill good");
  const trouble = status.ready || (status.freshness.open ? "" : status.freshness.trouble || "nothing can be proved");
  notice(trouble ? `${status.ready ? "Not ready" : "Nothing can be proved, so answers are labelled"}: ${trouble}` : "", status.ready ? "" : "warn");
  at("main").className = "";
  tiles(status);
  sources();
  dependencies(status);
  lists(status);
  at("main").removeAttribute("aria-busy");
}

function notice(text, kind) {
  at("notice").hidden = !text;
  say("notice", text, `notice ${kind || ""}`);
}

function silent(why) {
  say("state", "no answer", "pill bad");
  at("main").className = heard ? "old" : "";
  notice(heard ? `This node has not answered for ${ago(Date.now() - heard)} (${why}). What is shown is from before; it is asked again.`
    : `This node does not answer (${why}). It is asked again.`);
}

async function ask() {
  const newest = points.length ? points[points.length - 1].at : 0;
  const answer = await fetch(`status.json?since=${newest}`, { cache: "no-store", signal: AbortSignal.timeout(PATIENCE) });
  if (!answer.ok) throw new Error(`status ${answer.status}`);
  return answer.json();
}

async function turn() {
  // Nobody looks at a page in the background.
  if (document.visibilityState !== "hidden") {
    try { show(await ask()); } catch (error) { silent(error.name === "TimeoutError" ? "it takes too long" : error.message); }
  }
  setTimeout(turn, EVERY);
}

function fact(list, name, value) {
  if (value === null || value === undefined) return;
  list.append(element("dt", name), element("dd", value));
}

const WOULD = {
  l1: ["Sent from L1", "good"], filter: ["Answered without looking", "good"], stale_purge: ["Sent, labelled stale", "warn"],
  asked: ["Asked for", "warn"], unstored: ["Asked for, never held", "warn"], bypass: ["Asked for, never held", "warn"], other: ["Sent", "good"],
};

async function explain(event) {
  event.preventDefault();
  const place = at("verdict"), token = at("probe-token").value, path = at("probe-path").value;
  try {
    const headers = token ? { Authorization: `Bearer ${token}` } : {};
    const answer = await fetch(`entry?path=${encodeURIComponent(path)}`, { headers, cache: "no-store", signal: AbortSignal.timeout(PATIENCE) });
    if (answer.status === 401) return place.replaceChildren(element("p", "That is not the operators’ token of this node.", "bad"));
    if (answer.status === 403) return place.replaceChildren(element("p", "This node has no token for operators: ATELIER_ADMIN_TOKEN_FILE names the file that holds one.", "bad"));
    if (!answer.ok) return place.replaceChildren(element("p", (await answer.text()).trim(), "bad"));
    const said = await answer.json(), [words, kind] = WOULD[said.would] || [`Refused with ${said.would}`, "bad"];
    const list = element("dl"), held = said.entry;
    fact(list, "Route", said.route);
    if (said.key) fact(list, "Key", said.key);
    if (held) {
      fact(list, "Depends on", held.tag);
      fact(list, "Read", `${ago(held.age_ms)} ago${held.own_age_ms === null ? ", by another node" : ", by this node"}`);
      fact(list, "Proof", held.proved_ms === null ? held.proof : `${held.proof}, ${held.proved_ms} ms ago`);
      fact(list, "Fresh for", held.ttl_left_ms ? ago(held.ttl_left_ms) : "no longer, by its ttl");
      fact(list, "In history", held.node_ord ? `${held.ord}, the node is at ${held.node_ord}` : held.ord);
      fact(list, "Held as", held.encodings.map(({ name, bytes: length }) => `${name} ${bytes(length)}`).join(", ") || "404, nothing is there");
    }
    const why = element("p", undefined, "why");
    why.append(element("b", `${words}. `, kind), said.why);
    place.replaceChildren(why, list);
  } catch (error) {
    place.replaceChildren(element("p", `The node did not say: ${error.message}`, "bad"));
  }
}

at("probe").addEventListener("submit", explain);
document.addEventListener("visibilitychange", () => { if (document.visibilityState === "visible" && Date.now() - heard > EVERY) ask().then(show, error => silent(error.message)); });
turn();
