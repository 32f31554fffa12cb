// A result as a CSV file.

const LONGEST_NAME = 60;

/** Return a result as CSV. Text that a spreadsheet would take for a formula is kept as text; signs and digits are none. */
function csvOf(columns, rows) {
  const field = (cell) => {
    let text = cell === null ? "" : exact(cell);
    if (typeof cell === "string" && /^[=+\-@\t\r]/.test(text) && !/^[\d +\-().,/]*$/.test(text)) text = `'${text}`;
    return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  };
  return [columns, ...rows].map((row) => row.map(field).join(",")).join("\r\n") + "\r\n";
}

/** Return the name of a question's CSV file: its words, as far as they fit. */
function fileName(question) {
  const words = question.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? [];
  let name = "";
  for (const word of words) {
    if (name.length + word.length >= LONGEST_NAME) break;
    name += (name && "-") + word;
  }
  return `${name || "answer"}.csv`;
}

function download(text, name) {
  const link = make("a", { href: URL.createObjectURL(new Blob([text], { type: "text/csv" })), download: name });
  link.click();
  URL.revokeObjectURL(link.href);
}
