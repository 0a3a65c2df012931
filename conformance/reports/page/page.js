// What all views share: the data, elements, verdicts, bytes as text, and the filters with their place in the #hash.

// First of all: an empty page must not look like an empty report.
function broken(event) {
  const words = document.createElement("p");
  words.id = words.className = "broken";
  words.textContent = "This report could not be drawn: " + (event.message || event.reason);
  document.body.prepend(words);
}
window.addEventListener("error", broken);
window.addEventListener("unhandledrejection", broken);

const DATA = JSON.parse(document.getElementById("data").textContent);
const NAMES = DATA.targets.map((target) => target.name);
// What the data leave out because it says nothing, or what the first row of a table has said.
DATA.cases.forEach((one, index) => {
  if ("like" in one) {
    const model = DATA.cases[one.like];
    const text = model.text.map((line, number) => (Object.hasOwn(one.text, number) ? one.text[number] : line));
    DATA.cases[index] = { ...model, ...one, text };
  }
});
for (const cell of DATA.cases.flatMap((one) => one.cells).filter(Boolean)) {
  Object.assign(cell, { s: 0, ok: 0, kinds: {}, bad: [], ...cell });
  cell.heat = Object.fromEntries(Object.entries(cell.heat || {}).map(([line, marks]) => [line, marks.replace(/(\d+)(\D)/g, (_, count, mark) => mark.repeat(count))]));
}
for (const run of DATA.runs) {
  Object.assign(run, { findings: [], record: [], procs: [], s: 0, wall: 0, cpu: 0, reason: "", known: "", severity: "", unobserved: [], files: [], ...run });
  run.case = DATA.cases[run.case].name;
  run.target = NAMES[run.target];
  run.id = run.case + "@" + run.target + ":" + run.var;
}
const CASES = new Map(DATA.cases.map((one, index) => [one.name, index]));
const RUNS = new Map(DATA.runs.map((run) => [run.id, run]));
const RULES = new Map(DATA.rules.map((rule) => [rule.id, rule]));
const SVG = "http://www.w3.org/2000/svg";
const LETTERS = new Map(Object.entries(DATA.verdicts).map(([word, [symbol, letter]]) => [letter, [word, symbol]]));
const GOOD = new Set(["pass", "non-strict", "info"]);

// Elements. Children that are strings become text nodes: no markup is ever read.
function h(tag, attributes, ...children) {
  return fill(document.createElement(tag), attributes, children);
}
function svg(tag, attributes, ...children) {
  return fill(document.createElementNS(SVG, tag), attributes, children);
}
function fill(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes || {})) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value === true) element.setAttribute(name, "");
    else if (value !== false && value !== null && value !== undefined) element.setAttribute(name, value);
  }
  for (const child of children.flat(Infinity)) {
    if (child !== null && child !== undefined && child !== false) element.append(child);
  }
  return element;
}
function table(heads, rows, attributes) {
  const row = h("tr", null, heads.map((head) => (head instanceof Node ? head : h("th", { scope: "col" }, head))));
  return h("div", { class: "scroll" }, h("table", attributes, h("thead", null, row), h("tbody", null, rows)));
}

// Verdicts: always the symbol and the word.
function tone(word) {
  if (word === "pass") return "good";
  if (word === "HANG" || word === "SPIN") return "spin";
  if (word === "known") return "known";
  if (word === "non-strict" || word === "info") return "mild";
  if (word === "skip") return "none";
  return "bad";
}
function symbol(word) {
  return DATA.verdicts[word] ? DATA.verdicts[word][0] : "?";
}
const SERIOUS = Object.keys(DATA.verdicts);
function worst(words) {
  return SERIOUS.find((word) => words.includes(word)) || "skip";
}
function isBad(word) {
  return Boolean(DATA.verdicts[word] && DATA.verdicts[word][2]);
}
function verdict(word, more) {
  return h("span", { class: "verdict " + tone(word) },
    h("span", { class: "symbol", "aria-hidden": "true" }, symbol(word)), " ", more || word);
}

