// A statement that a person read, chose or changed, run in the place of the answer.

/** Run it; what was said of another statement makes way. */
async function runSql(sql, question, reply, result) {
  say("Running it…", { busy: true });
  const began = performance.now();
  const article = result.closest("article");
  const isOther = sql !== reply.sql;
  const isEdited = isOther && !reply.readings.includes(sql);
  try {
    const ran = await fetchJson("/run", { sql, question });
    const facts = factsOf({ ...ran, edited: isOther, verified: reply.verified && !isOther, confidence: null }, performance.now() - began);
    article.querySelector(".count").parentElement.replaceWith(facts);
    article.querySelectorAll(isOther ? ".approval, .of-answer" : ".approval").forEach((part) => part.remove());
    article.querySelector(".heading").replaceWith(isEdited ? editedHeading(question, Boolean(ran.rows)) : askedHeading(question));
    judgeAnew(article, question, { isOther, isAnswered: isAnswered(ran) });
    result.dataset.sql = article.querySelector("#sql").value = sql;
    result.replaceChildren(...[problemOf(ran), ran.rows ? resultOf(ran, fileName(question)) : null].filter(Boolean));
  } catch (error) {
    result.replaceChildren(notice("bad", error.message));
  }
  say("");
}

function askedHeading(question) {
  return make("div", { class: "heading" }, make("h2", { class: "asked clamp", title: question }, question));
}

/** What an edited statement returns need not answer the question, which stays in sight: the statement may be kept for it. */
function editedHeading(question, hasResult) {
  return make("div", { class: "heading" },
    make("h2", { class: "asked" }, hasResult ? "Result of the edited SQL" : "The edited SQL"),
    make("p", { class: "quiet clamp", title: question }, `It may not answer “${question}”`));
}
