/**
 * Reaching a place by its name as a port, and why it could not be reached.
 * @module
 */

import type { DialOptions } from "../transport/mod.ts";
import type { Duplex } from "./duplex.ts";

/**
 * Each reason by its code, with which a stream is reset so that the other end can say it, too. The codes are those of
 * the replies of RFC 1928 §6.
 */
export const REFUSAL_CODES = {
  "failed": 1,
  "refused-by-policy": 2,
  "network-unreachable": 3,
  "no-such-name": 4,
  "connection-refused": 5,
  "timeout": 6,
} as const;

/** Why there is no connection. */
export type Refusal = keyof typeof REFUSAL_CODES;

/** All reasons. */
export const REFUSALS: readonly Refusal[] = Object.keys(REFUSAL_CODES) as Refusal[];

/** No connection, and why. */
export interface DialRefusal {
  /** Why. */
  readonly refusal: Refusal;
  /** The rule of the network's policy by which this node refuses it. */
  readonly rule?: string;
}

/**
 * Reaches a port of a host, which is a name in lower case or an address as text; gives up when `signal` says so. It may
 * throw, which means `failed`.
 */
export type Dial = (host: string, port: number, signal: AbortSignal) => Promise<Duplex | DialRefusal>;

/** When to give up. */
export type DialLimits = Required<DialOptions>;

/** What somebody wants to be connected to. */
export interface DialTarget {
  /** A name in lower case or an address as text, as whoever asked for it had it. */
  readonly host: string;
  /** 1 to 65535. */
  readonly port: number;
}

/** Whether there is no connection. */
export function isRefusal(result: Duplex | DialRefusal): result is DialRefusal {
  return "refusal" in result;
}

/** @returns the reason that a reset by `code` stands for; `failed` for every other code */
export function refusalOf(code: number | undefined): Refusal {
  return REFUSALS.find((refusal) => REFUSAL_CODES[refusal] === code) ?? "failed";
}

/**
 * Dials, and returns in time even when `dial` does not; a stream that comes too late is reset.
 * @returns a refusal where `dial` throws
 */
export async function dialWithin(
  dial: Dial,
  target: DialTarget,
  { signal, timeoutMs }: DialLimits,
): Promise<Duplex | DialRefusal> {
  const abort = new AbortController();
  const { promise: givenUp, resolve } = Promise.withResolvers<DialRefusal>();
  const giveUp = (refusal: Refusal): void => {
    resolve({ refusal });
    abort.abort();
  };
  const timer = setTimeout(() => giveUp("timeout"), timeoutMs);
  const stop = (): void => giveUp("failed");
  signal.addEventListener("abort", stop);
  if (signal.aborted) stop();
  try {
    const dialling = abort.signal.aborted ? givenUp : dial(target.host, target.port, abort.signal);
    const result = await Promise.race([givenUp, dialling]);
    if (isRefusal(result) && abort.signal.aborted) void dialling.then(dropLate, () => undefined);
    return result;
  } catch {
    return { refusal: "failed" };
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", stop);
  }
}

function dropLate(result: Duplex | DialRefusal): void {
  if (!isRefusal(result)) result.reset(REFUSAL_CODES.timeout);
}
