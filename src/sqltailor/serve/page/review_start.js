// Begin: who reviews, the list, keys of the keyboard, and the answer in the link.

function reviewer() {
  return localStorage.getItem("reviewer") ?? "";
}

function goTo(place) {
  if (place === null || place === undefined) return;
  say("");
  if (location.hash === `#${place + 1}`) showLinked();
  else location.hash = `#${place + 1}`;
}

async function showLinked() {
  const place = Math.min(Math.max(Number(location.hash.slice(1)) || firstOpen() + 1, 1), rows.length) - 1;
  try {
    await showAnswer(place);
  } catch (error) {
    say(error.message);
  }
}

function firstOpen() {
  return Math.max(rows.findIndex((row) => !row.mark), 0);
}

async function start() {
  if (!reviewer()) {
    find("who-dialog").showModal();
    return;
  }
  find("who").textContent = reviewer();
  find("who").hidden = false;
  let found;
  try {
    found = await fetchJson(`/answers?by=${encodeURIComponent(reviewer())}`);
  } catch (error) {
    say(error.message);
    return;
  }
  rows = found.answers;
  find("served").textContent = `${found.model} · ${found.run}`;
  showCounts();
  showList();
  await showLinked();
}

document.addEventListener("keydown", (event) => {
  const target = document.activeElement;
  if (event.ctrlKey || event.metaKey || event.altKey || find("who-dialog").open) return;
  if (/^(INPUT|TEXTAREA|SELECT)$/.test(target?.tagName ?? "")) {
    if (event.key === "Escape") find("answer").focus();
    return;
  }
  const mark = Object.keys(MARKS)[Number(event.key) - 1];
  if (event.key === "Enter" && target?.matches("button, a, summary")) return;
  const does = {
    Enter: goOn,
    ArrowRight: () => goTo(neighbour(1)),
    ArrowLeft: () => goTo(neighbour(-1)),
    c: () => find("comment")?.focus(),
    e: () => {
      find("correct").open = true;
      find("correction").focus();
    },
  }[event.key] ?? (mark && (() => keep({ mark })));
  if (!does || !item) return;
  event.preventDefault();
  does();
});
find("filter").append(...Object.entries(FILTERS).map(([value, [name]]) => make("option", { value }, name)));
find("filter").addEventListener("change", showList);
find("search").addEventListener("input", showList);
find("agreement-box").addEventListener("toggle", () => find("agreement-box").open && showAgreement().catch((error) => say(error.message)));
find("who-form").addEventListener("submit", () => {
  localStorage.setItem("reviewer", find("name").value.trim());
  start();
});
find("who-dialog").addEventListener("cancel", (event) => reviewer() || event.preventDefault());
find("who").addEventListener("click", () => {
  find("name").value = reviewer();
  find("who-dialog").showModal();
});
addEventListener("hashchange", () => rows.length && showLinked());
if (matchMedia("(max-width: 52rem)").matches) find("list-box").open = false;
start();
