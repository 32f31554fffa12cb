// All answers in a list: which are open, which are marked how, and which to look at.

const FILTERS = {
  all: ["All answers", () => true],
  open: ["Open: you have not marked them", (row) => !row.mark],
  wrong: ["Wrong by execution", (row) => !RIGHT.has(row.outcome)],
  differs: ["You and execution differ", (row) => (row.mark === "right" && !RIGHT.has(row.outcome)) || (row.mark === "wrong" && RIGHT.has(row.outcome))],
  disputed: ["Reviewers differ", (row) => row.disputed],
  marked: ["Marked by you", (row) => row.mark],
};
const RIGHT = new Set(["correct", "empty_match"]);

let rows = [];
let shownPlaces = [];
let current = -1;

function showList() {
  const wanted = FILTERS[find("filter").value][1];
  const words = find("search").value.toLowerCase().split(/\s+/).filter(Boolean);
  const fits = (row) => words.every((word) => `${row.id} ${row.question}`.toLowerCase().includes(word));
  shownPlaces = rows.map((_, place) => place).filter((place) => wanted(rows[place]) && fits(rows[place]));
  const none = make("li", {}, make("p", { class: "quiet empty" }, "None."));
  find("list").replaceChildren(...(shownPlaces.length ? shownPlaces.map(lineOf) : [none]));
}

function lineOf(place) {
  const row = rows[place];
  return make("li", {}, make("button", {
    type: "button", "data-place": place, "data-mark": row.mark, "aria-current": String(place === current),
    on: { click: () => goTo(place) },
  }, row.question));
}

function lineAt(place) {
  return find("list").querySelector(`[data-place="${place}"]`);
}

/** Show in the list what is said now of one answer; it stays where it is, though the filter may no longer fit. */
function relist(place, row) {
  rows[place] = row;
  const line = lineAt(place);
  if (line) line.parentElement.replaceWith(lineOf(place));
  showCounts();
}

function showCounts() {
  const marked = rows.filter((row) => row.mark).length;
  find("progress").max = rows.length;
  find("progress").value = marked;
  find("counts").textContent = `${marked.toLocaleString("en")} of ${counted(rows.length, "answer")} marked`;
}

function makeCurrent(place) {
  lineAt(current)?.setAttribute("aria-current", "false");
  current = place;
  const line = lineAt(place);
  line?.setAttribute("aria-current", "true");
  line?.scrollIntoView({ block: "nearest" });
}

/** Return the place `step` lines on in the list, or null at its end. */
function neighbour(step) {
  const at = shownPlaces.indexOf(current);
  return shownPlaces[at + step] ?? null;
}

/** Return the next place of the list that is not marked, from its begin again after the end; null where there is none. */
function nextOpen() {
  const at = shownPlaces.indexOf(current);
  const order = [...shownPlaces.slice(at + 1), ...shownPlaces.slice(0, at + 1)];
  return order.find((place) => !rows[place].mark && place !== current) ?? null;
}

async function showAgreement() {
  const found = await fetchJson("/summary");
  const kappa = (value) => (value === null ? "—" : value.toFixed(2));
  const names = Object.keys(found.reviewers);
  const lines = names.map((name) => {
    const { right, with_execution: beside } = found.reviewers[name];
    const share = right ? `${(100 * right.value).toFixed(0)} % of ${right.n}` : "—";
    return [name, share, kappa(beside.kappa)];
  });
  const pairs = found.pairs.map(({ a, b, n, kappa: value }) => [`${a} and ${b}`, `${n} both`, kappa(value)]);
  const all = found.fleiss ? [["all together", `${found.fleiss.n} all`, kappa(found.fleiss.kappa)]] : [];
  const notes = [
    found.disputed.length ? `${counted(found.disputed.length, "answer")} marked differently.` : null,
    found.stale ? `${counted(found.stale, "older word")} about other answers left out.` : null,
  ].filter(Boolean);
  find("agreement").replaceChildren(
    names.length ? small(["reviewer", "right", "κ with execution"], lines) : make("p", { class: "quiet" }, "Nothing is marked yet."),
    ...(pairs.length ? [small(["reviewers", "marked", "κ"], [...pairs, ...all])] : []),
    ...notes.map((note) => make("p", { class: "quiet" }, note)),
    make("p", {}, make("a", { href: "/corrections", download: "corrections.jsonl" }, "Download corrections")));
}

function small(head, lines) {
  const cells = (tag, texts) => texts.map((text, i) => make(tag, { class: i ? "number" : null, ...(tag === "th" && { scope: "col" }) }, text));
  return make("div", { class: "scroll" }, make("table", {}, make("thead", {}, make("tr", {}, ...cells("th", head))),
    make("tbody", {}, ...lines.map((line) => make("tr", {}, ...cells("td", line))))));
}
