/**
 * What the client of NATS says, as failures of collections.
 * @module
 */

import { DataError } from "../errors.ts";

/** Of nats-server's errors.json: the stream, the account or the server has as much as it may hold. */
const FULL: ReadonlySet<number> = new Set([10002, 10023, 10028, 10047, 10077]);
/** JSStreamMessageExceedsMaximumErr. */
const TOO_LONG = 10054;
/** JSStreamNotFoundErr, JSNotEnabledErr, JSNotEnabledForAccountErr: waiting helps. */
const MAY_PASS: ReadonlySet<number> = new Set([10008, 10059, 10076, 10039]);

/** @returns the number of an error of JetStream; undefined when it is another one */
export function jetStreamCode(error: unknown): number | undefined {
  if (!(error instanceof Error) || !("apiError" in error) || !("code" in error)) return undefined;
  return typeof error.code === "number" ? error.code : undefined;
}

/** Whether the server has refused a message for good. */
export function isRefusal(error: unknown): boolean {
  const code = jetStreamCode(error);
  return code !== undefined && !MAY_PASS.has(code);
}

/** @returns why a message was refused */
export function refusal(error: unknown): DataError {
  const code = jetStreamCode(error);
  if (code !== undefined && FULL.has(code)) {
    return new DataError("DiskFull", "Nothing was written: the servers of the collections have no room", {
      hint: "Give the stream more room, or delete what is not needed.",
      cause: error,
    });
  }
  const what = code === TOO_LONG ? "take no messages of such a length" : "have refused the write";
  return new DataError("Failed", `The servers of the collections ${what}`, { cause: error });
}

/** @returns why the servers can't be used, in a few words; none of them is a secret */
export function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return "unknown";
  return `${error.name}: ${error.message}`.slice(0, 256);
}
