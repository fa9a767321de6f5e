/**
 * Numbers and spans as people read them.
 * @module
 */

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** @returns `12 s`, `5 min`, `3 h 4 min`, `2 d 3 h` */
export function span(ms: number): string {
  const at = Math.max(0, ms);
  if (at < MINUTE) return `${Math.round(at / SECOND)} s`;
  if (at < HOUR) return `${Math.floor(at / MINUTE)} min`;
  const [large, one, many, small, unit] = at < DAY
    ? [HOUR, "h", "h", MINUTE, "min"] as const
    : [DAY, "d", "d", HOUR, "h"] as const;
  const whole = Math.floor(at / large);
  const rest = Math.floor((at - whole * large) / small);
  return `${whole} ${whole === 1 ? one : many}${rest > 0 ? ` ${rest} ${unit}` : ""}`;
}

/** @returns `1.2 MB` */
export function bytes(count: number): string {
  return `${scaled(count, ["", "k", "M", "G", "T", "P"])}B`;
}

/** @returns `1.2 Mbit/s` */
export function bits(perSecond: number): string {
  return `${scaled(perSecond, ["", "k", "M", "G", "T"])}bit/s`;
}

/** @returns `0.73 ms`, `12 ms` or a dash */
export function roundTrip(ms: number | null | undefined): string {
  if (ms === null || ms === undefined) return "–";
  return `${figure(ms)} ms`;
}

/** @returns `0.23`, `4.1`, `413`: two digits, and all of a larger number */
export function figure(value: number): string {
  return value >= 10 ? Math.round(value).toLocaleString("en") : `${Number(value.toPrecision(2))}`;
}

/** @returns `1 node`, `3 nodes` */
export function counted(count: number, one: string, many = `${one}s`): string {
  return `${count.toLocaleString("en")} ${count === 1 ? one : many}`;
}

/** @returns the time of day, with the date unless it is today's */
export function moment(at: number, now: number): string {
  const date = new Date(at);
  const time = date.toLocaleTimeString("en-GB");
  return date.toDateString() === new Date(now).toDateString()
    ? time
    : `${date.toLocaleDateString("en-GB", { day: "numeric", month: "short" })} ${time}`;
}

/** Names in the order in which people look for them: `web-2` before `web-10`. */
export function byName(a: string, b: string): number {
  return NATURAL.compare(a, b);
}

const NATURAL = new Intl.Collator("en", { numeric: true, sensitivity: "base" });

function scaled(count: number, units: readonly string[]): string {
  let unit = 0;
  let value = count;
  while (value >= 1_000 && unit < units.length - 1) {
    value /= 1_000;
    unit++;
  }
  const digits = unit > 0 && value < 10 ? value.toFixed(1) : String(Math.round(value));
  return `${digits} ${units[unit] ?? ""}`;
}
