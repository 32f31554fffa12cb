// A chart where a result has a shape for one: a label and a number, or a time and a number.

const TIME = /^\d{4}(-\d{2}(-\d{2}([ T]\d{2}:\d{2}(:\d{2}(\.\d+)?)?)?)?)?$/;
const MOST_BARS = 30;
const MOST_COLUMNS = 4;
const MOST_POINTS = 400;
const LABEL_ROOM = 90;

/** Return `{label, number, kind}` with the places of the columns to draw, or null where there is nothing to draw. */
function chartShape(columns, rows) {
  if (rows.length < 2 || columns.length < 2 || columns.length > MOST_COLUMNS) return null;
  const filled = (place) => rows.map((row) => row[place]).filter((cell) => cell !== null);
  const places = columns.map((_, place) => place).filter((place) => filled(place).length);
  const isTime = (place) => filled(place).every((cell) => TIME.test(String(cell)) && plausible(cell));
  const isNumber = (place) => filled(place).every((cell) => typeof cell === "number");
  const isUnique = (place) => new Set(rows.map((row) => row[place])).size === rows.length;
  const isId = (place) => /(^|_)id$/i.test(columns[place]);
  const time = places.find((place) => isTime(place) && isUnique(place));
  const number = places.find((place) => place !== time && isNumber(place) && !isId(place));
  if (number === undefined) return null;
  if (time !== undefined && rows.length <= MOST_POINTS) return { label: time, number, kind: "line" };
  const label = places.find((place) => place !== number && !isNumber(place) && isUnique(place));
  return label !== undefined && rows.length <= MOST_BARS ? { label, number, kind: "bars" } : null;
}

function plausible(cell) {
  const year = Number(String(cell).slice(0, 4));
  return year >= 1700 && year < 2200;
}

function chartOf(columns, rows, shape) {
  const points = rows
    .filter((row) => row[shape.label] !== null && row[shape.number] !== null)
    .map((row) => ({ label: String(row[shape.label]), value: row[shape.number] }));
  const name = `${columns[shape.number]} by ${columns[shape.label]}`;
  return shape.kind === "line" ? lineChart(points, name) : barChart(points, name);
}

function barChart(points, name) {
  const step = 30, width = chartWidth();
  const left = Math.min(width / 3, 16 + 7.2 * Math.max(...points.map((point) => shorten(point.label).length)));
  const low = Math.min(0, ...points.map((point) => point.value));
  const high = Math.max(0, ...points.map((point) => point.value));
  const room = width - left - 90;
  const x = (value) => left + ((value - low) / (high - low || 1)) * room;
  const bars = points.flatMap(({ label, value }, place) => {
    const y = place * step + 4;
    const start = Math.min(x(0), x(value)), length = Math.abs(x(value) - x(0));
    return [
      draw("text", { x: left - 10, y: y + 16, "text-anchor": "end" }, shorten(label)),
      draw("rect", { class: "mark", x: start, y, width: Math.max(length, 1), height: step - 8, rx: 3 },
        draw("title", {}, `${label}: ${number(value)}`)),
      draw("text", { x: start + length + 8, y: y + 16, class: "axis" }, number(value)),
    ];
  });
  return canvas(width, points.length * step + 6, name, bars);
}

function lineChart(points, name) {
  const width = chartWidth(), height = 300, left = 70, bottom = 260, right = width - 40, top = 16;
  const sorted = points.map((point) => ({ ...point, time: Date.parse(point.label.replace(" ", "T")) }))
    .sort((a, b) => a.time - b.time);
  const first = sorted[0].time, span = sorted.at(-1).time - first || 1;
  const values = sorted.map((point) => point.value);
  const low = Math.min(0, ...values), high = Math.max(...values, low + 1e-9);
  const x = (point) => left + ((point.time - first) / span) * (right - left);
  const y = (value) => bottom - ((value - low) / (high - low)) * (bottom - top);
  const grid = [low, (low + high) / 2, high].flatMap((value) => [
    draw("line", { class: "grid", x1: left, x2: right, y1: y(value), y2: y(value) }),
    draw("text", { class: "axis", x: left - 10, y: y(value) + 4, "text-anchor": "end" }, number(value)),
  ]);
  const labels = [];
  for (const point of sorted) {
    if (labels.length && x(point) - labels.at(-1).getAttribute("x") < LABEL_ROOM) continue;
    labels.push(draw("text", { class: "axis", x: x(point), y: bottom + 24, "text-anchor": "middle" }, point.label.slice(0, 10)));
  }
  const path = sorted.map((point, place) => `${place ? "L" : "M"}${x(point)} ${y(point.value)}`).join("");
  const dots = sorted.map((point) =>
    draw("circle", { class: "mark", cx: x(point), cy: y(point.value), r: sorted.length > 60 ? 2 : 4 },
      draw("title", {}, `${point.label}: ${number(point.value)}`)));
  return canvas(width, height, name, [...grid, ...labels, draw("path", { class: "path", d: path }), ...dots]);
}

/** Return the room for a chart, so that its text has the size of other text on a phone, too. */
function chartWidth() {
  return Math.min(720, document.querySelector("main").clientWidth - 32);
}

function canvas(width, height, name, parts) {
  return draw("svg", { class: "chart", viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": name }, ...parts);
}

function shorten(text) {
  const most = Math.min(30, Math.floor(chartWidth() / 22));
  return text.length > most ? `${text.slice(0, most - 1)}…` : text;
}

function number(value) {
  return value.toLocaleString("en", { maximumFractionDigits: Math.abs(value) < 100 ? 2 : 0 });
}
