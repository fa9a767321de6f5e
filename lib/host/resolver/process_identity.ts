/**
 * Which process has written something, and whether it is gone (proc(5)).
 * @module
 */

import type { IpAddress } from "../../net/mod.ts";

/** A process of this host; what could not be found out is empty. */
export interface ProcessIdentity {
  readonly pid: number;
  /** When it started, in the kernel's ticks since the boot: an id is given again, a start is not. */
  readonly startTicks: string;
  /** Ids mean something within it only. */
  readonly pidNamespace: string;
  readonly bootId: string;
}

/** @returns this process */
export function ownIdentity(): ProcessIdentity {
  const { pid } = Deno;
  return {
    pid,
    startTicks: startTicksOf(pid),
    pidNamespace: read(() => Deno.readLinkSync("/proc/self/ns/pid")),
    bootId: read(() => Deno.readTextFileSync("/proc/sys/kernel/random/boot_id")).trim(),
  };
}

/**
 * @param server an address of the process's interface, by which it is known where its id means nothing
 * @returns whether the process has ended; false when that can't be told
 */
export function isGone(process: ProcessIdentity, server: IpAddress | undefined): boolean {
  const here = ownIdentity();
  if (process.bootId !== "" && here.bootId !== "" && process.bootId !== here.bootId) return true;
  if (
    process.startTicks !== "" && process.pidNamespace !== "" && process.pidNamespace === here.pidNamespace
  ) {
    return startTicksOf(process.pid) !== process.startTicks;
  }
  return server !== undefined && !isOwnAddress(server);
}

/** @returns whether this host has an address; true when that can't be told */
export function isOwnAddress(address: IpAddress): boolean {
  try {
    Deno.listen({ hostname: address.toString(), port: 0 }).close();
    return true;
  } catch (error) {
    return !(error instanceof Deno.errors.AddrNotAvailable);
  }
}

/** @returns the 22nd field of a process's stat, empty when there is no such process, or it has ended already */
export function startTicksOf(pid: number): string {
  const stat = read(() => Deno.readTextFileSync(`/proc/${pid}/stat`));
  // The second field is the program's name in parentheses, with blanks and parentheses of its own.
  const [state, ...fields] = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return state === "Z" || state === "X" ? "" : fields[18] ?? "";
}

function read(from: () => string): string {
  try {
    return from();
  } catch {
    return "";
  }
}
