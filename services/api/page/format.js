// Numbers and times as text for the page.

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

const minus = (text) => text.replace("-", "−");

/** A point's mean with its interval, and what it is based on. */
export function result(point) {
  // What the choice of images adds differs from point to point; the table has no room for it.
  const basis = point.note?.split("; ").filter((part) => !part.startsWith("choice of ")).join("; ");
  return { value: point.text, basis: basis || (point.mean === null ? "no value yet" : many(point.n, point.folds > 1 ? "fold" : "seed")) };
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
  return seconds < 5 ? "just now" : `${since(time)} ago`;
}

/** For how long something has been so, by this machine's clock. */
export function since(time) {
  const seconds = (Date.now() - Date.parse(time)) / 1000;
  if (seconds < HOUR) return duration(seconds);
  return seconds < DAY ? `${Math.floor(seconds / HOUR)} h` : many(Math.floor(seconds / DAY), "day");
}
