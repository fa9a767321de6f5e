/**
 * Giving back the memory that only the start of the program needed: pages of its file and of its libraries, which the
 * kernel keeps in its cache for as long as it has room, and maps again when they are used.
 * @module
 */

import { Libc } from "./libc.ts";

/** asm-generic/mman-common.h */
const MADV_DONTNEED = 4;

/** A part of the address space: the addresses from `start` on and below `end`. */
export interface AddressRange {
  readonly start: bigint;
  readonly end: bigint;
}

/**
 * Takes the pages of files that are mapped, cannot be written, and were never changed, out of this process. Those that it
 * still uses come back by themselves, for a page fault each.
 * @returns how many bytes of the address space were gone through; 0 where there is no Linux, or foreign functions are
 *   not allowed
 */
export function releaseProgramPages(): number {
  try {
    const ranges = unchangedFileRanges(Deno.readTextFileSync("/proc/self/smaps"));
    const libc = Libc.open();
    const released = ranges.filter(({ start, end }) =>
      libc.adviseMemory(start, end - start, MADV_DONTNEED) === 0
    );
    libc.unload();
    return released.reduce((sum, { start, end }) => sum + Number(end - start), 0);
  } catch {
    return 0;
  }
}

/**
 * Finds what could be read from its file again: not what the loader has relocated and then protected, for example.
 * @param smaps the text of /proc/…/smaps (proc_pid_smaps(5))
 */
export function unchangedFileRanges(smaps: string): AddressRange[] {
  const ranges: AddressRange[] = [];
  let range: AddressRange | undefined;
  for (const line of smaps.split("\n")) {
    const head = /^([0-9a-f]+)-([0-9a-f]+) (\S{4}) \S+ \S+ \d+ *(.*)$/.exec(line);
    if (head !== null) {
      const [, start = "", end = "", permissions = "", path = ""] = head;
      const isFixed = !permissions.includes("w") && path.startsWith("/");
      range = isFixed ? { start: BigInt(`0x${start}`), end: BigInt(`0x${end}`) } : undefined;
      if (range !== undefined) ranges.push(range);
    } else if (range !== undefined && /^(Anonymous|Swap): +[1-9]/.test(line)) {
      // A page that was changed is this process's own, in memory or in the swap.
      ranges.pop();
      range = undefined;
    }
  }
  return ranges;
}
