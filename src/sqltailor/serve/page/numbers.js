// Numbers as the database gives them: read without loss, shown without rounding. Only what stands in a chart is rounded.

const JSON_TOKEN = /"[^"\\]*(?:\\.[^"\\]*)*"|-?\d[\d.eE+-]*/g;
const INTEGER = "$integer";

/** Return JSON as values. An integer that JavaScript's numbers cannot hold becomes a BigInt and not its neighbour. */
function parsed(text) {
  const isLarge = (token) => /^-?\d{16,}$/.test(token) && !Number.isSafeInteger(Number(token));
  const marked = text.replace(JSON_TOKEN, (token) => (isLarge(token) ? `{"${INTEGER}":"${token}"}` : token));
  return JSON.parse(marked, (_, value) => (value?.[INTEGER] ? BigInt(value[INTEGER]) : value));
}

function isNumber(cell) {
  return typeof cell === "number" || typeof cell === "bigint";
}

/** Return a value as text, with all its digits and no others: for headline, tables, CSV and the titles of charts. */
function exact(cell) {
  return String(cell);
}

/** Return a number as a chart has room for it: four digits, or all that stand before the point. */
function rounded(value) {
  const size = Math.abs(Number(value));
  if (size >= 1e6) return value.toLocaleString("en", { notation: "compact", maximumSignificantDigits: 4 });
  if (size && size < 1e-4) return Number(Number(value).toPrecision(4)).toExponential();
  return value.toLocaleString("en", size < 1000 ? { maximumSignificantDigits: 4 } : { maximumFractionDigits: 0 });
}

/** Return round values, 1, 2 or 5 apart times a power of ten, from at or below `low` to at or above `high`. */
function ticksOf(low, high, { whole }) {
  const least = (high - low || 1) / 4;
  const power = 10 ** Math.floor(Math.log10(least));
  const step = Math.max([1, 2, 5, 10].find((times) => times * power >= least * 0.999) * power, whole ? 1 : 0);
  const first = Math.floor(low / step), last = Math.max(Math.ceil(high / step), first + 1);
  return Array.from({ length: last - first + 1 }, (_, place) => (first + place) * step);
}
