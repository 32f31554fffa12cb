// Begin: the address says what is shown, so that every view has a link and Back works.

/** What another choice of evaluations leaves behind. */
const CLEAR = { show: null, outcome: null, part: null, find: null, page: null, id: null, against: null };

let underway = null;

function here() {
  return new URLSearchParams(location.hash.slice(1));
}

/** Return the address of this view with changes; what is null or empty is left out. */
function addressOf(changes) {
  const params = here();
  for (const [name, value] of Object.entries(changes)) {
    if (value === null || value === undefined || value === "") params.delete(name);
    else params.set(name, value);
  }
  return `#${params}`;
}

function goTo(changes) {
  location.hash = addressOf(changes);
}

async function show() {
  underway?.abort();
  clearTimeout(watching);
  const mine = (underway = new AbortController());
  const params = here();
  const kind = !params.has("b") ? "list" : params.has("id") ? "question" : "view";
  find("way").replaceChildren(...wayOf(kind));
  say("Reading…", { busy: true });
  try {
    const listed = kind === "list" || !runs.length ? await loadRuns(mine.signal) : null;
    const found = kind === "list" ? listed : await fetchJson(`/evaluations/${kind}?${params}`, null, mine.signal);
    place({ list: () => runsView(found), view: () => comparedView(found), question: () => questionView(found) }[kind]());
    document.title = { list: "Evaluations", view: "Evaluation", question: found.question }[kind];
    if (listed?.job) watch(listed.job);
    say("");
  } catch (error) {
    if (error.name === "AbortError") return;
    find("view").replaceChildren(...(error.status === 403 ? [forOwners()] : []));
    say(error.status === 403 ? "" : error.message);
  }
}

/** What stands here for those who may ask and not see evaluations. */
function forOwners() {
  return make("section", { class: "card stack" }, make("h2", {}, "Evaluations are for the model's owner"),
    make("p", {}, "Your key may ask questions, but not see how the model was evaluated. Whoever runs this server can give you a key that may: one with the role owner, for all tables."),
    make("p", {}, make("a", { href: "/" }, "Ask your database")));
}

/** Show elements in the place of the others; what had the focus, and what is being typed, stays. */
function place(elements) {
  const { id, value } = document.activeElement ?? {};
  find("view").replaceChildren(...elements.filter(Boolean));
  const again = id && find(id);
  if (!again) return;
  if (again.type === "search") again.value = value;
  again.focus();
}

function wayOf(kind) {
  const runsLink = make("a", { href: "#" }, "All runs");
  if (kind === "list") return [];
  if (kind === "view") return [runsLink];
  return [runsLink, " / ", make("a", { href: addressOf({ id: null, against: null }) }, "Questions")];
}

/** The page begins, or goes on with a key. */
function start() {
  show();
}

addEventListener("hashchange", () => {
  scrollTo(0, 0);
  show();
});
start();
