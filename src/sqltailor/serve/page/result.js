// A result: one number large, or a table, or a chart; and as a CSV file.

function resultOf(reply) {
  const { columns, rows } = reply;
  if (!rows.length) {
    return make("p", { class: "quiet" }, "No rows: nothing in the database fits." + (reply.sql ? " If that surprises you, read the SQL." : ""));
  }
  if (rows.length === 1 && columns.length === 1) {
    return make("div", { class: "stack" },
      make("div", { class: "one" }, large(rows[0][0])),
      /^[\p{L}_][\p{L}\d_ ]*$/u.test(columns[0]) ? make("p", { class: "quiet" }, columns[0]) : null); // not COUNT(*)
  }
  const table = tableOf(columns, rows);
  const shape = chartShape(columns, rows);
  const chart = shape && chartOf(columns, rows, shape);
  const views = make("div", { class: "tools" });
  const show = (view) => {
    table.hidden = view !== "table";
    if (chart) chart.toggleAttribute("hidden", view !== "chart");
    for (const choice of views.querySelectorAll("[data-view]")) {
      choice.setAttribute("aria-pressed", String(choice.dataset.view === view));
    }
    localStorage.setItem("view", view);
  };
  if (chart) {
    views.append(button("Table", () => show("table"), { "data-view": "table" }),
      button("Chart", () => show("chart"), { "data-view": "chart" }));
  }
  views.append(button("Download CSV", () => download(csvOf(columns, rows), "answer.csv")));
  show(chart && localStorage.getItem("view") === "chart" ? "chart" : "table");
  return make("div", { class: "stack" }, views, table, chart);
}

function large(cell) {
  return typeof cell === "number" && Math.abs(cell) >= 10_000 ? number(cell) : shown(cell);
}

/** Return a result as CSV. What a spreadsheet would take for a formula is kept as text. */
function csvOf(columns, rows) {
  const field = (cell) => {
    let text = cell === null ? "" : String(cell);
    if (typeof cell === "string" && /^[=+\-@\t\r]/.test(text)) text = `'${text}`;
    return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  };
  return [columns, ...rows].map((row) => row.map(field).join(",")).join("\r\n") + "\r\n";
}

function download(text, name) {
  const link = make("a", { href: URL.createObjectURL(new Blob([text], { type: "text/csv" })), download: name });
  link.click();
  URL.revokeObjectURL(link.href);
}
