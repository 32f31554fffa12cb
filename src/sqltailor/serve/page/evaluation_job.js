// The evaluation of the model that is served: started, watched and stopped here; it goes on without this page.

const EVERY_MS = 2000;

let watching = 0;

function jobCard(job) {
  const card = make("section", { class: "card stack", id: "job" }, make("h2", {}, `Evaluate ${job.model}`));
  const tell = async (path, body) => {
    try {
      watch(await fetchJson(path, body));
    } catch (error) {
      say(error.message);
    }
  };
  if (job.state === "running") {
    const so = job.total ? `${job.done.toLocaleString("en")} of ${counted(job.total, "question")} answered` : "Opening the model…";
    card.append(make("div", { class: "progress" },
      make("progress", { max: job.total || 1, value: job.done, "aria-labelledby": "job-text" }),
      make("span", { id: "job-text", class: "quiet" }, so),
      button("Stop", () => tell("/evaluations/job/stop", {}))));
    return card;
  }
  const limit = make("input", { id: "job-limit", type: "number", min: 1, step: 1, placeholder: "all" });
  const form = make("form", { class: "values" },
    make("div", {}, make("label", { for: "job-limit" }, "Test questions"), limit), make("button", { type: "submit", class: "small" }, "Evaluate"));
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    tell("/evaluations/job", { limit: limit.value ? Number(limit.value) : null });
  });
  const ended = {
    finished: "Finished: it is in the list.",
    failed: `It failed. ${job.fault}`,
    stopped: "Stopped. Started again on the same questions, it goes on where it was.",
  }[job.state];
  card.append(form);
  if (ended) card.append(make("p", { class: job.state === "failed" ? "fault" : "quiet", role: "status" }, ended));
  return card;
}

/** Show how the job does now, and look again as long as it runs; the list is read anew at its end. */
function watch(job) {
  const card = find("job");
  if (!card) return;
  const wasRunning = Boolean(card.querySelector("progress"));
  card.replaceWith(jobCard(job));
  clearTimeout(watching);
  if (job.state === "running") {
    watching = setTimeout(async () => watch(await fetchJson("/evaluations/job").catch(() => job)), EVERY_MS);
  } else if (wasRunning) {
    show();
  }
}
