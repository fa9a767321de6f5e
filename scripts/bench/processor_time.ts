/**
 * What the processor has spent on a process.
 * @module
 */

/** proc(5): what /proc counts in, a second. */
const TICKS_PER_S = 100;

/** @returns seconds that all threads of a process have taken, ended ones included; NaN where there is no /proc */
export function processorSeconds(pid: number): number {
  try {
    return parseProcessorSeconds(Deno.readTextFileSync(`/proc/${pid}/stat`));
  } catch {
    return NaN;
  }
}

/** proc(5): fields 14 and 15, counted from behind the name, which may have spaces and parentheses. */
export function parseProcessorSeconds(stat: string): number {
  const fields = stat.replace(/^.*\) /s, "").split(" ");
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_S;
}
