/**
 * Why a policy does not take effect.
 * @module
 */

import { WeftError } from "../../base/mod.ts";

/** The document is larger than entries have room for. */
export class PolicyTooLargeError extends WeftError {
  /** The failure's stable name, for programs. */
  readonly code = "PolicyTooLarge";

  /** Says how large it is. @param bytes deflated @param maxBytes how many there may be */
  constructor(bytes: number, maxBytes: number) {
    super(`Cannot apply that policy: it has ${bytes} bytes when it is compressed, of at most ${maxBytes}`, {
      hint: "Groups (`group:NAME`) and labels say in one rule what names and addresses say in many.",
    });
  }
}

/** A test of the document does not hold. */
export class PolicyTestFailedError extends WeftError {
  /** The failure's stable name, for programs. */
  readonly code = "PolicyTestFailed";
}

/** It would cut off the way of whoever asks. */
export class PolicyCutsOffError extends WeftError {
  /** The failure's stable name, for programs. */
  readonly code = "PolicyCutsOff";
}

/** Another policy is in force than whoever asks believes. */
export class PolicyConflictError extends WeftError {
  /** The failure's stable name, for programs. */
  readonly code = "PolicyConflict";
}

/** This leader keeps no such revision. */
export class UnknownRevisionError extends WeftError {
  /** The failure's stable name, for programs. */
  readonly code = "UnknownRevision";
}

/** There is no policy. */
export class NoPolicyError extends WeftError {
  /** The failure's stable name, for programs. */
  readonly code = "NoPolicy";
}

/** The network's policy does not let this node do that. */
export class DeniedError extends WeftError {
  /** The failure's stable name, for programs. */
  readonly code = "Refused";
  /** The rule that denies it, `web-tier#3`; `default` where none allows it. */
  readonly rule: string;

  /** @param what was tried, such as `ping web-1` */
  constructor(what: string, rule: string) {
    const reason = rule === "default"
      ? "no rule of the policy allows it"
      : `the policy's rule ${rule} denies it`;
    super(`Cannot ${what}: ${reason}`, { hint: "`weft policy explain` shows every rule that was asked." });
    this.rule = rule;
  }
}
