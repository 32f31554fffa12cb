// One evaluation, or two side by side: rates, what changed, and the questions that are answered wrong.

const CHANGES = { fixed: "Fixed", broken: "Broken", other: "Both wrong" };

function comparedView(found) {
  const [b, a] = found.sides.map(({ ref }) => ref).reverse();
  return [
    choices({ a, b }),
    found.sentence ? make("p", { class: "sentence" }, found.sentence) : null,
    ...found.notes.map((note) => make("p", { class: "notice" }, note)),
    ratesOf(found),
    filtersOf(found),
    questionsOf(found),
    pagesOf(found),
  ];
}

function ratesOf({ sides, metric, common }) {
  const names = sides.length === 2 ? ["a", "b"] : ["b"];
  const metrics = [...new Set([metric, ...sides.flatMap((side) => Object.keys(side.rates))])].filter(Boolean);
  const cell = (name, place, one) => {
    const rate = (one === metric && common?.[name]) || sides[place].rates[one];
    return make("td", {}, ...(rate ? rateParts(rate, name) : ["—"]));
  };
  const head = make("tr", {}, make("td", {}), ...names.map((name, place) => make("th", { scope: "col" },
    sides.length === 2 ? make("span", { class: `letter ${name}` }, name.toUpperCase()) : null, sides[place].model)));
  const lines = metrics.map((one) => make("tr", {}, make("th", { scope: "row" }, one.replaceAll("_", " ")),
    ...names.map((name, place) => cell(name, place, one))));
  return make("div", { class: "scroll wide", tabindex: 0, role: "region", "aria-label": "Rates with their 95 % intervals" },
    make("table", { class: "rates" }, make("thead", {}, head), make("tbody", {}, ...lines)));
}

function filtersOf({ sides, changes, outcomes, parts }) {
  const now = here();
  const all = Object.values(changes).reduce((sum, count) => sum + count, 0);
  const chip = (show, name, count) => make("a", {
    class: "chip", href: addressOf({ show, page: null }), "aria-current": (now.get("show") ?? null) === show ? "true" : null,
  }, `${name} ${count.toLocaleString("en")}`);
  const chips = sides.length < 2 ? [] : [chip(null, "All", all),
    ...Object.entries(CHANGES).map(([show, name]) => chip(show, name, changes[show] ?? 0))];
  const outcome = select("outcome", "Outcome", "any outcome", outcomes.map(({ name, count, means }) =>
    option(name, `${said(name)} (${count}): ${means}`, now.get("outcome"))));
  const part = select("part", "Part", "all questions", parts.filter(({ names }) => names.length).map(({ kind, label, names }) =>
    make("optgroup", { label }, ...names.map(({ name, count }) => option(`${kind}:${name}`, `${name} (${count})`, now.get("part"))))));
  return make("div", { class: "filters" },
    chips.length ? make("nav", { class: "chips", "aria-label": "What changed" }, ...chips) : null,
    outcome, part, searchBox(now.get("find") ?? ""));
}

function option(value, text, chosen) {
  return make("option", { value, selected: value === chosen }, text);
}

function select(name, label, any, options) {
  return make("div", {}, make("label", { for: `filter-${name}`, class: "hidden" }, label),
    make("select", { id: `filter-${name}`, on: { change: (event) => goTo({ [name]: event.target.value, page: null }) } },
      make("option", { value: "" }, `${label}: ${any}`), ...options));
}

/** Typing changes the address in its place, once it pauses: Back leaves the search and not its last letter. */
function searchBox(text) {
  let pause = 0;
  const search = () => {
    history.replaceState(null, "", addressOf({ find: box.value.trim(), page: null }));
    show();
  };
  const box = make("input", {
    id: "filter-find", type: "search", placeholder: "Search questions and SQL", autocomplete: "off",
    on: { input: () => { clearTimeout(pause); pause = setTimeout(search, 300); } },
  });
  box.value = text;
  return make("div", {}, make("label", { for: "filter-find", class: "hidden" }, "Search questions and SQL"), box);
}

function questionsOf({ questions, total, sides }) {
  if (!total) return make("p", { class: "quiet" }, "No question answered wrong fits.");
  return make("div", { class: "stack" }, make("p", { class: "quiet" }, `${counted(total, "question")} answered wrong${sides.length > 1 ? " by one of them, or both" : ""}`),
    make("ol", { class: "plain-list card questions" }, ...questions.map(({ id, question, change, answers }) => make("li", {},
      make("a", { href: addressOf({ id }) }, question),
      make("p", { class: "quiet" }, change ? make("span", { class: `badge ${change}` }, CHANGES[change]) : null,
        changeSaid(answers.map(outcomeSaid)))))));
}

/** Return what an answer is and, where it is wrong, how its result differs. */
function outcomeSaid({ outcome, difference }) {
  return said(outcome) + (difference ? ` (${said(difference)})` : "");
}

function changeSaid([before, after = null]) {
  if (after === null) return before;
  return before === after ? `${after}, as before` : `${before} → ${after}`;
}

function said(outcome) {
  return outcome.replaceAll("_", " ");
}

function pagesOf({ page, pages }) {
  if (pages === 1) return null;
  const to = (other, text) => (other < 1 || other > pages ? null : make("a", { href: addressOf({ page: other }) }, text));
  return make("nav", { class: "facts", "aria-label": "Pages" }, to(page - 1, "Previous"),
    make("span", { class: "quiet" }, `Page ${page} of ${pages}`), to(page + 1, "Next"));
}
