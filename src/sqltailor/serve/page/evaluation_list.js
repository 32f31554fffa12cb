// All runs with their evaluations, and the choice of one or two of them.

let runs = [];

async function loadRuns(signal) {
  const found = await fetchJson("/evaluations/list", null, signal);
  runs = found.runs;
  return found;
}

function runsView({ root, job }) {
  if (!runs.length) return [jobCard(job), make("p", {}, `There is no run in ${root} yet. Make one: `, make("code", {}, "sqltailor train"))];
  return [jobCard(job), ...runs.map((run) => make("section", { class: "card run" },
    make("h2", {}, run.name),
    run.evaluations.length ? make("ul", { class: "plain-list" }, ...run.evaluations.flatMap(evaluationLines))
      : make("p", { class: "quiet" }, "Not evaluated yet: ", make("code", {}, `sqltailor eval --model ${root}/${run.name}`))))];
}

function evaluationLines(evaluation) {
  const { folder, models, fault, questions, answered, written } = evaluation;
  if (fault) return [make("li", { class: "line" }, make("p", { class: "fault" }, fault))];
  if (!models.length) {
    const name = folder.split("/").at(-1);
    return [make("li", { class: "line" }, make("p", { class: "quiet" }, `${name}: not finished, ${counted(answered, "answer")} so far`))];
  }
  return models.map((one) => make("li", { class: "line" },
    make("div", {},
      make("a", { href: firstView(evaluation, one) }, one.model),
      make("p", { class: "quiet" }, [counted(questions, "question"), time(written)].filter(Boolean).join(" · "))),
    one.rate ? make("div", { class: "rate" }, make("span", { class: "quiet" }, one.metric.replace("_", " ")), " ", ...rateParts(one.rate, "b")) : null));
}

/** Return the link to a model's view: beside the first model of its evaluation, which is the base, or alone. */
function firstView({ models }, one) {
  const before = models[0].ref === one.ref ? null : models[0].ref;
  return addressOf({ a: before, b: one.ref });
}

function time(written) {
  return written.slice(0, 16).replace("T", " ");
}

function rateParts(rate, side) {
  const { low, high, value } = rate;
  const bar = draw("svg", { class: `interval ${side}`, viewBox: "0 0 100 10", preserveAspectRatio: "none", "aria-hidden": "true" },
    draw("rect", { class: "axis", x: 0, y: 4.5, width: 100, height: 1 }),
    draw("rect", { class: "range", x: 100 * low, y: 3, width: Math.max(100 * (high - low), 1), height: 4 }),
    draw("rect", { class: "value", x: Math.min(100 * value, 99), y: 0, width: 1, height: 10 }));
  return [make("strong", {}, rate.shown), " ", make("span", { class: "quiet" }, `${rate.interval}, n = ${rate.n.toLocaleString("en")}`), bar];
}

/** The two choices above a view: which evaluation is A, and which is B. */
function choices({ a, b }) {
  const choice = (name, label, chosen) => {
    const groups = runs.map((run) => make("optgroup", { label: run.name }, ...run.evaluations.flatMap(({ models, written }) =>
      models.map(({ ref, model, rate }) => make("option", { value: ref, selected: ref === chosen },
        [model, rate?.shown, time(written)].filter(Boolean).join(" · "))))));
    const found = runs.flatMap((run) => run.evaluations.flatMap(({ models, written }) => models.map((one) => ({ ...one, written }))))
      .find(({ ref }) => ref === chosen);
    const none = name === "a" ? [make("option", { value: "" }, "none: B alone")] : [];
    return make("div", { class: `choice ${name}` }, make("label", { for: `choice-${name}` }, label),
      make("select", { id: `choice-${name}`, on: { change: (event) => goTo({ ...CLEAR, a, b, [name]: event.target.value }) } },
        ...none, ...groups.filter((group) => group.children.length)),
      found ? make("p", { class: "quiet narrow" }, [found.rate?.shown, time(found.written)].filter(Boolean).join(" · ")) : null);
  };
  const swap = a ? make("a", { class: "swap", href: addressOf({ a: b, b: a }) }, "Swap A and B") : null;
  return make("div", { class: "choices" }, choice("a", "A, the one before", a), choice("b", "B, compared with it", b), swap);
}
