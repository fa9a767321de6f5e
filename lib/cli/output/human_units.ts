/**
 * Times and amounts as people write and read them.
 * @module
 */

export { parseDurationMs } from "../../base/mod.ts";

/** @returns `42 s`, `3 min`, `2 h`, `2 h 5 min`, `4 d 1 h` */
export function formatSpan(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  const hours = Math.floor(minutes / 60);
  const parts = hours < 24
    ? [[hours, "h"], [minutes % 60, "min"]]
    : [[Math.floor(hours / 24), "d"], [hours % 24, "h"]];
  return parts.filter(([count]) => count !== 0).map(([count, unit]) => `${count} ${unit}`).join(" ");
}

/** @returns the time that is left, rounded up as one would say it: `10 min` of 9 min 59 s */
export function formatRemaining(ms: number): string {
  return formatSpan(ms < 60_000 ? ms : Math.ceil(ms / 60_000) * 60_000);
}

/** @returns `512 B`, `1.2 kB`, `34 MB`, in powers of a thousand */
export function formatBytes(bytes: number): string {
  const units = ["B", "kB", "MB", "GB", "TB", "PB"];
  let [value, at] = [bytes, 0];
  // 999.5 would be shown as 1000.
  while (value >= 999.5 && at < units.length - 1) {
    value /= 1000;
    at++;
  }
  return `${at > 0 && value < 9.95 ? value.toFixed(1) : value.toFixed(0)} ${units[at]}`;
}

/** @returns `1 peer`, `2 peers` */
export function counted(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? "" : "s"}`;
}

/** @returns `0.42 ms`, `12 ms` */
export function formatRtt(ms: number): string {
  return `${ms < 10 ? ms.toFixed(2) : ms.toFixed(0)} ms`;
}
