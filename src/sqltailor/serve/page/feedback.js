// Thumbs, and a box for the right SQL. What shall be learned runs on the database first.

const MOST_QUOTED = 80;

/** Return what asks for a word on an answer, or null where there is none, and whoever asked may not write SQL. */
function feedbackOf(question, reply, sqlNow, result) {
  if (!isAnswered(reply) && !rights.has("edit")) return null;
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
  const up = button([thumb("up"), make("span", { class: "keeps" }, "Right")], () => choose(true),
    { class: "plain small right", "aria-pressed": "false" });
  const down = button([thumb("down"), "Wrong"], () => choose(false), { "aria-pressed": "false" });
  const give = button("Give the right SQL", () => { box.hidden = false; }, { class: "plain small give" });
  box.addEventListener("submit", async (event) => {
    event.preventDefault();
    const correction = box.querySelector("textarea").value;
    if (await tell({ good: false, correction })) box.hidden = true;
  });
  const shown = make("div", { class: "feedback stack" },
    make("div", { class: "facts judge" }, make("span", { class: "quiet" }, "Is this right?"), up, down),
    give, box, outcome);
  judgeAnew(shown, question, { isOther: false, isAnswered: isAnswered(reply) });
  return shown;
}

/** Whether there is something that can be right: rows, or a statement for those who never see rows. */
function isAnswered({ rows, allowed }) {
  return Boolean(rows) || (allowed === true && !rights.has("rows"));
}

/** Ask about what stands there now, and say what pressing *Right* keeps; words on what stood there before are gone. */
function judgeAnew(part, question, { isOther, isAnswered }) {
  const feedback = part.querySelector(".judge");
  if (!feedback) return;
  feedback.hidden = !isAnswered;
  part.querySelector(".give").hidden = isAnswered;
  feedback.querySelectorAll("[aria-pressed]").forEach((one) => one.setAttribute("aria-pressed", "false"));
  part.querySelector(".give ~ [role=status]").textContent = "";
  const keeps = `keep this SQL as the answer to “${cut(question)}”`;
  feedback.querySelector(".keeps").textContent = isOther ? `Right: ${keeps}` : "Right";
  feedback.querySelector(".right").title = rights.has("edit") ? `Right: ${keeps}` : "";
}

function cut(question) {
  return question.length > MOST_QUOTED ? `${question.slice(0, MOST_QUOTED - 1)}…` : question;
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
