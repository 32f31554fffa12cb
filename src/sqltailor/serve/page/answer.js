// One question and its answer: states while it is made, the result first, and everything behind it folded.

let underway = null;
let rights = new Set();

async function ask(question, values = []) {
  underway?.abort();
  const mine = (underway = new AbortController());
  find("question").value = question;
  find("starters").hidden = true;
  find("answer").setAttribute("aria-busy", "true"); // it answers the question before
  remember(question);
  say("Writing the SQL…", { busy: true });
  const began = performance.now();
  try {
    await askServer(question, values, mine.signal, (reply) => {
      const isLast = reply.stage === "done";
      const runs = !isLast && reply.allowed && !reply.needs_approval && rights.has("rows");
      if (runs) say("Running it…", { busy: true });
      if (isLast) {
        showAnswer(question, values, reply, performance.now() - began);
        say("");
      }
    });
  } catch (error) {
    if (error.name === "AbortError") return;
    say("");
    showCard(card(question, notice("bad", error.message, button("Try again", () => ask(question, values)))));
  }
}

function stop() {
  underway?.abort();
  find("answer").removeAttribute("aria-busy");
  say("Stopped.");
}

function showCard(shown) {
  find("answer").replaceChildren(shown);
  find("answer").removeAttribute("aria-busy");
  find("answer").hidden = false;
}

function showAnswer(question, values, reply, ms) {
  const result = make("div", { class: "stack" });
  const editor = reply.sql === null ? null : sqlBox(question, reply, result);
  const sqlNow = () => editor?.querySelector("textarea").value ?? null;
  if (reply.rows) result.append(resultOf(reply, fileName(question)));
  const parts = [
    factsOf(reply, ms),
    valuesOf(question, values, reply),
    problemOf(reply),
    approvalOf(reply),
    splitOf(question, reply, result),
    result,
    editor,
    understoodOf(reply.understood),
    values.length ? null : feedbackOf(question, reply, sqlNow, result), // the question says another value than the statement
  ];
  showCard(card(question, ...parts));
}

function card(question, ...parts) {
  const copy = copyButton("Copy link", () => location.href, "plain small push");
  return make("article", { class: "card" },
    make("div", { class: "facts" }, askedHeading(question), copy), ...parts);
}

/** Return a button that copies, or null where browsers forbid it: on a page that came over plain HTTP from afar. */
function copyButton(text, content, kind = "plain small") {
  if (!navigator.clipboard) return null;
  const copy = button(text, async () => {
    await navigator.clipboard.writeText(content());
    copy.textContent = "Copied";
  }, { class: kind });
  return copy;
}

function factsOf(reply, ms) {
  const badge = (text, kind = "") => make("span", { class: `badge ${kind}` }, text);
  const rows = reply.rows && (reply.truncated ? `first ${counted(reply.rows.length, "row")}` : counted(reply.rows.length, "row"));
  const about = isRefused(reply) ? "refused" : reply.verified ? "a checked pair asks the same" : reply.edited ? "the SQL that you ran" : null;
  return make("div", { class: "facts" },
    reply.verified ? badge("✓ Verified", "verified") : null,
    reply.confidence === null ? null : badge(`${Math.round(reply.confidence * 100)} % agree`),
    make("span", { class: "quiet count" }, [about, [rows, seconds(ms)].filter(Boolean).join(" in ")].filter(Boolean).join(" · ")));
}

function seconds(ms) {
  return ms < 1000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(1)} s`;
}

/** Whether a statement was kept from running; one that was stopped while it ran is not refused. */
function isRefused(reply) {
  return Boolean(reply.layer && !reply.rows && !(reply.allowed && reply.layer === "limits"));
}

function refusal(reply) {
  const reason = reply.reason[0].toUpperCase() + reply.reason.slice(1);
  return isRefused(reply) ? `Refused: ${reason}` : reason;
}

function problemOf(reply) {
  if (isGuess(reply)) {
    return notice("warn", `Nothing has run: ${reply.reason}.`, reply.sql !== null && rights.has("edit") ? "Or read the SQL below, and run it if it is what you mean." : null);
  }
  if (!reply.reason || isSplit(reply)) return null;
  const layer = reply.layer ? make("p", { class: "quiet" }, `layer: ${reply.layer}`) : null;
  return notice(reply.layer ? "bad" : "warn", refusal(reply), layer);
}

function approvalOf(reply) {
  if (!reply.needs_approval) return null;
  return notice("warn approval", rights.has("edit") ? "Nothing has run yet. Read the SQL, then run it."
    : "Nothing runs here before someone who may run SQL has read it.");
}

function notice(kind, ...children) {
  return make("div", { class: `notice ${kind}`, role: "alert" }, ...children.filter(Boolean).map((child) =>
    typeof child === "string" ? make("p", {}, child) : child));
}

/** Whether too few of the model's answers agree, and there is no second reading to choose. */
function isGuess(reply) {
  return reply.allowed === false && !reply.layer && !isSplit(reply);
}

function isSplit(reply) {
  return reply.asks_back && reply.readings.length > 0;
}

/** Ask back when the votes split: the other reading, ready to run. */
function splitOf(question, reply, result) {
  if (!isSplit(reply)) return null;
  const others = reply.readings.map((sql) => make("div", { class: "stack" },
    make("code", {}, sql), rights.has("edit") ? button("Run this reading", () => runSql(sql, question, reply, result)) : null));
  return notice("warn", `Nothing has run: ${reply.reason} The first is below, the second is this:`, ...others);
}

function sqlBox(question, reply, result) {
  const text = make("textarea", { class: "sql", id: "sql", spellcheck: "false", "aria-label": "SQL", readonly: !rights.has("edit") });
  text.value = reply.sql;
  const run = () => runSql(text.value, question, reply, result);
  text.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) run();
  });
  const label = reply.needs_approval ? "Run it" : "Run this SQL";
  const tools = rights.has("edit")
    ? make("div", { class: "tools" }, button(label, run, { class: reply.needs_approval ? "" : "plain small" }),
        copyButton("Copy", () => text.value)) : null;
  return make("details", { class: "stack", open: !reply.rows }, make("summary", {}, "SQL"), text, tools);
}

function understoodOf(found) {
  if (!found) return null;
  const line = (name, texts) => (texts.length ? [make("dt", {}, name), make("dd", {}, texts.join(", "))] : []);
  const lines = [
    ...line("Tables", found.tables),
    ...line("Values", found.values.map(({ table, column, value }) => `${value} (${table}.${column})`)),
    ...line("Terms", Object.entries(found.terms).map(([term, meaning]) => `${term}: ${meaning}`)),
  ];
  if (!lines.length) return null;
  return make("details", { class: "of-answer" }, make("summary", {}, "What was understood"), make("dl", { class: "understood" }, ...lines));
}
