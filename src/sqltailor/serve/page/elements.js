// Elements without markup in strings: nothing that comes from a database or a model is ever parsed as HTML.

const SVG = "http://www.w3.org/2000/svg";

function find(id) {
  return document.getElementById(id);
}

/** Return a new element; `on` holds listeners, and children that are null are left out. */
function make(tag, { on = {}, ...attributes } = {}, ...children) {
  return filled(document.createElement(tag), on, attributes, children);
}

function draw(tag, attributes = {}, ...children) {
  return filled(document.createElementNS(SVG, tag), {}, attributes, children);
}

function filled(element, on, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === true) element.setAttribute(name, "");
    else if (value !== null && value !== false) element.setAttribute(name, value);
  }
  for (const [event, listener] of Object.entries(on)) element.addEventListener(event, listener);
  element.append(...children.filter((child) => child !== null));
  return element;
}

function button(content, click, attributes = {}) {
  return make("button", { type: "button", class: "plain small", on: { click }, ...attributes }, ...[content].flat());
}

function say(text, { busy = false } = {}) {
  const status = find("status");
  status.textContent = text;
  status.classList.toggle("busy", busy);
}

function counted(count, noun) {
  return `${count.toLocaleString("en")} ${noun}${count === 1 ? "" : "s"}`;
}

// what stands after # in the address says what is shown: to skip must not change it
document.querySelector(".skip").addEventListener("click", (event) => {
  event.preventDefault();
  find(event.target.hash.slice(1)).focus();
});
