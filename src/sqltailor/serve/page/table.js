// The rows of a result as a table.

const LONG = 40;

function tableOf(columns, rows, name = "Result") {
  const numeric = columns.map((_, place) => rows.every((row) => row[place] === null || isNumber(row[place])));
  const kind = (place, cell) => (numeric[place] ? "number" : String(cell).length > LONG ? "long" : null);
  const head = make("tr", {}, ...columns.map((name, place) => make("th", { scope: "col", class: kind(place, "") }, name)));
  const body = rows.map((row) => make("tr", {}, ...row.map((cell, place) => make("td", { class: kind(place, cell) }, shown(cell)))));
  return make("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": name },
    make("table", {}, make("thead", {}, head), make("tbody", {}, ...body)));
}

function shown(cell) {
  return cell === null ? make("span", { class: "null" }, "NULL") : exact(cell);
}
