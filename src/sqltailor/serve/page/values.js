// The values of an answer that a known pair gave, as fields: with others the same statement answers again.

function valuesOf(question, values, reply) {
  if (!reply.values.length) return null;
  const fields = reply.values.map(({ column, text, is_number: isNumber }, place) => {
    const name = column || (isNumber ? "number" : "value");
    const input = make("input", {
      id: `value-${place}`, required: true, maxlength: 200, autocomplete: "off", spellcheck: "false", inputmode: isNumber ? "decimal" : null,
    });
    input.value = text;
    return make("div", {}, make("label", { for: `value-${place}` }, name), input);
  });
  const form = make("form", { class: "values" }, ...fields, make("button", { type: "submit", class: "plain small" }, "Answer again"));
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    goTo(question, [...form.querySelectorAll("input")].map((input) => input.value));
  });
  const changed = values.length ? make("p", { class: "quiet" }, "With your values instead of the question's. ",
    make("a", { href: linkTo(question) }, "As it was asked")) : null;
  return make("div", { class: "stack of-answer" }, form, changed);
}
