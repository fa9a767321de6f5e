/**
 * Waiting for what is to become true, never for time to pass.
 * @module
 */

/** How often a condition is looked at, in milliseconds. */
const POLL_INTERVAL_MS = 20;

/** What `waitFor` may be told. */
export interface WaitOptions {
  /** What is waited for, for the message: "A answers pings". */
  readonly what?: string;
  /** Milliseconds between two looks; 20 unless told. */
  readonly everyMs?: number;
}

/**
 * Looks at `condition` until it holds.
 *
 * @param condition holds when it returns something other than undefined, null and false; a throw counts as
 * "not yet", and is named when the time is over
 * @param boundMs milliseconds after which to give up
 * @returns what `condition` returned
 * @throws Error when `boundMs` have passed
 */
export async function waitFor<T>(
  condition: () => T | Promise<T>,
  boundMs: number,
  options: WaitOptions = {},
): Promise<Exclude<T, undefined | null | false>> {
  const startedAt = performance.now();
  let lastError: unknown;
  for (;;) {
    try {
      const result = await condition();
      if (result !== undefined && result !== null && result !== false) {
        return result as Exclude<T, undefined | null | false>;
      }
      lastError = undefined;
    } catch (error) {
      lastError = error;
    }
    if (performance.now() - startedAt >= boundMs) {
      throw new Error(`${options.what ?? "the condition"} did not come true within ${boundMs} ms`, {
        cause: lastError,
      });
    }
    await pause(options.everyMs ?? POLL_INTERVAL_MS);
  }
}

/** Lets `ms` milliseconds pass: between two looks at a condition, or for traffic to flow. */
export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/**
 * Waits for `promise`, but not for ever.
 * @returns what it became, or undefined when `boundMs` milliseconds passed first
 */
export async function within<T>(promise: Promise<T>, boundMs: number): Promise<T | undefined> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const timeout = new Promise<undefined>((resolve) => {
    timer = setTimeout(() => resolve(undefined), boundMs);
  });
  try {
    return await Promise.race([promise, timeout]);
  } finally {
    clearTimeout(timer);
  }
}
