// @ts-check
/** Numbers, sizes, times and words as people read them, in the reader's own locale. */

const whole = new Intl.NumberFormat();
const short = new Intl.NumberFormat(undefined, { maximumFractionDigits: 1 });
const day = new Intl.DateTimeFormat(undefined, { dateStyle: "medium" });
const moment = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });
const clock = new Intl.DateTimeFormat(undefined, { timeStyle: "medium" });

const UNITS = ["bytes", "kB", "MB", "GB", "TB", "PB"];

/** @param {number} value */
export const count = (value) => whole.format(value);

/** At most one digit after the point. @param {number} value */
export const rate = (value) =>
  value >= 100 ? whole.format(Math.round(value)) : short.format(value);

/**
 * "3 models", "1 model".
 * @param {number} number
 * @param {string} one
 * @param {string} [many]
 */
export const some = (number, one, many = `${one}s`) =>
  `${count(number)} ${number === 1 ? one : many}`;

/** Decimal units, as disks are sold. @param {number} value */
export function bytes(value) {
  let unit = 0;
  let amount = value;
  while (amount >= 999.95 && unit < UNITS.length - 1) {
    amount /= 1000;
    unit += 1;
  }
  return `${unit === 0 ? whole.format(amount) : short.format(amount)} ${UNITS[unit]}`;
}

/** How long it will still take, as roughly as it is known. @param {number} seconds */
export const timeLeft = (seconds) =>
  seconds < 5 ? "A few seconds left" : `About ${duration(seconds)} left`;

/** @param {number} seconds */
function duration(seconds) {
  if (seconds < 90) return `${Math.round(seconds / 5) * 5} seconds`;
  const minutes = Math.round(seconds / 60);
  if (minutes < 90) return some(minutes, "minute");
  const hours = Math.floor(minutes / 60);
  return minutes % 60 ? `${hours} h ${minutes % 60} min` : some(hours, "hour");
}

/** How long something took. @param {number} milliseconds */
export const elapsed = (milliseconds) =>
  milliseconds < 10_000
    ? `${short.format(milliseconds / 1000)} seconds`
    : duration(milliseconds / 1000);

/** @param {number} at milliseconds since 1970; 0 is unknown */
export const date = (at) => (at > 0 ? day.format(at) : "unknown");

/** @param {number} at milliseconds since 1970 */
export const dateTime = (at) => moment.format(at);

/** @param {number} at milliseconds since 1970 */
export const time = (at) => clock.format(at);

/** The file name at the end of a path of either kind. @param {string} path */
export const fileName = (path) => path.replaceAll("\\", "/").split("/").pop() || path;

/** @param {string} type */
export const typeName = (type) => type || "Others";
