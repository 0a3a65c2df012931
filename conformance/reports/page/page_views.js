// The views but for the page of one case. Each returns its elements.

function blockOf(cause) {
  const lines = cause.block.map((line) => [line.map(([role, text]) => h("span", { class: "role-" + role }, pictured(text))), "\n"]);
  return h("pre", { class: "block" }, lines);
}
function knownWords(one) {
  return h("p", null, "Known", one.severity && [" (", h("b", null, one.severity), ")"], ": ", one.known);
}
function causeCard(cause) {
  return h("article", { class: "card " + tone(cause.v), "data-row": true, "data-href": href("case", cause.case, cause.target, cause.var) },
    h("h3", null, verdict(cause.v), " ", caseLink(cause.case, cause.case, cause.target, cause.var), " on ", cause.target,
      h("span", { class: "rules" }, cause.rules.map((id) => [" ", ruleLink(id)]))),
    h("p", { class: "quiet where" }, cause.where),
    cause.known && knownWords(cause),
    blockOf(cause));
}
function bar(counts) {
  const total = Object.values(counts).reduce((sum, count) => sum + count, 0) || 1;
  let x = 0;
  const parts = Object.entries(counts).map(([word, count]) => {
    const width = (count / total) * 400;
    const part = svg("rect", { x, y: 0, width: Math.max(width - 1, 1), height: 10, class: "fill-" + tone(word) },
      svg("title", null, count + " " + word));
    x += width;
    return part;
  });
  return svg("svg", { viewBox: "0 0 400 10", class: "bar", preserveAspectRatio: "none", "aria-hidden": "true" }, parts);
}

function overview() {
  const targets = DATA.targets.map((target) => h("section", { class: "target" },
    h("h3", null, target.name),
    h("p", null, target.sentence.slice(target.name.length + 2)),
    bar(target.counts),
    h("p", { class: "counts" }, Object.entries(target.counts).map(([word, count]) => h("button", {
      class: "chip", title: "show them in the matrix", onclick: () => { filters.v = word; filters.target = target.name; go("matrix"); },
    }, verdict(word, count + " " + word)))),
    h("p", { class: "quiet" }, many(target.runs, "run"))));
  const bad = DATA.causes.filter((cause) => isBad(cause.v));
  const rest = DATA.causes.filter((cause) => !isBad(cause.v));
  const shown = (cause) => {
    const one = DATA.cases[CASES.get(cause.case)];
    return (!filters.target || filters.target === cause.target) && (!filters.v || filters.v === cause.v)
      && (!filters.group || one.group === filters.group) && wordsMatch([cause.case, one.title, ...cause.rules].join(" "));
  };
  return [
    h("div", { class: "targets" }, targets),
    DATA.changes && changes(),
    h("h2", null, bad.length ? "What went wrong" : "Nothing went wrong"),
    bad.length > 0 && h("p", { class: "quiet" }, many(bad.length, "cause") + ", each shown once"),
    bad.filter(shown).map(causeCard),
    rest.length > 0 && h("details", null, h("summary", null, h("h2", null, "Known, and accepted alternatives (" + rest.length + ")")), rest.filter(shown).map(causeCard)),
    DATA.fixed.length > 0 && [h("h2", null, "Fixed: known deviations that are gone (" + DATA.fixed.length + ")"), fixed()],
    h("h2", null, "Left out"),
    leftOut(),
  ];
}
function changes() {
  const word = (one) => (one === null ? h("span", { class: "quiet" }, "not run") : verdict(one));
  return [h("h2", null, "Changed since the baseline"),
    DATA.changes.length === 0 ? h("p", null, "Nothing.")
      : table(["case", "target", "before", "now"], DATA.changes.map(([name, target, before, now]) => h("tr", null,
        h("th", { scope: "row" }, CASES.has(name) ? caseLink(name, name, target) : name), h("td", null, target), h("td", null, word(before)), h("td", null, word(now)))))];
}
function fixed() {
  return table(["case", "target", "rule", "place", "why it was known"], DATA.fixed.map((one) => h("tr", null,
    h("th", { scope: "row" }, "★ ", CASES.has(one.scenario) ? caseLink(one.scenario, one.scenario, one.target) : one.scenario),
    h("td", null, one.target), h("td", null, ruleLink(one.rule)), h("td", null, one.where), h("td", null, one.why))));
}
function leftOut() {
  const skipped = new Map();
  for (const run of DATA.runs) {
    if (run.v === "skip") skipped.set(run.reason + "\n" + run.target, [...(skipped.get(run.reason + "\n" + run.target) || []), run]);
  }
  const rows = DATA.left_out.map((words) => h("tr", null, h("td", null, "variations"), h("td", null, words)));
  for (const [key, runs] of skipped) {
    const [why, target] = key.split("\n");
    const scenarios = Map.groupBy(runs, (run) => scenarioOf(run.case));
    rows.push(h("tr", null, h("td", null, many(runs.length, "case") + " on " + target),
      h("td", null, h("details", null, h("summary", null, why),
        [...scenarios].map(([name, them], index) => [index ? ", " : "", caseLink(them[0].case, name, target, them[0].var),
          them.length > 1 ? " (" + them.length + ")" : ""])))));
  }
  return rows.length ? table(["what", "why"], rows) : h("p", null, "Nothing.");
}

