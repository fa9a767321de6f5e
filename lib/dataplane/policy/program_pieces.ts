/**
 * Programs on their way to another thread: in pieces, since one may have megabytes and a command may not.
 * @module
 */

import type { PlanePolicy } from "./policy_plane.ts";

/** Of the program's bytes in one command; in base64 it is a third longer. */
const PIECE_BYTES = 256 << 10;

/** A part of a policy; with the last one it is complete. */
export interface PolicyPiece {
  readonly of: "enforced" | "trial";
  /** In base64. */
  readonly bytes: string;
  /** Begins the program anew. */
  readonly isFirst: boolean;
}

/** What is sent of a policy, in this order. */
export type PolicyCommand =
  | { readonly call: "piece"; readonly piece: PolicyPiece }
  /** All pieces have come: it takes effect. */
  | {
    readonly call: "use";
    readonly hasEnforced: boolean;
    readonly hasTrial: boolean;
    readonly ownAddresses: readonly string[];
  };

/** @returns the commands that hand a policy over */
export function policyCommands(policy: PlanePolicy): readonly PolicyCommand[] {
  const commands: PolicyCommand[] = [];
  for (const place of ["enforced", "trial"] as const) {
    const bytes = policy[place];
    for (let at = 0; bytes !== undefined && at < bytes.length; at += PIECE_BYTES) {
      const piece = bytes.subarray(at, at + PIECE_BYTES).toBase64();
      commands.push({ call: "piece", piece: { of: place, bytes: piece, isFirst: at === 0 } });
    }
  }
  commands.push({
    call: "use",
    hasEnforced: policy.enforced !== undefined,
    hasTrial: policy.trial !== undefined,
    ownAddresses: policy.ownAddresses,
  });
  return commands;
}

/** Puts pieces together again. */
export class PolicyPieces {
  readonly #pieces = { enforced: [] as Uint8Array[], trial: [] as Uint8Array[] };

  /** Takes a command. @returns the policy once it is complete */
  take(command: PolicyCommand): PlanePolicy | undefined {
    if (command.call === "piece") {
      const { of: place, bytes, isFirst } = command.piece;
      if (isFirst) this.#pieces[place] = [];
      this.#pieces[place].push(Uint8Array.fromBase64(bytes));
      return undefined;
    }
    const policy = {
      enforced: command.hasEnforced ? joined(this.#pieces.enforced) : undefined,
      trial: command.hasTrial ? joined(this.#pieces.trial) : undefined,
      ownAddresses: command.ownAddresses,
    };
    this.#pieces.enforced = [];
    this.#pieces.trial = [];
    return policy;
  }
}

function joined(pieces: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(pieces.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const piece of pieces) {
    bytes.set(piece, at);
    at += piece.length;
  }
  return bytes;
}
