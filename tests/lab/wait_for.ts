/**
 * Waiting for what is to become true, never for time to pass.
 * @module
 */

/**
 * How often a condition is looked at, in milliseconds: a look may cost a request or a process, and what has not come
 * for a second is not missed for a tenth of it.
 */
const POLL_INTERVAL_MS = { least: 20, most: 100 };

/** However busy a machine says that it is, what has not come in so many times its bound does not come. */
const MAX_SLACK = 5;

/** What `waitFor` may be told. */
export interface WaitOptions {
  /** What is waited for, for the message: "A answers pings". */
  readonly what?: string;
  /** Milliseconds between two looks; 20 at first and a tenth of what has passed later, 100 at most, unless told. */
  readonly everyMs?: number;
}

/**
 * Looks at `condition` until it holds.
 *
 * @param condition holds when it returns something other than undefined, null and false; a throw counts as
 * "not yet", and is named when the time is over
 * @param boundMs milliseconds after which to give up, on a machine that does nothing else; where more wants to run than
 * there are processors, it is as many times longer
 * @returns what `condition` returned
 * @throws Error when that has passed
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
    const passedMs = performance.now() - startedAt;
    if (passedMs >= boundMs && passedMs >= boundMs * slack()) {
      throw new Error(`${options.what ?? "the condition"} did not come true within ${boundMs} ms`, {
        cause: lastError,
      });
    }
    const { least, most } = POLL_INTERVAL_MS;
    await pause(options.everyMs ?? Math.min(most, Math.max(least, passedMs / 10)));
  }
}

/** @returns how many times longer than alone something takes now: what wants to run, by processor, of the last minute */
function slack(): number {
  try {
    const [load = 0] = Deno.loadavg();
    return Math.min(MAX_SLACK, Math.max(1, load / navigator.hardwareConcurrency));
  } catch {
    // A program that may not ask is told what it was told.
    return 1;
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
