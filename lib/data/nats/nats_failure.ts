/**
 * What the client of NATS says, as failures of collections.
 * @module
 */

import { DataError } from "../errors.ts";

/** Of nats-server's errors.json: the stream, the account or the server has as much as it may hold. */
const FULL: ReadonlySet<number> = new Set([10002, 10023, 10028, 10047, 10077]);
/** JSStreamMessageExceedsMaximumErr. */
const TOO_LONG = 10054;
/**
 * JSClusterNotAvailErr, JSStreamNotFoundErr, JSNotEnabledErr, JSNotEnabledForAccountErr, JSClusterNotLeaderErr,
 * JSStreamTooManyRequests: waiting helps. So it does with JSStreamDuplicateMessageConflict, by which a leader says that it
 * has the message and that too few of the others have yet, maybe because it is cut off: the message may be written.
 */
const MAY_PASS: ReadonlySet<number> = new Set([10008, 10059, 10076, 10039, 10009, 10167, 10158]);

/** @returns the number of an error of JetStream; undefined when it is another one */
export function jetStreamCode(error: unknown): number | undefined {
  if (!(error instanceof Error) || !("apiError" in error) || !("code" in error)) return undefined;
  return typeof error.code === "number" ? error.code : undefined;
}

function codeOf(error: Error): string | undefined {
  return "code" in error && typeof error.code === "string" ? error.code : undefined;
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

/** Of Node's TLS. */
const UNKNOWN_AUTHORITY: ReadonlySet<string> = new Set([
  "UNABLE_TO_VERIFY_LEAF_SIGNATURE",
  "UNABLE_TO_GET_ISSUER_CERT",
  "UNABLE_TO_GET_ISSUER_CERT_LOCALLY",
  "SELF_SIGNED_CERT_IN_CHAIN",
  "DEPTH_ZERO_SELF_SIGNED_CERT",
]);

/** Whether a server was not heard at all. */
export function isUnreachable(error: unknown): boolean {
  return error instanceof Error &&
    (error.name === "TimeoutError" || error.message === "connection refused" ||
      (codeOf(error) !== undefined && /^E[A-Z]+$/.test(codeOf(error) ?? "")));
}

/** @returns why the servers can't be used, in a few words; none of them is a secret */
export function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return "unknown";
  const { name, message } = error;
  const code = codeOf(error) ?? "";
  if (error instanceof DataError) return error.hint === undefined ? message : `${message}: ${error.hint}`;
  if (name === "AuthorizationError") return "they refuse the credentials";
  if (name === "UserAuthenticationExpiredError") return "the credentials have expired";
  // The client's own words say what is in the file.
  if (name === "NKeysError" || /^nkeys:|^unable to parse credentials/.test(message)) {
    return "the file of credentials is damaged";
  }
  if (UNKNOWN_AUTHORITY.has(code)) {
    return "their certificate is by an authority that is unknown here; --data-ca names a file with it";
  }
  if (code === "CERT_HAS_EXPIRED") return "their certificate has expired";
  if (code === "CERT_NOT_YET_VALID") return "their certificate is not valid yet";
  if (code === "ERR_TLS_CERT_ALTNAME_INVALID") return "their certificate is for another name";
  if (message === "server does not support 'tls'") {
    return "they offer no TLS, which tls://, --data-ca and --data-cert ask for";
  }
  const [, host] = /^getaddrinfo E\w+ (\S+)/.exec(message) ?? [];
  if (host !== undefined) return `the name ${host} can't be found`.slice(0, 256);
  if (isUnreachable(error)) {
    return `they do not answer (${name === "TimeoutError" ? "timeout" : message})`.slice(0, 256);
  }
  return `${error.name}: ${error.message}`.slice(0, 256);
}
