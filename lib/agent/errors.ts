/**
 * What can go wrong with a running or starting agent.
 * @module
 */

import { WeftError } from "../base/mod.ts";
import { ROTATION_BURST } from "../mesh/mod.ts";
export { InvalidRequestError } from "../api/mod.ts";
import type { DialRefusal, Refusal } from "../forward/mod.ts";

/** Only a leader can do this, and this node is none. */
export class NotLeaderError extends WeftError {
  /** The failure's stable name, for programs. */
  readonly code = "NotLeader";
}

/** @param leaders their names @returns that something can be done by them alone */
export function notLeader(leaders: readonly string[]): NotLeaderError {
  return new NotLeaderError("Cannot do that here: this node is no leader", {
    hint: `Do it on ${
      leaders.join(" or ") || "the leader"
    }; when that is lost, \`weft leader recover FILE\` makes this node a leader.`,
  });
}

/** The two ends have no version of a protocol in common. */
export class IncompatibleVersionError extends WeftError {
  /** The failure's stable name, for programs. */
  readonly code = "IncompatibleVersion";
}

/** A member changes its keys too often. */
export class TooOftenError extends WeftError {
  /** The failure's stable name, for programs. */
  readonly code = "TooOften";

  /** Says when it may be done again. @param retryAfterMs when it may do so again */
  constructor(retryAfterMs: number) {
    const minutes = Math.ceil(retryAfterMs / 60_000);
    const wait = minutes < 60 ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
    super("Cannot rotate the key: that was done too often", {
      hint: `Keys are changed ${ROTATION_BURST} times a day at most; run the same again in ${wait}.`,
      retryable: true,
    });
  }
}

/** A member asks leaders more often than they answer. */
export class TooOftenAskedError extends WeftError {
  readonly code = "TooOften";

  /** @param what it wanted @param retryAfterMs when it may ask again */
  constructor(what: string, retryAfterMs: number) {
    super(`Cannot ${what}: this node asks too often`, {
      hint: `Run the same again in ${Math.ceil(retryAfterMs / 1000)} s.`,
      retryable: true,
    });
  }
}

/** A leader has run for too short a time to know who is there. */
export class TooEarlyError extends WeftError {
  readonly code = "TooEarly";

  /** @param retryAfterMs when it may know */
  constructor(retryAfterMs: number) {
    super(
      "Cannot remove who was away for long: this leader has just started, and may not have heard of all yet",
      {
        hint: `Run the same again in ${
          Math.ceil(retryAfterMs / 60_000)
        } min; --dry-run says who it would be now.`,
        retryable: true,
      },
    );
  }
}

/** A server is to be replaced that is not lost: its member answers. */
export class ServerNotLostError extends WeftError {
  /** The failure's stable name, for programs. */
  readonly code = "ServerNotLost";
}

/** Too few servers of collections are there, or not all that are there have what was written. */
export class QuorumLostError extends WeftError {
  /** The failure's stable name, for programs. */
  readonly code = "QuorumLost";
}

/** No member or device has this name, id, key or address. */
export class UnknownPeerError extends WeftError {
  /** The failure's stable name, for programs. */
  readonly code = "UnknownPeer";
}

/** Several members have this name. */
export class AmbiguousNameError extends WeftError {
  /** The failure's stable name, for programs. */
  readonly code = "AmbiguousName";

  /** Says who may be meant. @param name what was said @param choices what tells each of them apart from the others, such as an address */
  constructor(name: string, choices: readonly string[]) {
    super(`Cannot tell who ${JSON.stringify(name)} is: ${choices.length} members have that name`, {
      hint: `Say the address or the key: ${choices.join(" or ")}.`,
    });
  }
}

/** Nobody has added a record of this name. */
export class UnknownNameError extends WeftError {
  /** The failure's stable name, for programs. */
  readonly code = "UnknownName";
}

/** No token has this id. */
export class UnknownTokenError extends WeftError {
  /** The failure's stable name, for programs. */
  readonly code = "UnknownToken";
}

/** Nobody answered at any of the endpoints. */
export class UnreachableError extends WeftError {
  /** The failure's stable name, for programs. */
  readonly code = "Unreachable";
}

/** Somebody may have done what was asked, and has not said so. */
export class UnconfirmedError extends UnreachableError {}

/** The leader answered, and did not let this node in. It gives no reason. */
export class JoinRefusedError extends WeftError {
  /** The failure's stable name, for programs. */
  readonly code = "JoinRefused";
}