function strip(cell) {
  const letters = Object.values(cell.heat).join("");
  if (!/[^. ]/.test(letters)) return null;
  const width = 60;
  const step = Math.max(1, letters.length / width);
  const marks = [];
  for (let x = 0; x * step < letters.length; x += 1) {
    const piece = letters.slice(Math.floor(x * step), Math.max(Math.floor((x + 1) * step), Math.floor(x * step) + 1));
    const letter = piece.replace(/[. ]/g, "")[0];
    const scale = Math.min(width / letters.length, 6);
    const w = letters.length < width ? scale : 1;
    marks.push(svg("rect", { x: x * w, y: letter ? 0 : 6, width: Math.max(w - 0.3, 0.7), height: letter ? 10 : 4, class: letter ? "fill-" + tone(LETTERS.get(letter)[0]) : "fill-good" }));
  }
  return svg("svg", { class: "strip", viewBox: "0 0 60 10", role: "img", "aria-label": "which cuts failed" }, marks);
}
function matrixCell(one, cell, target) {
  if (!cell) return h("td", { class: "quiet" }, "not\u00a0run");
  const dim = cellMatches(cell, one.name, target) ? "" : " dimmed";
  const words = cell.w.replace(cell.v, "").split("  ").map((word) => word.replace(/^: /, "")).filter(Boolean);
  return h("td", { class: "cell" + dim },
    h("a", { href: href("case", one.name, target, cell.show) }, verdict(cell.v),
      words.map((word) => [" ", h("span", { class: "words" }, word)]), strip(cell)));
}
// The rows of a scenario with a table are folded into one, until they are wanted.
const unfolded = new Set();
function scenarioOf(name) {
  return name.split("#")[0];
}
function ruleLinks(one) {
  return h("span", { class: "rules" }, one.rules.slice(0, 2).map((id) => [" ", ruleLink(id)]), one.rules.length > 2 ? " …" : "");
}
function matrixRow(one, inner) {
  const bad = one.cells.findIndex((cell) => cell && isBad(cell.v));
  const first = bad >= 0 ? bad : Math.max(0, one.cells.findIndex(Boolean));
  const cell = one.cells[first];
  return h("tr", { "data-row": true, "data-href": href("case", one.name, NAMES[first], cell ? cell.show : "base"), class: inner ? "inner" : null },
    h("th", { scope: "row", title: one.title }, inner ? "#" + one.name.split("#")[1] : one.name, inner ? null : ruleLinks(one)),
    one.cells.map((found, index) => matrixCell(one, found, NAMES[index])));
}
function foldedRow(name, rows) {
  const cells = NAMES.map((target, index) => {
    const found = rows.filter((one) => one.cells[index]).map((one) => one.cells[index].v);
    if (!found.length) return h("td", { class: "quiet" }, "not\u00a0run");
    const word = worst(found);
    const speaking = rows.find((one) => one.cells[index] && one.cells[index].v === word);
    const dim = rows.some((one) => one.cells[index] && cellMatches(one.cells[index], one.name, target)) ? "" : " dimmed";
    const count = found.filter((one) => one === word).length;
    const others = SERIOUS.filter((one) => isBad(one) && one !== word && found.includes(one)).map((one) => ", " + found.filter((two) => two === one).length + " " + one);
    return h("td", { class: "cell" + dim }, h("a", { href: href("case", speaking.name, target, speaking.cells[index].show) },
      verdict(word), " ", h("span", { class: "words" }, count === found.length ? many(count, "row") : count + " of " + many(found.length, "row"), others)));
  });
  const open = unfolded.has(name);
  const button = h("button", { class: "fold", "aria-expanded": String(open), onclick: () => { unfolded[open ? "delete" : "add"](name); draw(false); } }, (open ? "▾ " : "▸ ") + many(rows.length, "row"));
  return h("tr", { "data-row": true, "data-href": href("case", rows[0].name, NAMES[0], "base") },
    h("th", { scope: "row", title: rows[0].title }, name, " ", button, ruleLinks(rows[0])), cells);
}
function matrix() {
  const rows = [];
  let group = null;
  const scenarios = new Map();
  for (const one of shownCases()) scenarios.set(scenarioOf(one.name), [...(scenarios.get(scenarioOf(one.name)) || []), one]);
  for (const [name, found] of scenarios) {
    if (found[0].group !== group) {
      group = found[0].group;
      rows.push(h("tr", { class: "group" }, h("th", { colspan: NAMES.length + 1, scope: "rowgroup" }, group)));
    }
    if (found.length === 1) rows.push(matrixRow(found[0], false));
    else rows.push(foldedRow(name, found), ...(unfolded.has(name) ? found.map((one) => matrixRow(one, true)) : []));
  }
  return [h("h2", null, "Scenarios × targets"), rows.length ? table(["scenario", ...NAMES], rows, { class: "matrix" }) : nothing()];
}
function nothing() {
  return h("p", { class: "nothing" }, "Nothing matches these filters. ", h("button", { onclick: clearFilters }, "Show everything"));
}

