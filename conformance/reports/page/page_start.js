// The frame around the views: head, tabs, filters, keys; drawn again whenever the #hash changes.

const VIEWS = { overview: ["Overview", overview], matrix: ["Matrix", matrix], rules: ["Rules", rules], variations: ["Variations", variations],
  bugs: ["Seeded bugs", bugs], processes: ["Processes", processes], environment: ["Environment", environment] };
const THEMES = ["auto", "light", "dark"];
let theme = 0;
let selected = -1;

function total() {
  const sum = {};
  for (const target of DATA.targets) for (const [word, count] of Object.entries(target.counts)) sum[word] = (sum[word] || 0) + count;
  return Object.keys(DATA.verdicts).filter((word) => sum[word]).map((word) => [word, sum[word]]);
}
function head() {
  const first = DATA.sessions[0] || { when: "", seed: "?", spec: "", version: "" };
  const search = h("input", { type: "search", id: "search", placeholder: "search   /", "aria-label": "search scenarios and rules", value: filters.q, oninput: (event) => { filters.q = event.target.value; changed(false); } });
  const button = h("button", { onclick: () => { theme = (theme + 1) % 3; showTheme(button); } }, "");
  showTheme(button);
  return [
    h("div", { class: "title" }, h("h1", null, h("a", { href: "#overview" }, "acceptutils conformance")),
      h("p", { class: "quiet" }, [first.when.slice(0, 16).replace("T", " "), "seed " + first.seed, first.spec && "spec " + first.spec, many(DATA.total, "run"), DATA.wall.toFixed(0) + " s", "exit " + DATA.exit].filter(Boolean).join("  ·  ")),
      h("div", { class: "tools" }, search, button)),
    h("div", { class: "filters", role: "group", "aria-label": "filters" },
      total().map(([word, count]) => h("button", { class: "chip", "aria-pressed": String(filters.v === word), onclick: () => { filters.v = filters.v === word ? "" : word; changed(true); } }, verdict(word, count + " " + word))),
      choice("target", ["", ...NAMES], "all targets"), choice("group", ["", ...new Set(DATA.cases.map((one) => one.group))], "all programs"),
      toggle("failed", "failed only", "f"), DATA.changes && toggle("changed", "changed since the baseline", ""),
      query() && h("button", { onclick: clearFilters }, "clear")),
  ];
}
function choice(name, values, all) {
  const select = h("select", { "aria-label": name, onchange: () => { filters[name] = select.value; changed(true); } },
    values.map((value) => h("option", { value, selected: filters[name] === value }, value || all)));
  return select;
}
function toggle(name, words, key) {
  return h("button", { "aria-pressed": String(filters[name]), title: key && "key " + key, onclick: () => { filters[name] = !filters[name]; changed(true); } }, words);
}
function showTheme(button) {
  button.textContent = "theme: " + THEMES[theme];
  if (theme) document.documentElement.dataset.theme = THEMES[theme];
  else delete document.documentElement.dataset.theme;
}
function clearFilters() {
  Object.assign(filters, { q: "", v: "", target: "", group: "", failed: false, changed: false });
  changed(true);
}
// The filters changed: the hash follows, so that it is a link to what is on the screen.
function changed(whole) {
  const { parts } = place();
  history.replaceState(null, "", "#" + parts.map(encodeURIComponent).join("/") + query());
  draw(whole);
}
function go(view) {
  location.hash = href(view).slice(1);
}
function draw(whole = true) {
  const { parts, words } = place();
  readFilters(words);
  const view = parts[0] === "case" || VIEWS[parts[0]] ? parts[0] : "overview";
  if (whole) document.getElementById("head").replaceChildren(...head().filter(Boolean));
  document.getElementById("tabs").replaceChildren(...Object.entries(VIEWS).map(([name, [title]]) => h("a", {
    href: href(name), "aria-current": name === view || (view === "case" && name === "matrix") ? "page" : null }, title, count(name))));
  const main = document.getElementById("main");
  main.replaceChildren(...[view === "case" ? casePage(parts[1], parts[2], parts[3] || "base", parts[4]) : VIEWS[view][1](parts[1])].flat(Infinity).filter(Boolean));
  main.dataset.view = view;
  document.title = (view === "case" ? parts[1] + " on " + parts[2] : VIEWS[view][0]) + " · acceptutils conformance";
  selected = -1;
}
function count(name) {
  const counts = { matrix: DATA.cases.length, rules: DATA.rules.length, bugs: DATA.bugs.length };
  return counts[name] ? h("span", { class: "quiet" }, " " + counts[name]) : null;
}
function rows() {
  return [...document.querySelectorAll("#main [data-row]")].filter((row) => row.dataset.href);
}
function select(step) {
  const found = rows();
  if (!found.length) return;
  found[selected]?.classList.remove("selected");
  selected = Math.min(Math.max(selected + step, 0), found.length - 1);
  found[selected].classList.add("selected");
  found[selected].scrollIntoView({ block: "nearest" });
}
function neighbour(step) {
  const { parts } = place();
  const found = shownCases();
  const next = found[found.findIndex((one) => one.name === parts[1]) + step];
  if (!next) return;
  const cell = next.cells[NAMES.indexOf(parts[2])];
  location.hash = href("case", next.name, parts[2], cell ? cell.show : "base").slice(1);
}
function key(event) {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const typing = event.target.matches("input, select, textarea");
  if (event.key === "Escape" && typing) event.target.blur();
  if (typing) return;
  const inCase = document.getElementById("main").dataset.view === "case";
  const actions = {
    j: () => (inCase ? neighbour(1) : select(1)), k: () => (inCase ? neighbour(-1) : select(-1)),
    Enter: () => { const row = rows()[selected]; if (row) location.hash = row.dataset.href.slice(1); },
    f: () => { filters.failed = !filters.failed; changed(true); },
    "/": () => document.getElementById("search").focus(),
    Escape: () => { if (inCase) go("matrix"); },
  };
  if (event.key === "Enter" && event.target.matches("a, button, summary")) return;
  if (actions[event.key]) {
    event.preventDefault();
    actions[event.key]();
  }
}
window.addEventListener("hashchange", () => { draw(); window.scrollTo(0, 0); });
document.addEventListener("keydown", key);
document.getElementById("keys").append("keys: ", h("kbd", null, "j"), " ", h("kbd", null, "k"), " down, up · ", h("kbd", null, "enter"), " open · ", h("kbd", null, "f"), " failed only · ", h("kbd", null, "/"), " search · ", h("kbd", null, "esc"), " back");
draw();