// Bytes, in the notation of a talk.
const UNIT = /\\x[0-9a-fA-F]{2}|\\[^]|\{[^{}]*(?:\{[^{}]*\}[^{}]*)*\}|[^]/gu;
function units(text) {
  return text.match(UNIT) || [];
}
function picture(unit) {
  return Object.hasOwn(DATA.pictures, unit) ? DATA.pictures[unit] : unit;
}
// What stands for a control character is drawn by the style sheet, since few fonts have it; copied is its escape.
const NAMED = { "␍": ["CR", "\\r"], "␊": ["LF", "\\n"], "␉": ["TAB", "\\t"], "␀": ["NUL", "\\0"], "␡": ["DEL", "\\x7f"] };
function control(shown) {
  const [name, escape] = NAMED[shown];
  return h("span", { class: "control", "data-name": name }, escape);
}
// Text in which the symbols stand for control characters already.
function pictured(text) {
  return text.split(/([␍␊␉␀␡])/).filter(Boolean).map((piece) => (Object.hasOwn(NAMED, piece) ? control(piece) : piece));
}
// A text in the notation: control characters and computed bytes are marked.
function octets(text) {
  return units(text).map((unit) => {
    const shown = picture(unit);
    if (Object.hasOwn(NAMED, shown)) return control(shown);
    if (unit.length === 1 || shown !== unit) return shown;
    return h("span", { class: "computed" }, shown);
  }).reduce((found, one) => {
    const last = found.length - 1;
    if (typeof one === "string" && typeof found[last] === "string") found[last] += one;
    else found.push(one);
    return found;
  }, []);
}
// The words of a rule: what stands between backticks is code.
function prose(text) {
  return text.split("`").map((piece, index) => (index % 2 ? h("code", null, piece) : piece));
}
function many(count, word) {
  return number(count) + " " + word + (count === 1 ? "" : "s");
}
function number(count) {
  return String(count).replace(/\B(?=(\d{3})+$)/g, "\u202f");
}
function seconds(value) {
  return value >= 100 ? value.toFixed(0) + " s" : value >= 1 ? value.toFixed(2) + " s" : (value * 1000).toFixed(1) + " ms";
}

// Links: #view/part/part?filters
function href(view, ...parts) {
  return "#" + [view, ...parts].map(encodeURIComponent).join("/") + query();
}
function link(words, view, ...parts) {
  return h("a", { href: href(view, ...parts) }, words);
}
function caseLink(words, name, target, variation) {
  return link(words, "case", name, target, variation || "base");
}
function ruleLink(id) {
  return h("a", { class: "rule", href: href("rules", id), title: RULES.has(id) ? RULES.get(id).text || RULES.get(id).title : null }, id);
}

const filters = { q: "", v: "", target: "", group: "", failed: false, changed: false };
function query() {
  const words = Object.entries(filters).filter(([, value]) => value)
    .map(([name, value]) => name + "=" + encodeURIComponent(value === true ? "1" : value));
  return words.length ? "?" + words.join("&") : "";
}
function place() {
  const [path, words] = location.hash.slice(1).split("?");
  return { parts: path.split("/").map(decode), words: new URLSearchParams(words || "") };
}
function decode(word) {
  try {
    return decodeURIComponent(word);
  } catch {
    return word;
  }
}
function readFilters(words) {
  for (const name of Object.keys(filters)) {
    const value = words.get(name) || "";
    filters[name] = typeof filters[name] === "boolean" ? value === "1" : value;
  }
}

const CHANGED = new Set((DATA.changes || []).map(([name, target]) => name + "\n" + target));
function cellMatches(cell, name, target) {
  if (filters.target && filters.target !== target) return false;
  if (filters.v && cell.v !== filters.v) return false;
  if (filters.failed && !isBad(cell.v)) return false;
  return !filters.changed || CHANGED.has(name + "\n" + target);
}
function wordsMatch(text) {
  const wanted = filters.q.toLowerCase().split(/\s+/).filter(Boolean);
  const found = text.toLowerCase();
  return wanted.every((word) => found.includes(word));
}
function caseMatches(one) {
  if (filters.group && one.group !== filters.group) return false;
  if (!wordsMatch([one.name, one.title, one.group, ...one.rules, ...one.why].join(" "))) return false;
  if (!(filters.target || filters.v || filters.failed || filters.changed)) return true;
  return one.cells.some((cell, index) => cell && cellMatches(cell, one.name, NAMES[index]));
}
function shownCases() {
  return DATA.cases.filter(caseMatches);
}
