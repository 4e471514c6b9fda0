// Numbers and times as people read them.

const MINUTE = 60, HOUR = 3600, DAY = 86400; // seconds

/** "1 trial", "18 trials". */
export const many = (count, noun) => `${count.toLocaleString("en")} ${noun}${count === 1 ? "" : "s"}`;

/** Four significant digits. */
export function number(value) {
  const size = Math.abs(value);
  if (size !== 0 && (size < 1e-4 || size >= 1e7)) return minus(value.toExponential(2));
  return minus(String(Number(value.toPrecision(4))));
}

/** A measured value: four significant digits, zeros at the end included. */
export function measured(value) {
  const size = Math.abs(value);
  return size !== 0 && (size < 1e-3 || size >= 1e4) ? number(value) : minus(value.toPrecision(4));
}

/** As many decimals as show two digits of `scale`. */
export function rounded(value, scale) {
  if (scale === 0) return measured(value);
  const places = Math.max(0, 1 - Math.floor(Math.log10(scale)));
  return minus(places <= 8 ? value.toFixed(places) : value.toPrecision(3));
}

const minus = (text) => text.replace("-", "−");

/** A point's mean with half of its 95 % interval, and what it is based on. */
export function result(point) {
  if (point.mean === null) return { value: null, basis: point.note ?? "no value yet" };
  if (point.low === null) return { value: measured(point.mean), basis: point.note ?? many(point.n, "seed") };
  const half = (point.high - point.low) / 2;
  const mean = rounded(point.mean, half);
  return { value: `${mean} ± ${rounded(half, half)}`, basis: point.note ?? many(point.n, "seed") };
}

/** "40 s", "12 min", "2 h 5 min", "3 d 4 h". */
export function duration(seconds) {
  const rest = Math.max(0, Math.round(seconds));
  if (rest < 90) return `${rest} s`;
  const minutes = Math.round(rest / MINUTE);
  if (rest < HOUR) return `${minutes} min`;
  if (rest < DAY) return `${Math.floor(minutes / 60)} h${minutes % 60 ? ` ${minutes % 60} min` : ""}`;
  return `${Math.floor(rest / DAY)} d ${Math.floor((rest % DAY) / HOUR)} h`;
}

/** How long ago a time was, by this machine's clock. */
export function ago(time) {
  const seconds = (Date.now() - Date.parse(time)) / 1000;
  if (seconds < 5) return "just now";
  if (seconds < HOUR) return `${duration(seconds)} ago`;
  return seconds < DAY ? `${Math.floor(seconds / HOUR)} h ago` : `${many(Math.floor(seconds / DAY), "day")} ago`;
}
