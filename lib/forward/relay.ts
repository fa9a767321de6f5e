/**
 * Two streams made one.
 * @module
 */

import { REFUSAL_CODES } from "./dial.ts";
import type { Duplex } from "./duplex.ts";

/** What went through. */
export interface RelayResult {
  /** From the first stream to the second. */
  readonly bytesForth: number;
  /** From the second stream to the first. */
  readonly bytesBack: number;
  /** Whether both directions came to their end; otherwise both streams were reset. */
  readonly isComplete: boolean;
}

// Those above are the channel's own, and mean nothing to whoever is on the far side of a relay.
const MAX_RESET_CODE = 0xffff_ffef;

/**
 * Copies both directions until both have ended. The end of one direction is passed on and leaves the other alone; a
 * reset is passed on with its code. Each direction has one piece under way, so that who writes waits for who reads.
 * @param signal resets both streams
 * @returns what went through; it never throws
 */
export async function relay(
  first: Duplex,
  second: Duplex,
  signal?: AbortSignal,
): Promise<RelayResult> {
  const stop = (): void => resetBoth(first, second, REFUSAL_CODES.failed);
  signal?.addEventListener("abort", stop);
  if (signal?.aborted) stop();
  const [forth, back] = await Promise.all([pump(first, second), pump(second, first)]);
  signal?.removeEventListener("abort", stop);
  return { bytesForth: forth.bytes, bytesBack: back.bytes, isComplete: forth.isComplete && back.isComplete };
}

async function pump(
  from: Duplex,
  to: Duplex,
): Promise<{ readonly bytes: number; readonly isComplete: boolean }> {
  let bytes = 0;
  const fail = (code: number | undefined) => {
    resetBoth(from, to, code);
    return { bytes, isComplete: false };
  };
  try {
    for (let piece = await from.read(); piece !== undefined; piece = await from.read()) {
      if (!await to.write(piece)) return fail(to.resetCode);
      bytes += piece.length;
    }
  } catch {
    return fail(REFUSAL_CODES.failed);
  }
  if (from.resetCode !== undefined) return fail(from.resetCode);
  to.end();
  return { bytes, isComplete: true };
}

function resetBoth(first: Duplex, second: Duplex, code: number | undefined): void {
  const passed = code !== undefined && code <= MAX_RESET_CODE ? code : REFUSAL_CODES.failed;
  first.reset(passed);
  second.reset(passed);
}
