// Begin: who asks, what may be asked, keys of the keyboard, and the question in the link.

async function start() {
  let about;
  try {
    about = await fetchJson("/about");
  } catch (error) {
    say(error.message); // behind the dialog where a key is asked for, and still there when it is left
    showKey("");
    return;
  }
  rights = new Set(about.rights);
  find("served").textContent = `${about.model} · ${about.dialect}`;
  showKey(about.name);
  find("evaluations-link").hidden = !rights.has("own");
  find("starters").replaceChildren(make("p", { class: "quiet" }, "Try one of these:"), ...about.starters.map((question) =>
    make("button", { type: "button", class: "chip", on: { click: () => goTo(question) } }, question)));
  say("");
  askLinked();
  await loadSchema();
}

/** Show whose key the page has, or that it may be given one. */
function showKey(name) {
  const about = name ? `Key: ${name}. Change or sign out` : "Give a key";
  const key = find("key-button");
  key.hidden = name ? !sessionStorage.getItem("key") : !isAskedForKey();
  key.textContent = name || "Key";
  key.title = key.ariaLabel = about;
  key.onclick = () => askForKey("", name);
}

/** Go to a question: the address changes, so that Back works and the link can be shared. */
function goTo(question, values = []) {
  if (location.hash === linkTo(question, values)) ask(question, values);
  else location.hash = linkTo(question, values);
}

function askLinked() {
  const question = linkedQuestion();
  if (question) ask(question, linkedValues());
  else showStart();
}

function showStart() {
  find("starters").hidden = false;
  find("answer").hidden = true;
  say("");
}

find("ask").addEventListener("submit", (event) => {
  event.preventDefault();
  const question = find("question").value.trim();
  if (!question) return;
  goTo(question);
  find("question").select(); // what is typed next is another question
});
find("question").addEventListener("keydown", (event) => {
  if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
    event.preventDefault();
    find("ask").requestSubmit();
  }
});
document.addEventListener("keydown", (event) => {
  const isTyping = /^(INPUT|TEXTAREA)$/.test(document.activeElement?.tagName ?? "");
  if (event.key === "/" && !isTyping && !event.ctrlKey && !event.metaKey) {
    event.preventDefault();
    find("question").focus();
    find("question").select();
  } else if (event.key === "Escape" && find("status").classList.contains("busy")) {
    stop();
  }
});
addEventListener("hashchange", askLinked);

if (matchMedia("(max-width: 52rem)").matches) document.querySelectorAll(".side").forEach((box) => { box.open = false; });
showHistory();
start();
