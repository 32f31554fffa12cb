// Thumbs, and a box for the right SQL. What shall be learned runs on the database first.

function feedbackOf(question, reply, sqlNow, result) {
  const outcome = make("p", { class: "quiet", role: "status" });
  const box = correctionBox(sqlNow);
  let newest = 0; // what was sent before may be answered later, and is not shown then
  const tell = async (body) => {
    const number = ++newest;
    const say = (text) => { if (number === newest) outcome.textContent = text; };
    say("Sending…");
    try {
      const kept = await fetchJson("/feedback", { question, sql: reply.sql, ...body });
      say(outcomeOf(kept));
      return kept.kept;
    } catch (error) {
      say(error.message);
      return false;
    }
  };
  const choose = (good) => {
    [up, down].forEach((one) => one.setAttribute("aria-pressed", String((one === up) === good)));
    box.hidden = good || !rights.has("edit");
    const ran = result.dataset.sql ?? reply.sql; // what is right may be what a person made of the answer
    return tell(good && ran !== reply.sql ? { good: false, correction: ran } : { good });
  };
  const up = button([thumb("up"), "Right"], () => choose(true),
    { class: "plain small right", "aria-pressed": "false", hidden: !reply.rows });
  const down = button([thumb("down"), "Wrong"], () => choose(false), { "aria-pressed": "false" });
  box.addEventListener("submit", async (event) => {
    event.preventDefault();
    const correction = box.querySelector("textarea").value;
    if (await tell({ good: false, correction })) box.hidden = true;
  });
  return make("div", { class: "feedback stack" },
    make("div", { class: "facts" }, make("span", { class: "quiet" }, "Is this right?"), up, down),
    box, outcome);
}

function thumb(way) {
  return draw("svg", { class: `icon ${way}`, viewBox: "0 0 16 16", "aria-hidden": "true" },
    draw("path", { d: "M2 7.5h2.5v6H2zM4.5 8 7.5 2c1 0 1.6.8 1.4 1.8L8.4 6.5h4.1c.9 0 1.5.8 1.3 1.6l-1 4.2c-.2.7-.7 1.2-1.4 1.2H4.5" }));
}

function correctionBox(sqlNow) {
  const text = make("textarea", { class: "sql", id: "correction", spellcheck: "false", required: true });
  text.value = sqlNow() ?? "";
  return make("form", { class: "stack", hidden: true },
    make("label", { for: "correction" }, "The SQL that answers it"), text,
    make("button", { type: "submit", class: "small" }, "Test and send"));
}

function outcomeOf(kept) {
  if (!kept.kept) return `Not kept. ${refusal(kept)}`;
  return kept.pair ? "Thank you. It ran, and is kept as a pair to train on." : "Thank you, noted.";
}