function lamp(on, word) {
  return h("span", { class: "lamp " + (on ? "on" : "off") }, h("span", { "aria-hidden": "true" }, on ? "● " : "○ "), on ? word : "not " + word);
}
function lamps(rule) {
  if (rule.scope) return h("span", { class: "quiet" }, "binds the " + rule.scope + ", not the programs");
  const lamps = ["covered", "asserted"].map((word, index) => lamp(rule.lamps[index], word));
  return [...lamps, rule.bugs.length ? lamp(rule.lamps[2], "proved") : h("span", { class: "lamp quiet" }, "○ no bug tried")];
}
function rules(id) {
  if (id) return rulePage(id);
  const rank = (rule) => (rule.scope ? 4 : rule.lamps.filter(Boolean).length);
  const found = DATA.rules.filter((rule) => wordsMatch([rule.id, rule.title, rule.text, rule.section, ...rule.cases.map(([name]) => name)].join(" "))
    && (!filters.failed || Object.values(rule.targets).some(isBad))
    && (!filters.v || Object.values(rule.targets).includes(filters.v)));
  const sorted = found.map((rule, index) => [rank(rule), index, rule]).sort((a, b) => a[0] - b[0] || a[1] - b[1]).map(([, , rule]) => rule);
  const binding = DATA.rules.filter((rule) => !rule.scope);
  const covered = binding.filter((rule) => rule.lamps[0]).length;
  // Where most rules are uncovered some cases were run, and nobody asked about the rest.
  const asked = (rule) => covered >= binding.length / 2 || rule.scope || rule.lamps[0];
  const row = (rule) => h("tr", { "data-row": true, "data-href": href("rules", rule.id) },
    h("th", { scope: "row" }, ruleLink(rule.id)), h("td", null, rule.level.toUpperCase()),
    h("td", { class: "text" }, rule.title && h("b", null, prose(rule.title), ". "), prose(rule.text)),
    h("td", { class: "lamps" }, lamps(rule)),
    h("td", { class: "number" }, rule.cases.length),
    NAMES.map((name) => h("td", null, rule.targets[name] ? verdict(rule.targets[name] === "skip" ? "skip" : rule.targets[name], rule.targets[name] === "skip" ? "not judged" : null) : h("span", { class: "quiet" }, "—"))));
  const rows = sorted.filter(asked).map(row), rest = sorted.filter((rule) => !asked(rule));
  const shown = (some) => table(["rule", "level", "what it says", "lamps", "scenarios", ...NAMES], some, { class: "rules-table" });
  const unasked = h("details", null, h("summary", null, h("h2", null, many(rest.length, "rule") + " that no case of this run is about")));
  whenOpen(unasked, () => [shown(rest.map(row))]);
  return [h("h2", null, covered + " of " + many(binding.length, "rule") + " covered"),
    h("p", { class: "quiet" }, "covered: a scenario names it · asserted: a line of a scenario holds something against it · proved: a seeded bug of it was noticed. Uncovered ones first."),
    rows.length ? shown(rows) : rest.length ? null : nothing(), rest.length > 0 && unasked];
}
function rulePage(id) {
  const rule = RULES.get(id);
  if (!rule) return h("p", null, "There is no rule " + id + ".");
  const rows = rule.cases.map(([name, count, lines]) => {
    const one = DATA.cases[CASES.get(name)];
    const alike = DATA.cases.filter((found) => scenarioOf(found.name) === scenarioOf(name));
    return h("tr", { "data-row": true, "data-href": one ? href("case", name, NAMES[0], "base") : null },
      h("th", { scope: "row" }, one ? caseLink(scenarioOf(name), name, NAMES[0]) : name, count > 1 && h("span", { class: "quiet" }, " " + many(count, "row"))),
      h("td", null, lines.length ? h("pre", { class: "source" }, lines.map((line) => h("span", { class: "line", "data-number": line }, (one ? one.text[line - 1] : "") + "\n"))) : h("span", { class: "quiet" }, "named in the header only")),
      NAMES.map((target, index) => {
        const found = alike.filter((row) => row.cells[index]);
        const word = worst(found.map((row) => row.cells[index].v));
        const speaking = found.find((row) => row.cells[index].v === word);
        return h("td", null, speaking ? caseLink(verdict(word), speaking.name, target, speaking.cells[index].show) : "");
      }));
  });
  return [h("p", null, link("← all rules", "rules")), h("h2", null, rule.id, rule.title && " · " + rule.title),
    h("p", null, h("b", null, rule.level.toUpperCase()), rule.section && " · section " + rule.section),
    h("p", { class: "text" }, prose(rule.text)),
    h("p", { class: "lamps" }, lamps(rule)),
    rows.length ? table(["scenario", "lines", ...NAMES], rows) : h("p", null, "No scenario names it."),
    h("h3", null, "Seeded bugs"),
    rule.bugs.length ? bugTable(DATA.bugs.filter((bug) => bug.rule === id)) : h("p", null, "None.")];
}

