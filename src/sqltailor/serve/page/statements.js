// Statements with what differs marked, and the first rows of their results.

/** Return statements that mean the same as elements, each given in pieces. */
function statementsOf(statements) {
  return statements.flatMap((pieces, i) => [
    ...(i ? [make("p", { class: "or" }, "or")] : []),
    make("pre", { class: "said" }, ...(pieces.length ? markedUp(pieces) : [make("span", { class: "null" }, "nothing")])),
  ]);
}

/** Return a statement's pieces as elements; marked ones that follow each other are one mark. */
function markedUp(pieces) {
  const found = [];
  for (const [text, is, marked] of pieces) {
    const piece = make("span", { class: is || null }, text);
    if (!marked) found.push(piece);
    else if (found.at(-1)?.tagName === "MARK") found.at(-1).append(piece);
    else found.push(make("mark", {}, piece));
  }
  return found;
}

function rowsOf(name, result, instead) {
  if (!result) return make("p", { class: "quiet" }, instead ?? "No result.");
  const many = result.rows.length < result.count || result.is_cut;
  const count = many ? `${result.rows.length} of ${result.count.toLocaleString("en")}${result.is_cut ? " or more" : ""} rows`
    : counted(result.count, "row");
  const differing = result.differing ?? 0;
  const isNoneAlike = differing >= result.rows.length; // a colour that all rows have would say nothing
  const table = result.rows.length ? tableOf(result.columns, result.rows, name) : null;
  table?.querySelectorAll("tbody tr").forEach((row, i) => row.classList.toggle("differs", !isNoneAlike && i < differing));
  return make("div", { class: "stack" }, table,
    make("p", { class: "quiet" }, differing && isNoneAlike ? `${count}, none as in the other result` : count));
}
