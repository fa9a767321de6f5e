/**
 * How the holder of new keys shows that it wants to take the place of an old one.
 * @module
 */

import { concatBytes } from "../../base/mod.ts";
import { idBytes, type NodeId, type NodeIdentity } from "../identity/mod.ts";
import { isSignedBy, type Signed, signPayload } from "../records/mod.ts";
import type { KeyRotation } from "../wire/mod.ts";

/** Keys are replaced too often: by this member, or by all together. */
export interface RotationDelay {
  readonly retryAfterMs: number;
}

/** What a new signing key signs to show that its holder wants to take the place of an old one. */
const ROTATION_LABEL = "weft key rotation v1";

/**
 * @param from the id that ends
 * @param to who goes on
 * @param statement where it is, signed by the new key
 * @returns what a leader is to be asked, over a channel that proves the old key
 */
export function rotationTo(from: NodeId, to: NodeIdentity, statement?: Signed): KeyRotation {
  const { publicKey, signingKey } = to;
  const { verifyingKey } = signingKey;
  const { signature } = signPayload(
    ROTATION_LABEL,
    rotationPayload(from, { publicKey, verifyingKey }),
    signingKey,
  );
  return { publicKey, verifyingKey, proof: signature, ...statement && { statement } };
}

function rotationPayload(
  from: NodeId,
  { publicKey, verifyingKey }: Pick<KeyRotation, "publicKey" | "verifyingKey">,
): Uint8Array {
  return concatBytes(idBytes(from), publicKey.bytes, verifyingKey.bytes);
}

/** Whether the new signing key has signed that it takes the place of `from`. */
export function isProven(from: NodeId, to: KeyRotation): boolean {
  const proof = { payload: rotationPayload(from, to), signature: to.proof };
  return isSignedBy(ROTATION_LABEL, proof, to.verifyingKey);
}
