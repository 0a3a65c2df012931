// The page of one run: what was wrong, the lanes on a time axis, the talk, the processes, the files.

const LANES = [
  ["client", ["C", "S"]], ["TLS", ["CT", "ST", "T"]], ["log", ["E"]],
  ["checkpassword", ["fd3", "K"]], ["inner program", ["c", "s"]], ["others", ["A"]],
];
const MOST_EXTRA = 12;
const OURS = new Set(["C", "CT", "s"]);
const LANE_OF = new Map(LANES.flatMap(([name, lanes]) => lanes.map((lane) => [lane, name])));

function momentsOf(run) {
  return run.record.map(([time, index]) => {
    const [lane, line, data, what, inside] = DATA.moments[index];
    return { time, lane, line, data, what, inside };
  });
}
// One row for each line of bytes: how packets were cut does not hide that two targets said the same.
function rowsOf(run) {
  const rows = [];
  for (const moment of momentsOf(run)) {
    if (moment.lane === "proc") continue; // the processes have a table of their own
    if (!moment.data) {
      rows.push({ ...moment, first: true });
      continue;
    }
    let piece = "";
    let first = true;
    const put = () => { rows.push({ ...moment, data: piece, first, inside: first ? moment.inside : "", what: "" }); piece = ""; first = false; };
    for (const unit of units(moment.data)) {
      piece += unit;
      if (unit === "\\n") put();
    }
    if (piece) put();
    rows[rows.length - 1].what = moment.what;
  }
  return rows;
}
function ticks(total) {
  if (total <= 0) return [0];
  const rough = total / 6;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((one) => one >= rough);
  return Array.from({ length: Math.floor(total / step) + 1 }, (_, index) => index * step);
}
function timeAxis(run) {
  const moments = momentsOf(run);
  if (!moments.length) return null;
  const times = run.procs.flatMap(([, , programs, , ended]) => [ended, ...programs.map(([, started]) => started)]);
  const total = Math.max(...moments.map((moment) => moment.time), ...times.filter((time) => time !== null && time < 1e6), 1e-6);
  const lanes = LANES.filter(([name]) => moments.some((moment) => LANE_OF.get(moment.lane) === name));
  const left = 120, width = 860, step = 22;
  const x = (time) => left + (Math.min(Math.max(time, 0), total) / total) * width;
  const height = (lanes.length + run.procs.length) * step + 30;
  const parts = ticks(total).map((time) => [
    svg("line", { x1: x(time), x2: x(time), y1: 4, y2: height - 20, class: "grid" }),
    svg("text", { x: x(time), y: height - 6, class: "label", "text-anchor": "middle" }, total < 1 ? +(time * 1000).toFixed(3) + " ms" : +time.toFixed(3) + " s")]);
  lanes.forEach(([name], row) => {
    const y = row * step + 16;
    parts.push(svg("text", { x: left - 8, y: y + 4, class: "label", "text-anchor": "end" }, name), svg("line", { x1: left, x2: left + width, y1: y, y2: y, class: "grid" }));
    for (const moment of moments.filter((one) => LANE_OF.get(one.lane) === name)) {
      const kind = moment.data ? (OURS.has(moment.lane) ? "ours" : "theirs") : "event";
      parts.push(svg("rect", { x: x(moment.time) - 1, y: OURS.has(moment.lane) ? y - 8 : y, width: 2.5, height: moment.data ? 8 : 4, class: "mark " + kind },
        svg("title", null, seconds(moment.time) + "  " + moment.lane + ": " + (moment.data || moment.what))));
    }
  });
  run.procs.forEach(([pid, , programs, end, ended], row) => {
    const y = (lanes.length + row) * step + 16;
    const started = programs.length && programs[0][1] !== null ? programs[0][1] : 0;
    const names = programs.map(([one]) => programName(one)).join(" = ");
    const from = x(started), to = ended === null ? left + width : x(ended);
    parts.push(svg("text", { x: left - 8, y: y + 4, class: "label", "text-anchor": "end" }, "process " + pid),
      svg("rect", { x: from, y: y - 7, width: Math.max(to - from, 2), height: 14, class: "life" }, svg("title", null, names + ", " + end)),
      svg("text", { x: Math.min(from + 6, left + width - 200), y: y + 4, class: "label name" }, names + " — " + end));
  });
  return h("figure", null, h("div", { class: "scroll" }, svg("svg", { viewBox: "0 0 1000 " + height, class: "axis", role: "img", "aria-label": "lanes on a time axis" }, parts.flat())),
    h("figcaption", { class: "quiet" }, "above a line: what we sent; below it: what arrived. The axis is linear."));
}
function waitBar(wait, total) {
  if (total <= 0 || wait / total < 0.02) return null;
  const width = Math.max(2, (wait / total) * 80);
  return svg("svg", { viewBox: "0 0 80 8", class: "wait", role: "img", "aria-label": "a wait of " + seconds(wait) },
    svg("rect", { x: 0, y: 1, width, height: 6 }), svg("title", null, "a wait of " + seconds(wait)));
}
// For each row of a run what the other run has in its place: the same, something else, or nothing.
function compared(rows, other) {
  const theirs = new Map();
  for (const row of other) theirs.set(row.lane, [...(theirs.get(row.lane) || []), row]);
  const told = new Map();
  for (const [lane, found] of theirs) {
    const ours = rows.filter((row) => row.lane === lane);
    for (const [a, b] of aligned(ours, found)) if (a) told.set(a, b);
    theirs.set(lane, aligned(ours, found).filter(([a]) => !a).map(([, b]) => b));
  }
  return { told, extra: [...theirs.values()].flat() };
}
// Pids, ports and times differ from target to target; reply codes must not.
const alike = (row) => (row.data || row.what).replace(/<\d+\.\d+@/g, "<#@").replace(/\d{4,}/g, "#");
function aligned(ours, theirs) {
  if (ours.length * theirs.length > 250000) return ours.map((row, index) => [row, theirs[index] || null]);
  const best = Array.from({ length: ours.length + 1 }, () => new Array(theirs.length + 1).fill(0));
  for (let a = ours.length - 1; a >= 0; a -= 1) {
    for (let b = theirs.length - 1; b >= 0; b -= 1) {
      best[a][b] = alike(ours[a]) === alike(theirs[b]) ? best[a + 1][b + 1] + 1 : Math.max(best[a + 1][b], best[a][b + 1]);
    }
  }
  const found = [];
  let a = 0, b = 0;
  while (a < ours.length || b < theirs.length) {
    if (a < ours.length && b < theirs.length && alike(ours[a]) === alike(theirs[b])) found.push([ours[a++], theirs[b++]]);
    else if (b >= theirs.length || (a < ours.length && best[a + 1][b] >= best[a][b + 1])) found.push([ours[a++], null]);
    else found.push([null, theirs[b++]]);
  }
  return pairedUp(found);
}
// A line that only one has beside a line that only the other has: they stand in each other's place.
function pairedUp(found) {
  const pairs = [];
  for (const [a, b] of found) {
    const last = pairs[pairs.length - 1];
    if (!a && last && last[0] && !last[1]) last[1] = b;
    else if (!b && last && !last[0] && last[1]) last[0] = a;
    else pairs.push([a, b]);
  }
  return pairs;
}
function said(row) {
  const arrow = row.data ? (OURS.has(row.lane) ? "→\u00a0" : "←\u00a0") : "";
  return h("div", null, h("span", { class: "arrow", title: row.lane }, arrow), row.data ? octets(row.data) : h("i", null, row.lane + "! " + row.what),
    row.data && row.what && h("i", { class: "quiet" }, " … " + row.what),
    row.inside && h("span", { class: "inside", title: "base64, decoded" }, octets(row.inside)));
}
// The rows that findings are about: what arrived in the place of a line of the talk.
function wrongRows(run, rows) {
  const lines = DATA.cases[CASES.get(run.case)].text;
  return new Set(run.findings.filter((one) => one.kind !== "alternative").flatMap((finding) => {
    const lane = ((lines[finding.line - 1] || "").match(/^\s*(S|ST|c|fd3|E)[:!]/) || [])[1];
    const found = rows.filter((row) => (row.lane === lane && row.data && finding.got === row.data)
      || (!row.data && row.what && row.line === finding.line && finding.expected === row.lane + "! " + row.what));
    return found.slice(-1);
  }));
}
function transcript(run, other) {
  const rows = rowsOf(run);
  const lanes = LANES.filter(([name]) => rows.some((row) => LANE_OF.get(row.lane) === name));
  const total = rows.length ? rows[rows.length - 1].time : 0;
  const { told, extra } = other ? compared(rows, rowsOf(other)) : { told: new Map(), extra: [] };
  const wrong = wrongRows(run, rows);
  let before = 0, tls = false;
  const body = rows.flatMap((row) => {
    const wait = row.time - before;
    before = row.time;
    const separator = !tls && (row.lane === "CT" || row.lane === "ST") ? [h("tr", { class: "tls" }, h("td", { colspan: lanes.length + 4 }, "TLS"))] : [];
    tls = tls || separator.length > 0;
    const bad = wrong.has(row);
    return [...separator, h("tr", { class: bad ? "wrong" : null },
      h("td", { class: "time" }, row.first ? row.time.toFixed(4) : ""), h("td", { class: "waits" }, row.first ? waitBar(wait, total) : null, row.first && wait >= 0.1 ? h("span", { class: "quiet" }, seconds(wait)) : null),
      lanes.map(([name]) => h("td", { class: "said" }, LANE_OF.get(row.lane) === name ? said(row) : "")),
      h("td", { class: "number" }, row.line || "", bad ? h("span", { class: "verdict bad" }, " ✖ wrong") : ""),
      other && h("td", { class: "said other" }, theSame(row, told.get(row))))];
  });
  const only = extra.sort((a, b) => a.time - b.time);
  const rest = only.slice(0, MOST_EXTRA).map((row) => h("tr", null, h("td"), h("td"), h("td", { colspan: lanes.length + 1, class: "quiet" }, "only on " + other.target + ": " + (LANE_OF.get(row.lane) || row.lane)), h("td", { class: "said other" }, said(row))));
  if (only.length > MOST_EXTRA) rest.push(h("tr", null, h("td", { colspan: lanes.length + 4, class: "quiet" }, "and " + many(only.length - MOST_EXTRA, "line") + " more ", caseLink("only on " + other.target, run.case, other.target, "base"))));
  const found = table(["t (s)", "wait", ...lanes.map(([name]) => name), "line", ...(other ? [h("th", { scope: "col", class: "other" }, "on " + other.target)] : [])], [...body, ...rest], { class: "lanes" });
  found.firstChild.style.setProperty("--least", 12 + (lanes.length + (other ? 1 : 0)) * 8 + "rem"); // below that it scrolls
  return found;
}
function theSame(row, found) {
  if (!found) return h("span", { class: "quiet" }, "(nothing)");
  if ((found.data || found.what) === (row.data || row.what)) return h("span", { class: "quiet" }, "=");
  return alike(found) === alike(row) ? h("span", { class: "quiet", title: picture(found.data) }, "= but for digits") : said(found);
}
// The record as a talk section, to be copied out.
function asTalk(run) {
  const lines = [];
  let before = 0;
  for (const row of rowsOf(run)) {
    if (row.lane === "A") continue;
    const wait = row.time - before;
    before = row.time;
    if (wait >= 0.5 && !OURS.has(row.lane)) lines.push("+" + Math.round(wait * 1000) / 1000 + "s");
    const indent = ["c", "s", "fd3", "K"].includes(row.lane) ? "    " : "";
    if (!row.data) {
      lines.push(indent + row.lane + "! " + row.what);
      continue;
    }
    const ending = row.lane === "E" ? "\\n" : row.lane === "fd3" ? "" : "\\r\\n";
    const ended = row.data.endsWith(ending);
    const text = (ended ? row.data.slice(0, row.data.length - ending.length) : row.data).replace(/ $/, "\\s");
    lines.push(indent + row.lane + ":" + (text ? " " + text : "") + (ended ? "" : "\\"));
  }
  return "-- talk --\n" + lines.join("\n") + "\n";
}