function heatCell(letter, one, target, line, offset, before, after) {
  const [word, mark] = LETTERS.get(letter) || ["not run", "·"];
  if (letter === " ") return h("td", { class: "heat" });
  const attributes = { class: "heat " + tone(word), title: target + ", cuts=" + line + ":" + offset + "  " + before + "│" + after + "  " + word };
  return letter === "." ? h("td", attributes, "·") : h("td", attributes, caseLink(mark, one.name, target, "cuts=" + line + ":" + offset));
}
function heatMap(one, line) {
  const bytes = units(one.sent[line] || "").map(picture);
  const found = one.cells.map((cell, index) => [NAMES[index], cell && cell.heat[line]]).filter(([name, letters]) => letters && (!filters.target || filters.target === name));
  const length = Math.max(bytes.length, ...found.map(([, letters]) => letters.length));
  const head = h("tr", null, h("th", { scope: "col" }, "line " + line), Array.from({ length }, (_, index) => h("th", { class: "byte", scope: "col", title: "byte " + (index + 1) }, bytes[index] ? pictured(bytes[index]) : "?")));
  const rows = found.map(([name, letters]) => h("tr", null, h("th", { scope: "row" }, name),
    Array.from(letters, (letter, index) => heatCell(letter, one, name, line, index + 1, bytes.slice(Math.max(0, index - 12), index + 1).join(""), bytes.slice(index + 1, index + 14).join("")))));
  return h("div", { class: "scroll" }, h("table", { class: "heat" }, h("thead", null, head), h("tbody", null, rows)));
}
function kindTable(one) {
  const kinds = [...new Set(one.cells.flatMap((cell) => (cell ? Object.keys(cell.kinds) : [])))];
  return table(["kind", ...NAMES], kinds.map((kind) => h("tr", null, h("th", { scope: "row" }, kind), one.cells.map((cell, index) => {
    if (!cell || !cell.kinds[kind]) return h("td", { class: "quiet" }, "—");
    const [ok, total] = cell.kinds[kind];
    const bad = cell.bad.filter(([variation]) => variation.split("=")[0] === kind);
    return h("td", null, ok + " of " + total + " pass", kind === "cuts" && bad.length > 6
      ? "" : bad.slice(0, 12).map(([variation, word]) => [" ", caseLink([symbol(word), " ", variation, " ", word], one.name, NAMES[index], variation)]), bad.length > 12 && kind !== "cuts" ? " …" : "");
  }))));
}
function variations(name) {
  const found = shownCases().filter((one) => (!name || one.name === name) && one.cells.some((cell) => cell && Object.keys(cell.kinds).length));
  const failing = (one) => one.cells.some((cell) => cell && cell.bad.length);
  const good = found.filter((one) => !failing(one));
  const head = [h("h2", null, "Variations: which cut of which byte"),
    h("p", { class: "quiet" }, "A column is a byte that the client or the inner program sends; the mark below it says what came of a packet edge behind that byte. · passed")];
  if (!found.length) return [head, nothing()];
  const rest = h("details", { open: Boolean(name) || good.length === found.length }, h("summary", null, h("h2", null, many(good.length, "case") + " of which all variations passed")));
  whenOpen(rest, () => good.map((one) => variationsOf(one, Boolean(name))));
  return [head, found.filter(failing).map((one) => variationsOf(one, true)), good.length > 0 && rest];
}
function variationsOf(one, open) {
  const lines = [...new Set(one.cells.flatMap((cell) => (cell ? Object.keys(cell.heat) : [])))].sort((a, b) => a - b);
  const box = h("details", { open, "data-row": true, "data-href": href("variations", one.name) },
    h("summary", null, h("b", null, one.name), " ", one.cells.map((cell, index) => cell && Object.keys(cell.kinds).length
      ? h("span", { class: "chip" }, NAMES[index] + " ", verdict(cell.v, cell.ok + "/" + cell.n)) : null)));
  whenOpen(box, () => [kindTable(one), ...lines.map((line) => heatMap(one, line))]);
  return box;
}
function whenOpen(box, body) {
  const show = () => { if (box.open && box.children.length === 1) box.append(...body()); };
  box.addEventListener("toggle", show);
  show();
}

