// The tables and columns that may be asked about, with a search over names, types and comments.

let tables = [];

async function loadSchema() {
  find("schema").replaceChildren(make("p", { class: "quiet" }, "Loading…"));
  try {
    tables = (await fetchJson("/schema")).tables;
  } catch (error) {
    find("schema").replaceChildren(make("p", { class: "fault" }, error.message));
    return;
  }
  showSchema();
  find("schema-search").addEventListener("input", showSchema);
}

function showSchema() {
  const words = find("schema-search").value.toLowerCase().split(/\s+/).filter(Boolean);
  const fits = (...texts) => words.every((word) => texts.some((text) => text?.toLowerCase().includes(word)));
  const found = tables.flatMap((table) => {
    const whole = fits(table.name, table.comment);
    const columns = whole ? table.columns
      : table.columns.filter((column) => fits(table.name, column.name, column.type, column.comment));
    return columns.length ? [tableEntry(table, columns, words.length > 0)] : [];
  });
  find("schema").replaceChildren(...(found.length ? found : [make("p", { class: "quiet" }, "No table or column has it.")]));
}

function tableEntry(table, columns, open) {
  const comment = table.comment ? make("p", { class: "quiet" }, table.comment) : null;
  const name = table.namespace ? `${table.namespace}.${table.name}` : table.name;
  return make("details", { open }, make("summary", {}, name), comment, make("ul", {}, ...columns.map(columnEntry)));
}

function columnEntry(column) {
  const facts = [
    column.type,
    column.primary_key ? "key" : null,
    column.references ? `→ ${column.references.table}.${column.references.column}` : null,
    column.comment,
    column.samples ? `such as ${column.samples.filter((value) => typeof value !== "object").join(", ")}` : null,
  ];
  return make("li", {}, make("code", {}, column.name), " ",
    make("span", { class: "quiet" }, facts.filter(Boolean).join(" · ")));
}
