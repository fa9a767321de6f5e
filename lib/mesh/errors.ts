/**
 * What can go wrong with a network's state.
 * @module
 */

import { WeftError } from "../base/mod.ts";

/** The store belongs to a network already. */
export class AlreadyInitializedError extends WeftError {
  readonly code = "AlreadyInitialized";

  constructor() {
    super("Cannot start or join a network: this state directory already belongs to one", {
      hint: "Run weft up to resume it, or choose another directory with --state.",
    });
  }
}

/** The store belongs to no network yet. */
export class NotInitializedError extends WeftError {
  readonly code = "NotInitialized";

  constructor() {
    super("Cannot resume: this state directory belongs to no network yet", {
      hint: "Run weft --leader to start a network, or weft --join TOKEN to join one.",
    });
  }
}

/** There is no room for another token. */
export class TooManyTokensError extends WeftError {
  readonly code = "TooManyTokens";

  constructor(max: number) {
    super(`Cannot create a token: ${max} are in use`, { hint: "Revoke tokens that nobody needs any more." });
  }
}