function bugTable(bugs) {
  const rows = [...bugs].sort((a, b) => a.killers.length - b.killers.length).map((bug) => h("tr", { class: bug.killers.length ? null : "survivor" },
    h("td", null, bug.killers.length ? verdict("pass", "noticed") : verdict("FAIL", "SURVIVED")),
    h("th", { scope: "row" }, bug.id), h("td", null, ruleLink(bug.rule)),
    h("td", null, h("code", null, bug.file), h("br"), h("code", null, bug.change), bug.why && h("p", { class: "quiet" }, bug.why)),
    h("td", null, bug.killers.map(([name, line], index) => [index ? ", " : "", CASES.has(name) ? caseLink(name + ":" + line, name, NAMES[0]) : name + ":" + line])),
    h("td", { class: "number" }, bug.asked.length)));
  return table(["", "seeded bug", "rule", "change", "noticed by, on line", "scenarios run"], rows, { class: "bugs" });
}
function bugs() {
  if (!DATA.bugs.length) return [h("h2", null, "Seeded bugs"), h("p", null, "None were run. They prove that the scenarios notice: conform mutants")];
  const killers = [...new Set(DATA.bugs.flatMap((bug) => bug.asked.concat(bug.killers.map(([name]) => name))))];
  const sorted = [...DATA.bugs].sort((a, b) => a.killers.length - b.killers.length);
  const survivors = sorted.filter((bug) => !bug.killers.length).length;
  const rows = sorted.map((bug) => h("tr", null, h("th", { scope: "row" }, bug.id), killers.map((name) => {
    const killer = bug.killers.find(([one]) => one === name);
    if (killer) return h("td", { class: "good" }, "✔ line " + killer[1]);
    return h("td", { class: "quiet" }, bug.asked.includes(name) ? "○ no" : "");
  })));
  return [h("h2", null, survivors ? many(survivors, "survivor") + " of " + many(DATA.bugs.length, "seeded bug") : "All " + many(DATA.bugs.length, "seeded bug") + " noticed"),
    bugTable(DATA.bugs), h("h3", null, "Which scenario notices which bug"),
    table(["seeded bug", ...killers.map((name) => h("th", { scope: "col", class: "slanted" }, h("span", null, name)))], rows, { class: "kills" })];
}

function programName(index) {
  const [name, , uid] = DATA.programs[index];
  return name + (uid === null ? "" : "(" + (uid === 0 ? "root" : uid) + ")");
}
// The invariants of a run by their numbers, the kinds of finding that count as well, and what must be observed for them.
const INVARIANTS = [["passwords", [1], [], "env"], ["descriptors", [2], [], "fds"], ["none left", [3], ["leftovers"], "leftovers"],
  ["no spin, crash", [4, 5], ["spin", "crash"], "cpu"], ["protocol", [6, 7, 8, 9, 10, 11, 12], [], ""]];
