// A chart where a result has a shape for one: a label and a number, or a time and a number.

const TIME = /^\d{4}(-\d{2}(-\d{2}([ T]\d{2}:\d{2}(:\d{2}(\.\d+)?)?)?)?)?$/;
const MOST_BARS = 30;
const MOST_COLUMNS = 4;
const MOST_POINTS = 400;
const LABEL_ROOM = 90;
const DOT_ROOM = 14;

/** Return `{label, number, kind}` with the places of the columns to draw, or null where there is nothing to draw. */
function chartShape(columns, rows) {
  if (rows.length < 2 || columns.length < 2 || columns.length > MOST_COLUMNS) return null;
  const filled = (place) => rows.map((row) => row[place]).filter((cell) => cell !== null);
  const places = columns.map((_, place) => place).filter((place) => filled(place).length);
  const isTime = (place) => filled(place).every((cell) => TIME.test(String(cell)) && plausible(cell));
  const isNumeric = (place) => filled(place).every(isNumber);
  const isUnique = (place) => new Set(rows.map((row) => row[place])).size === rows.length;
  const isId = (place) => /(^|_)id$/i.test(columns[place]);
  const time = places.find((place) => isTime(place) && isUnique(place));
  const number = places.find((place) => place !== time && isNumeric(place) && !isId(place));
  if (number === undefined) return null;
  if (time !== undefined && rows.length <= MOST_POINTS) return { label: time, number, kind: "line" };
  const label = places.find((place) => place !== number && !isNumeric(place) && isUnique(place));
  return label !== undefined && rows.length <= MOST_BARS ? { label, number, kind: "bars" } : null;
}

function plausible(cell) {
  const year = Number(String(cell).slice(0, 4));
  return year >= 1700 && year < 2200;
}

function chartOf(columns, rows, shape) {
  const points = rows
    .filter((row) => row[shape.label] !== null && row[shape.number] !== null)
    .map((row) => ({ label: String(row[shape.label]), cell: row[shape.number], value: Number(row[shape.number]) }));
  const names = { label: columns[shape.label], number: columns[shape.number] };
  const left = columns.filter((_, place) => place !== shape.label && place !== shape.number);
  return make("div", { class: "stack" },
    shape.kind === "line" ? lineChart(points, names) : barChart(points, names),
    left.length ? make("p", { class: "quiet" }, `Drawn: ${names.number}. In the table only: ${left.join(", ")}.`) : null);
}

function barChart(points, names) {
  const step = 30, top = 24, width = chartWidth();
  const left = Math.min(width / 3, 16 + 7.2 * Math.max(...[names.label, ...points.map(({ label }) => label)].map((text) => shorten(text).length)));
  const low = Math.min(0, ...points.map((point) => point.value));
  const high = Math.max(0, ...points.map((point) => point.value));
  const room = width - left - 90;
  const x = (value) => left + ((value - low) / (high - low || 1)) * room;
  const head = [
    draw("text", { class: "axis", x: left - 10, y: 14, "text-anchor": "end" }, shorten(names.label)),
    draw("text", { class: "axis", x: left, y: 14 }, shorten(names.number)),
  ];
  const bars = points.flatMap(({ label, cell, value }, place) => {
    const y = top + place * step + 4;
    const start = Math.min(x(0), x(value)), length = Math.abs(x(value) - x(0));
    return [
      draw("text", { x: left - 10, y: y + 16, "text-anchor": "end" }, shorten(label)),
      draw("rect", { class: "mark", x: start, y, width: Math.max(length, 1), height: step - 8, rx: 3 }, titleOf(label, cell)),
      draw("text", { x: start + length + 8, y: y + 16, class: "axis" }, rounded(cell), titleOf(label, cell)),
    ];
  });
  return canvas(width, top + points.length * step + 6, names, [...head, ...bars]);
}

function lineChart(points, names) {
  const width = chartWidth(), height = 320, left = 70, bottom = 260, right = width - 40, top = 36;
  const sorted = points.map((point) => ({ ...point, time: Date.parse(point.label.replace(" ", "T")) }))
    .sort((a, b) => a.time - b.time);
  const first = sorted[0].time, span = sorted.at(-1).time - first || 1;
  const values = sorted.map((point) => point.value);
  const ticks = ticksOf(Math.min(0, ...values), Math.max(0, ...values), { whole: values.every(Number.isInteger) });
  const low = ticks[0], high = ticks.at(-1);
  const x = (point) => left + ((point.time - first) / span) * (right - left);
  const y = (value) => bottom - ((value - low) / (high - low)) * (bottom - top);
  const grid = ticks.flatMap((value) => [
    draw("line", { class: "grid", x1: left, x2: right, y1: y(value), y2: y(value) }),
    draw("text", { class: "axis tick", x: left - 10, y: y(value) + 4, "text-anchor": "end" }, rounded(value)),
  ]);
  const labels = [];
  for (const point of sorted) {
    if (labels.length && x(point) - labels.at(-1).getAttribute("x") < LABEL_ROOM) continue;
    labels.push(draw("text", { class: "axis", x: x(point), y: bottom + 24, "text-anchor": "middle" }, point.label.slice(0, 10)));
  }
  const axes = [
    draw("text", { class: "axis", x: 0, y: 14 }, shorten(names.number)),
    draw("text", { class: "axis", x: right, y: bottom + 48, "text-anchor": "end" }, shorten(names.label)),
  ];
  const path = sorted.map((point, place) => `${place ? "L" : "M"}${x(point)} ${y(point.value)}`).join("");
  // where dots would touch, only the line is seen, and its points still have titles
  const kind = sorted.length * DOT_ROOM > right - left ? "unseen" : "mark";
  const dots = sorted.map((point) =>
    draw("circle", { class: kind, cx: x(point), cy: y(point.value), r: 4 }, titleOf(point.label, point.cell)));
  return canvas(width, height, names, [...grid, ...labels, ...axes, draw("path", { class: "path", d: path }), ...dots]);
}

function titleOf(label, cell) {
  return draw("title", {}, `${label}: ${exact(cell)}`);
}

/** Return the room for a chart, so that its text has the size of other text on a phone, too. */
function chartWidth() {
  return Math.min(720, document.querySelector("main").clientWidth - 32);
}

function canvas(width, height, names, parts) {
  const about = `${names.number} by ${names.label}`;
  return draw("svg", { class: "chart", viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": about }, ...parts);
}

function shorten(text) {
  const most = Math.min(30, Math.floor(chartWidth() / 22));
  return text.length > most ? `${text.slice(0, most - 1)}…` : text;
}
