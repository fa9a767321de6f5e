/**
 * The root of weft's operational errors.
 * @module
 */

/** What an error carries beside its message. */
export interface WeftErrorOptions {
  /** One sentence that tells the user what to do. */
  readonly hint?: string;
  /** Whether the same call may succeed later. */
  readonly retryable?: boolean;
  /** The error that led to this one. */
  readonly cause?: unknown;
}

/**
 * A failure that a correct program can meet: the message says what was wrong and which thing was
 * concerned, `hint` what to do. Misuse by a caller is a TypeError or RangeError instead; remote input
 * is never an exception.
 */
export abstract class WeftError extends Error {
  /** A stable name of the failure, the same as the class's without `Error`. */
  abstract readonly code: string;
  /** One sentence that tells the user what to do. */
  readonly hint: string | undefined;
  /** Whether the same call may succeed later. */
  readonly retryable: boolean;

  /** Takes what was wrong as a message, a sentence without its final dot. */
  constructor(message: string, options: WeftErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = new.target.name;
    this.hint = options.hint;
    this.retryable = options.retryable ?? false;
    if (options.hint !== undefined) showHint(this, new.target);
  }
}

/**
 * Has the stack say the hint below the message: of an error that nothing catches a runtime prints the stack, and nothing of
 * the error's own fields. Deno prints a stack that is a property of the object as it is.
 */
function showHint(error: WeftError, made: abstract new (...args: never) => WeftError): void {
  const holder: { stack?: string } = {};
  Error.captureStackTrace(holder, made);
  const [, ...frames] = (holder.stack ?? "").split("\n");
  const get = () => [`${error.name}: ${error.message}`, `hint: ${error.hint}`, ...frames].join("\n");
  Object.defineProperty(error, "stack", { get, configurable: true });
}