/** The token cannot be used: malformed, truncated, expired. */
export class InvalidTokenError extends WeftError {
  /** The failure's stable name, for programs. */
  readonly code = "InvalidToken";
}

/** The recovery file cannot be used: damaged, of another version, or sealed by another passphrase. */
export class InvalidRecoveryFileError extends WeftError {
  /** The failure's stable name, for programs. */
  readonly code = "InvalidRecoveryFile";

  /** Says what is wrong with it. @param wrong.problem a clause */
  constructor({ problem, isPassphrase }: { readonly problem: string; readonly isPassphrase?: true }) {
    super(`Cannot use that recovery file: ${problem}`, {
      hint: isPassphrase
        ? "Nothing opens it but the passphrase that it was made with; mind upper and lower case."
        : "Use another copy of it: one line, as `weft leader export` has written it.",
    });
  }
}

/** The recovery file is of another network than this node. */
export class OtherNetworkError extends WeftError {
  /** The failure's stable name, for programs. */
  readonly code = "OtherNetwork";

  constructor() {
    super("Cannot recover with that file: it is of another network than this node", {
      hint: "`weft status --json` shows the network's id; another directory is chosen with --state.",
    });
  }
}

/** The network's prefix overlaps a route that the host already has. */
export class RouteOverlapError extends WeftError {
  /** The failure's stable name, for programs. */
  readonly code = "RouteOverlap";
}

/** This node was removed from its network. */
export class RemovedError extends WeftError {
  /** The failure's stable name, for programs. */
  readonly code = "Removed";

  constructor() {
    super("This node was removed from its network", {
      hint:
        "A removed key is never let in again: `weft leave --force` puts it away, and then the node can join anew.",
    });
  }
}

/** Somebody deleted the interface under the agent. */
export class InterfaceGoneError extends WeftError {
  /** The failure's stable name, for programs. */
  readonly code = "InterfaceGone";

  /** Names the interface. @param name the interface's name */
  constructor(name: string) {
    super(`The interface ${name} was deleted`, { hint: "Run weft up to make it again.", retryable: true });
  }
}

/** The packet plane has failed in a way that nobody foresaw. */
export class PacketPlaneError extends WeftError {
  /** The failure's stable name, for programs. */
  readonly code = "PacketPlane";

  /**
   * Says what has failed.
   * @param name the interface's name
   * @param cause what was thrown
   */
  constructor(name: string, cause: unknown) {
    const why = cause instanceof Error ? cause.message : String(cause);
    super(`Cannot carry packets of ${name} any more: ${why}`, {
      hint: "Run weft up to start it again.",
      retryable: true,
      cause,
    });
  }
}

/** It was stopped before it ran. */
export class InterruptedError extends WeftError {
  /** The failure's stable name, for programs. */
  readonly code = "Interrupted";

  constructor() {
    super("The start was interrupted", { retryable: true });
  }
}

/** A stream of bytes to another node could not be opened. */
export class DialError extends WeftError {
  /** The failure's stable name, for programs. */
  readonly code = "DialRefused";
  /** Why. */
  readonly refusal: Refusal;
  /** The rule of the network's policy by which this node has refused it, `web-tier#3`; undefined for every other reason. */
  readonly rule: string | undefined;

  /** Such a failure may end by itself when nobody answered in time or no way led there: `retryable` then. */
  constructor(
    message: string,
    refusal: Refusal,
    { rule, ...options }: { readonly hint?: string; readonly rule?: string | undefined } = {},
  ) {
    super(message, { retryable: refusal === "timeout" || refusal === "network-unreachable", ...options });
    this.refusal = refusal;
    this.rule = rule;
  }
}

/** @returns why a port can't be reached, for people */
export function dialError(host: string, port: number, { refusal, rule }: DialRefusal): DialError {
  if (rule !== undefined) {
    const reason = rule === "default"
      ? "no rule of the policy allows it"
      : `the policy's rule ${rule} denies it`;
    return new DialError(`Cannot reach port ${port} of ${host}: ${reason}`, refusal, {
      rule,
      hint: "`weft policy explain` shows every rule that was asked.",
    });
  }
  const hint = refusal === "connection-refused"
    ? { hint: `Nothing is offered there: \`weft offer ${port}\` on it does.` }
    : {};
  return new DialError(`Cannot reach port ${port} of ${host}: ${refusal}`, refusal, hint);
}
