// A result: one number large, or a table, or a chart; and as a CSV file, named `file`.

function resultOf(reply, file) {
  const { columns, rows } = reply;
  if (!rows.length) {
    return make("p", { class: "quiet" }, "No rows: nothing in the database fits." + (reply.sql ? " If that surprises you, read the SQL." : ""));
  }
  if (rows.length === 1 && columns.length === 1) return oneValue(columns[0], rows[0][0]);
  const table = tableOf(columns, rows);
  const shape = chartShape(columns, rows);
  const chart = shape && chartOf(columns, rows, shape);
  const views = make("div", { class: "tools" });
  const show = (view) => {
    table.hidden = view !== "table";
    if (chart) chart.hidden = view !== "chart";
    for (const choice of views.querySelectorAll("[data-view]")) {
      choice.setAttribute("aria-pressed", String(choice.dataset.view === view));
    }
    localStorage.setItem("view", view);
  };
  if (chart) {
    views.append(button("Table", () => show("table"), { "data-view": "table" }),
      button("Chart", () => show("chart"), { "data-view": "chart" }));
  }
  views.append(button("Download CSV", () => download(csvOf(columns, rows), file)));
  if (reply.truncated) views.append(make("p", { class: "quiet cut" }, `Cut: the first ${counted(rows.length, "row")} only.`));
  show(chart && localStorage.getItem("view") === "chart" ? "chart" : "table");
  return make("div", { class: "stack" }, views, table, chart);
}

function oneValue(column, cell) {
  return make("div", { class: "stack" },
    cell === null ? make("p", { class: "one-null" }, "no value (NULL)") : make("div", { class: "one" }, exact(cell)),
    /^[\p{L}_][\p{L}\d_ ]*$/u.test(column) ? make("p", { class: "quiet" }, column) : null); // not COUNT(*)
}
