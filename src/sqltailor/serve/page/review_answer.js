// One answer: the question, both statements with what differs, both results, and what its reader says.

const MARKS = { right: "Right", wrong: "Wrong", unclear: "Unclear" };

let item = null;

/** What the reader has said, or is about to say, of the answer that is shown. */
let said = { mark: null, comment: "", correction: null };

async function showAnswer(place) {
  makeCurrent(place);
  const found = await fetchJson(`/answers/${place}?by=${encodeURIComponent(reviewer())}`);
  if (place !== current) return;
  item = found;
  said = { mark: null, comment: "", correction: null, ...found.mine };
  const sides = make("div", { class: "sides" },
    side("Gold", found.gold, "gold-result"), side("Answer", [found.predicted], "answer-result"));
  const told = make("div", { id: "told" });
  find("answer").replaceChildren(...[
    make("h2", { class: "asked" }, found.question),
    found.about.length ? make("p", { class: "quiet" }, [found.id, ...found.about].join(" · ")) : make("p", { class: "quiet" }, found.id),
    found.evidence ? make("p", {}, make("strong", {}, "Known besides: "), found.evidence) : null,
    ...found.history.map((line) => make("p", { class: "quiet" }, line)),
    sides, told, commentBox(), correctionBox(), marksOf(),
  ].filter(Boolean));
  find("answer").hidden = false;
  find("answer").focus({ preventScroll: true });
  scrollTo(0, 0);
  showTold(found);
  showResults(place);
}

function side(title, statements, resultId) {
  return make("section", {}, make("h3", {}, title), ...statementsOf(statements),
    make("div", { id: resultId }, make("p", { class: "quiet" }, "…")));
}

async function showResults(place) {
  let found;
  try {
    found = await fetchJson(`/answers/${place}/results`);
  } catch (error) {
    found = { gold: null, predicted: null, reason: error.message };
  }
  if (place !== current) return;
  const none = found.gold || found.predicted || found.reason ? null : "No result: start with --database to run both.";
  find("gold-result").replaceChildren(rowsOf("Result of the gold", found.gold, none ?? found.reason));
  find("answer-result").replaceChildren(rowsOf("Result of the answer", found.predicted, none ?? found.reason));
}

/** Show what execution and others say, which stays unsaid until the reader has marked the answer. */
function showTold({ mine, execution, others }) {
  if (!mine) return find("told").replaceChildren();
  const reason = [execution.difference, execution.reason].filter(Boolean).join(": ");
  const lines = [make("li", {}, make("strong", {}, "Execution: "), `${execution.outcome.replace("_", " ")}${reason ? ` (${reason})` : ""}`)];
  for (const { by, mark, comment, correction } of others) {
    lines.push(make("li", {}, make("strong", {}, `${by}: `), `${mark}${comment ? `. ${comment}` : ""}`,
      correction ? make("pre", { class: "said" }, correction) : null));
  }
  find("told").replaceChildren(make("div", { class: "notice" }, make("ul", { class: "told" }, ...lines)));
}

function marksOf() {
  const buttons = Object.entries(MARKS).map(([mark, word], i) => make("button", {
    type: "button", class: "plain", "data-mark": mark, "aria-pressed": String(mark === said.mark),
    on: { click: () => keep({ mark }) },
  }, make("kbd", { "aria-hidden": "true" }, String(i + 1)), word));
  const next = make("button", { type: "button", on: { click: goOn } }, "Next open");
  return make("div", { class: "marks", role: "group", "aria-label": "Your mark" }, ...buttons, next);
}

function showMark() {
  for (const one of find("answer").querySelectorAll("[data-mark]")) {
    one.setAttribute("aria-pressed", String(one.dataset.mark === said.mark));
  }
}

function commentBox() {
  const text = make("input", { id: "comment", maxlength: 10000, autocomplete: "off", placeholder: "Comment" });
  text.value = said.comment;
  text.addEventListener("change", () => {
    said.comment = text.value;
    if (said.mark) keep({});
  });
  return make("div", {}, make("label", { for: "comment", class: "hidden" }, "Comment"), text);
}

function correctionBox() {
  const text = make("textarea", { class: "sql", id: "correction", spellcheck: "false" });
  text.value = said.correction ?? item.start;
  const outcome = make("div", { id: "tried", role: "status" });
  const tools = make("div", { class: "tools" },
    button("Run", () => tryOut(text.value)),
    button(said.correction ? "Keep the change" : "Keep as the right SQL", () => keep({ mark: said.mark ?? "wrong", correction: text.value }), { class: "small" }),
    said.correction ? button("Take back", () => keep({ correction: null })) : null);
  return make("details", { class: "stack", id: "correct", open: Boolean(said.correction) },
    make("summary", {}, "The SQL that answers it"), make("label", { for: "correction", class: "hidden" }, "The SQL that answers it"),
    text, tools, outcome);
}

async function tryOut(sql) {
  const tried = find("tried");
  tried.replaceChildren(make("p", { class: "quiet" }, "Running it…"));
  try {
    const ran = await fetchJson("/run", { place: current, sql });
    tried.replaceChildren(...[
      ran.reason ? notice(refusal(ran)) : null,
      ran.rows ? rowsOf("Result of your SQL", { columns: ran.columns, rows: ran.rows.slice(0, 100), count: ran.rows.length, is_cut: ran.truncated }) : null,
      ran.allowed && !ran.rows && !ran.reason ? make("p", { class: "quiet" }, "It may run; there is no database to run it on.") : null,
    ].filter(Boolean));
  } catch (error) {
    tried.replaceChildren(notice(error.message));
  }
}

function notice(text) {
  return make("div", { class: "notice bad", role: "alert" }, make("p", {}, text));
}

function refusal({ layer, reason, allowed }) {
  return layer ? `${allowed ? "Stopped" : "Refused"} by the layer “${layer}”: ${reason}` : reason;
}

/** Keep what the reader says now; of SQL that does not run, why. */
async function keep(change) {
  const place = current;
  const wanted = { mark: said.mark, comment: find("comment").value, correction: said.correction, ...change };
  if (!wanted.mark) return;
  try {
    const { mark, comment, correction } = wanted;
    const kept = await fetchJson("/review", { place, by: reviewer(), mark, comment, correction });
    if (place !== current) return;
    if (!kept.kept) {
      find("tried").replaceChildren(notice(`Not kept. ${refusal(kept)}`));
      return;
    }
    said = wanted;
    relist(place, kept.listed);
    showTold(kept);
    showMark();
    if (change.correction !== undefined) {
      find("correct").replaceWith(correctionBox());
      find("correct").open = true;
      find("tried").replaceChildren(make("p", { class: "quiet" }, correction ? "Kept." : "Taken back."));
    }
    say("");
    if (find("agreement-box").open) showAgreement();
  } catch (error) {
    say(`Not kept. ${error.message}`);
  }
}

function goOn() {
  const place = nextOpen();
  if (place === null) say("No open answer is left in this list.");
  else goTo(place);
}
