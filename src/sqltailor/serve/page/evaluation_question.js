// One question: gold and answers with what differs marked, and the first rows of their results.

function questionView(found) {
  const two = found.answers.length === 2;
  const names = two ? ["a", "b"] : ["b"];
  const about = [found.id, ...found.about].join(" · ");
  return [make("article", { id: "answer", class: "card" },
    neighbours(found),
    make("h2", { class: "asked" }, found.question),
    make("p", { class: "quiet" }, found.change ? make("span", { class: `badge ${found.change}` }, CHANGES[found.change]) : null, about),
    found.evidence ? make("p", {}, make("strong", {}, "Known besides: "), found.evidence) : null,
    ...found.history.map((line) => make("p", { class: "quiet" }, line)),
    found.against ? markChoice(found.against) : null,
    make("div", { class: "sides" }, goldSide(found),
      ...found.answers.map((answer, place) => answerSide(answer, names[place], two))))];
}

function neighbours({ before, after, place, total }) {
  const to = (id, text) => (id ? make("a", { href: addressOf({ id }) }, text) : null);
  return make("nav", { class: "facts", "aria-label": "Questions of the list" },
    place ? make("span", { class: "quiet" }, `${place.toLocaleString("en")} of ${total.toLocaleString("en")}`) : null,
    to(before, "← Previous"), to(after, "Next →"));
}

/** What the colours show: what the two answers say differently, or what differs from the gold. */
function markChoice(now) {
  const choice = (against, text) => make("a", {
    class: "chip", href: addressOf({ against: against === "other" ? null : against }), "aria-current": now === against ? "true" : null,
  }, text);
  return make("nav", { class: "chips", "aria-label": "What is marked" }, choice("other", "A beside B"), choice("gold", "Each beside the gold"));
}

function goldSide({ gold, gold_result: result }) {
  return make("section", {}, make("h3", {}, "Gold"), ...statementsOf(gold),
    rowsOf("Result of the gold", result, "Its result was not kept."));
}

function answerSide(answer, name, two) {
  const { is_right: isRight, means, predicted, reasons, result } = answer;
  const title = make("h3", {}, two ? make("span", { class: `letter ${name}` }, name.toUpperCase()) : "Answer ",
    make("span", { class: `badge ${isRight ? "fixed" : "broken"}`, title: means }, outcomeSaid(answer)));
  const instead = isRight ? "It returns what the gold does." : "It has no result.";
  return make("section", { class: two ? `answer-${name}` : null }, title, ...statementsOf([predicted]),
    ...reasons.map((reason) => make("p", { class: "reason" }, reason)), rowsOf(two ? `Result of ${name.toUpperCase()}` : "Result of the answer", isRight ? null : result, instead));
}