// A hang, spin or crash stands before the line that it explains.
function explained(finding, before) {
  return before.some((one) => one.line === finding.line && one.expected === finding.expected && one.got === finding.got && !finding.note);
}
function findingPanel(finding, one) {
  const alternative = finding.kind === "alternative";
  const side = (words, name, which) => h("div", { class: "side" }, h("h4", null, words),
    h("pre", { class: name }, finding[name] ? finding.diff.filter((piece) => piece[which]).map((piece) => h(piece[0] ? "span" : which === 1 ? "del" : "ins", null, octets(piece[which]))) : h("i", null, "nothing")));
  return h("section", { class: "finding " + (alternative ? "mild" : tone(finding.kind.toUpperCase())) },
    h("h3", null, alternative ? verdict("non-strict", "alternative") : DATA.verdicts[finding.kind.toUpperCase()] ? verdict(finding.kind.toUpperCase()) : verdict("FAIL", finding.kind), finding.line ? " on line " + finding.line : "", finding.rules.map((id) => [" ", ruleLink(id)])),
    finding.rules.map((id) => RULES.has(id) && h("p", { class: "text" }, h("b", null, RULES.get(id).level.toUpperCase() + " "), prose(RULES.get(id).text || RULES.get(id).title))),
    !finding.got && ["early", "late"].includes(finding.kind) ? h("p", null, "expected ", h("code", null, octets(finding.expected)))
      : (finding.expected || finding.got) && h("div", { class: "sides" }, side("expected", "expected", 1), side("got", "got", 2)),
    finding.note && h("p", null, finding.note));
}
function source(one, run) {
  const wrong = new Set(run ? run.findings.map((finding) => finding.line) : []);
  return h("pre", { class: "source" }, one.text.map((line, index) => h("span", {
    class: "line" + (wrong.has(index + 1) ? " wrong" : ""), "data-number": index + 1,
  }, line + "\n")));
}
function processTree(run) {
  const parents = new Map(run.procs.map((process) => [process[0], process]));
  const depth = ([pid, parent], seen = 0) => (parents.has(parent) && parent !== pid && seen < 50 ? 1 + depth(parents.get(parent), seen + 1) : 0);
  const rows = run.procs.flatMap((process) => process[2].map(([index, started], place) => {
    const [name, argv, uid, env, fds] = DATA.programs[index];
    const last = place === process[2].length - 1;
    const cell = h("th", { scope: "row" }, (place ? "= " : "") + name);
    cell.style.paddingLeft = 0.6 + depth(process) * 1.4 + (place ? 0.7 : 0) + "em";
    return h("tr", null, cell, h("td", null, process[0]), h("td", null, uid === null ? "not observed" : uid === 0 ? "0 (root)" : uid),
      h("td", { class: "code" }, argv.join(" ")), h("td", null, fds === null ? "not observed" : (fds || []).join(",")), h("td", null, started === null ? "" : started.toFixed(4)), h("td", null, last ? process[3] : ""),
      h("td", { class: "code env" }, env.length ? h("details", null, h("summary", null, many(env.length, "variable")), env.join("\n")) : ""));
  }));
  return rows.length ? table(["program", "pid", "uid", "argv", "descriptors", "started (s)", "end", "environment"], rows) : h("p", null, "None were recorded.");
}
function logOf(run) {
  const found = momentsOf(run).filter((moment) => moment.lane === "E");
  return found.length ? h("pre", { class: "log" }, found.map((moment) => units(moment.data).map((unit) => (unit === "\\n" ? "\n" : picture(unit))).join(""))) : h("p", null, "Nothing.");
}
function filesOf(run) {
  return run.files.map((index) => {
    const [name, text] = DATA.files[index];
    return h("details", { open: run.files.length < 5 }, h("summary", null, h("code", null, name)), h("pre", null, units(text).map((unit) => (unit === "\\n" ? "\n" : picture(unit))).join("")));
  });
}
function command(words) {
  const button = h("button", { onclick: () => navigator.clipboard && navigator.clipboard.writeText(words).then(() => { button.textContent = "copied"; }) }, "copy");
  return h("p", { class: "again" }, h("code", null, words), " ", button);
}
function casePage(name, target, variation, other) {
  const one = DATA.cases[CASES.get(name)];
  const column = NAMES.indexOf(target);
  if (!one || column < 0) return h("p", null, "There is no case " + name + " on " + target + ".");
  const cell = one.cells[column];
  const token = name + "@" + target + ":" + variation;
  const again = shellWord(token) + DATA.targets[column].again;
  const run = RUNS.get(token);
  const others = one.cells.map((found, index) => found && h("a", { class: "chip", href: href("case", name, NAMES[index], found.show), "aria-current": index === column ? "true" : null }, NAMES[index] + " ", verdict(found.v)));
  const shown = cell ? cell.bad.find(([text]) => text === variation) : null;
  const word = run ? run.v : shown ? shown[1] : cell ? "pass" : "skip";
  return [
    h("p", null, link("← matrix", "matrix")),
    h("h2", null, verdict(word), " ", name, variation === "base" ? "" : " ~ " + variation, " on ", target),
    h("p", { class: "text" }, one.title),
    h("p", null, h("b", null, one.level.toUpperCase()), one.rules.map((id) => [" ", ruleLink(id)]), one.why.map((why) => h("span", { class: "quiet" }, " · why: " + why)), h("span", { class: "quiet" }, " · " + one.file)),
    h("p", { class: "chips" }, others),
    cell && variationPicker(one, cell, target, variation),
    command("conform replay " + again), isBad(word) && command("conform shrink " + again),
    run ? runPage(one, run, other) : noRecord(one, cell, shown, variation),
    h("h3", null, "Scenario"), source(one, run),
  ];
}
function variationPicker(one, cell, target, variation) {
  const found = [["base", cell.base || "not run", 0], ...cell.bad];
  if (found.length === 1) return null;
  const list = found.some(([text]) => text === variation) ? found : [...found, [variation, "pass", -1]];
  const select = h("select", { onchange: () => { location.hash = href("case", one.name, target, select.value).slice(1); } },
    list.map(([text, word]) => h("option", { value: text, selected: text === variation }, symbol(word) + " " + text + " " + word)));
  return h("p", null, h("label", null, "Run: ", select), " ", many(cell.ok, "run") + " of " + cell.n + " pass", " ", link("heat map", "variations", one.name));
}
function noRecord(one, cell, shown, variation) {
  const cause = shown && DATA.causes[shown[2]];
  if (!cell) return h("p", null, "It was not run on this target.");
  if (!cause) return h("p", { class: "nothing" }, variation + " passed, so nothing of it was recorded; the command below runs it again.");
  return [h("p", null, "Of runs with one cause only some are recorded. This one has the cause of ", caseLink(cause.case + " " + cause.var, cause.case, cause.target, cause.var), ":"), blockOf(cause)];
}
function runPage(one, run, other) {
  const candidates = NAMES.filter((name) => name !== run.target && RUNS.get(one.name + "@" + name + ":base")?.record.length);
  const chosen = candidates.includes(other) ? other : "";
  const select = h("select", { onchange: () => { location.hash = href("case", run.case, run.target, run.var, select.value).slice(1); } }, h("option", { value: "" }, "nothing"), candidates.map((name) => h("option", { value: name, selected: name === chosen }, name)));
  return [
    run.reason && h("p", { class: "reason" }, run.v === "skip" ? "Skipped: " : "", run.v === "harness-error" ? h("pre", null, run.reason) : run.reason),
    run.known && knownWords(run),
    run.findings.filter((finding, index) => !explained(finding, run.findings.slice(0, index))).map((finding) => findingPanel(finding, one)),
    run.record.length > 0 && [
      h("h3", null, "On the time axis"), timeAxis(run),
      h("h3", null, "What was sent and heard"), candidates.length > 0 && h("p", null, h("label", null, "Compare with: ", select)),
      transcript(run, chosen ? RUNS.get(one.name + "@" + chosen + ":base") : null),
      h("details", null, h("summary", null, "The same as a talk section, to be copied"), h("pre", { class: "source" }, asTalk(run)))],
    h("p", { class: "quiet" }, [seconds(run.s) + " by the target's clock", seconds(run.wall) + " in all", run.cpu ? seconds(run.cpu) + " of CPU in the suite" : "", run.unobserved.length ? "not observed: " + run.unobserved.join(" ") : ""].filter(Boolean).join(" · ")),
    run.procs.length > 0 && [h("h3", null, "Processes"), processTree(run)],
    run.record.length > 0 && [h("h3", null, "Standard error"), logOf(run)],
    run.files.length > 0 && [h("h3", null, "Control files"), filesOf(run)],
  ];
}