function observed(run, need) {
  const observes = DATA.targets[NAMES.indexOf(run.target)].facts.observes;
  if (need === "fds" && run.procs.some(([, , programs]) => programs.some(([one]) => DATA.programs[one][4] === null))) return false;
  return !need || (!run.unobserved.includes(need) && (!observes || observes.includes(need)));
}
function invariant(run, numbers, kinds, need) {
  const found = run.findings.find((one) => kinds.includes(one.kind)
    || (one.kind === "invariant" && numbers.includes(Number((one.note.match(/^invariant (\d+)/) || [])[1]))));
  if (found) return ["broken", found.note || found.got];
  if (run.v === "harness-error" || run.v === "unusable") return ["not judged", ""];
  return [observed(run, need) ? "kept" : "not observed", ""];
}
// One cell for all of them: what is broken with its reason, then what could not be seen, then the rest.
function invariants(run) {
  const found = INVARIANTS.map(([words, numbers, kinds, need]) => [words, ...invariant(run, numbers, kinds, need)]);
  const those = (state) => found.filter(([, word]) => word === state);
  const named = (state, word) => those(state).length > 0 && h("div", null, verdict(word, state), " ", those(state).map(([words]) => words).join(", "));
  return h("td", { class: "invariants" },
    those("broken").map(([words, , note]) => h("div", null, verdict("FAIL", "broken"), " ", words, h("p", { class: "note" }, note))),
    named("not judged", "skip"), named("not observed", "skip"),
    those("kept").length === found.length ? verdict("pass", "all kept") : named("kept", "pass"));
}
function processes() {
  const runs = DATA.runs.filter((run) => run.procs.length && caseMatches(DATA.cases[CASES.get(run.case)])
    && cellMatches({ v: run.v }, run.case, run.target));
  const rows = runs.map((run) => h("tr", { "data-row": true, "data-href": href("case", run.case, run.target, run.var) },
    h("th", { scope: "row" }, caseLink(run.case, run.case, run.target, run.var), run.var === "base" ? "" : " " + run.var), h("td", null, run.target),
    h("td", { class: "code" }, run.procs.map(([pid, , programs, end]) => h("div", { class: "process" }, pid + " ", programs.map(([one]) => programName(one)).join(" = "), " ", h("span", { class: "quiet" }, end)))),
    invariants(run)));
  return [h("h2", null, "Processes"), h("p", { class: "quiet" }, "Base runs and failures: who ran, and what must hold in every run. “3 a(root) = b(1001)”: process 3 was a, as root, and became b, as user 1001. The invariants: " + INVARIANTS.map(([words]) => words).join(", ") + "."),
    rows.length ? table(["run", "target", "processes", "invariants"], rows, { class: "dense" }) : nothing()];
}

function factWords(value) {
  if (value === undefined || value === null) return "";
  return Array.isArray(value) ? value.join(" ") : typeof value === "object" ? JSON.stringify(value) : String(value);
}
function targetTable() {
  const names = [...new Set(DATA.targets.flatMap((target) => Object.keys(target.facts)))];
  const rows = names.map((name) => h("tr", null, h("th", { scope: "row" }, name), DATA.targets.map((target) => h("td", { class: "code" }, factWords(target.facts[name])))));
  const unobserved = h("tr", null, h("th", { scope: "row" }, "could not be observed"), DATA.targets.map((target) => h("td", null,
    Object.entries(target.unobserved).map(([what, count]) => what + " in " + many(count, "run")).join(", ") || "—")));
  return table(["what", ...NAMES], [...rows, unobserved], { class: "facts" });
}
function facts(found) {
  const rows = Object.entries(found).map(([name, value]) => h("tr", null, h("th", { scope: "row" }, name), h("td", { class: "code" }, factWords(value))));
  return table(["what", "value"], rows, { class: "facts" });
}
function shellWord(word) {
  return /^[A-Za-z0-9@:=+,.\/_~-][A-Za-z0-9@:=+,.\/_~#-]*$/.test(word) ? word : "'" + word.replaceAll("'", "'\\''") + "'";
}
function environment() {
  return [h("h2", null, "Environment"),
    DATA.sessions.map((session) => [
      h("h3", null, "Repeat this run"), h("pre", { class: "command" }, session.command.join(" ") || "(the command was not noted)"),
      facts({ when: session.when, seed: session.seed, "version of the suite": session.version, specification: session.spec, ...session.host })]),
    h("h3", null, "Targets"), targetTable()];
}
