/**
 * How a member shows that the keys it wants to go on under are its own.
 * @module
 */

import { concatBytes } from "../../base/mod.ts";
import { idBytes, type NodeId, type NodeIdentity } from "../identity/mod.ts";
import type { KeyRotation } from "../wire/mod.ts";
import { isSignedBy, type Signed, signPayload } from "../records/mod.ts";

const LABEL = "weft key rotation v1";

/**
 * @param from the id that ends
 * @param to who goes on
 * @param statement where it is, signed by the new key
 * @returns what a leader is to be asked, over a channel that proves the old key
 */
export function rotationTo(from: NodeId, to: NodeIdentity, statement?: Signed): KeyRotation {
  const { publicKey, signingKey } = to;
  const { verifyingKey } = signingKey;
  const { signature } = signPayload(LABEL, payloadOf(from, { publicKey, verifyingKey }), signingKey);
  return { publicKey, verifyingKey, proof: signature, ...statement && { statement } };
}

/** Whether the holder of the new signing key wants to take the place of `from`. */
export function isRotationOf(from: NodeId, rotation: KeyRotation): boolean {
  const { proof, verifyingKey } = rotation;
  return isSignedBy(LABEL, { payload: payloadOf(from, rotation), signature: proof }, verifyingKey);
}

function payloadOf(
  from: NodeId,
  { publicKey, verifyingKey }: Pick<KeyRotation, "publicKey" | "verifyingKey">,
): Uint8Array {
  return concatBytes(idBytes(from), publicKey.bytes, verifyingKey.bytes);
}
