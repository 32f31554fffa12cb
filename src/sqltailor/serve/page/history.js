// Questions asked in this browser, each a link that others can open. The part after # never reaches the server.

const MOST_KEPT = 40;

/** Return the link to a question; `values` take the places of those that a known pair's answer has. */
function linkTo(question, values = []) {
  return `#q=${encodeURIComponent(question)}${values.map((value) => `&v=${encodeURIComponent(value)}`).join("")}`;
}

function linkedQuestion() {
  return new URLSearchParams(location.hash.slice(1)).get("q")?.trim() ?? "";
}

function linkedValues() {
  return new URLSearchParams(location.hash.slice(1)).getAll("v");
}

function remembered() {
  try {
    return JSON.parse(localStorage.getItem("history") ?? "[]");
  } catch {
    return [];
  }
}

function remember(question) {
  const others = remembered().filter((other) => other !== question);
  localStorage.setItem("history", JSON.stringify([question, ...others].slice(0, MOST_KEPT)));
  showHistory();
}

function showHistory() {
  const links = remembered().map((question) => make("li", {}, make("a", { href: linkTo(question), title: question }, make("span", { class: "clamp" }, question))));
  find("history").replaceChildren(...links);
  find("history-box").hidden = !links.length;
}
