/**
 * How a member goes on under new keys: it shows that they are its own, and a leader signs a record for them.
 * @module
 */

import { concatBytes } from "../../base/mod.ts";
import { idBytes, type NodeId, type NodeIdentity, nodeIdOf } from "../identity/mod.ts";
import { isSignedBy, type MemberRecord, type Signed, signPayload, verifyStatement } from "../records/mod.ts";
import type { RecordEntry, Roster } from "../replica/mod.ts";
import type { KeyRotation } from "../wire/mod.ts";
import type { AdmissionRefusal, Enrolment } from "./enrolment.ts";

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

/**
 * Signs a record for the new keys and revokes the old one, naming its successor.
 * @param from whose keys they replace
 * @returns both records, the new one first; the same again for the same keys
 */
export function rotateKeys(
  enrolment: Enrolment,
  roster: Roster,
  from: MemberRecord,
  to: KeyRotation,
): readonly [RecordEntry, RecordEntry] | AdmissionRefusal {
  const { publicKey, verifyingKey, statement } = to;
  const successor = nodeIdOf(publicKey, verifyingKey);
  const [next, old] = [roster.entryOf(successor), roster.entryOf(from.nodeId)];
  if (from.successor === successor && next !== undefined && old !== undefined) return [next, old];
  if (from.revoked) return "refused:revoked";
  if (roster.recordByKey(publicKey) !== undefined || !isRotationOf(from.nodeId, to)) {
    return "refused:key-mismatch";
  }
  return enrolment.transact(() => {
    const lifetime = enrolment.lifetime();
    const { issuedAt } = lifetime;
    const keys = { nodeId: successor, publicKey, verifyingKey };
    // The new record first, so that nobody sees the name and the addresses free.
    const next = enrolment.sign({ ...from, ...keys, version: 1, ...lifetime });
    const old = enrolment.sign({ ...from, version: from.version + 1, issuedAt, revoked: true, successor });
    if (statement !== undefined && verifyStatement(statement, verifyingKey)?.nodeId === successor) {
      roster.mergeStatement(statement);
    }
    return [next, old];
  });
}

/** Whether the holder of the new signing key wants to take the place of `from`. */
function isRotationOf(from: NodeId, rotation: KeyRotation): boolean {
  const { proof, verifyingKey } = rotation;
  return isSignedBy(LABEL, { payload: payloadOf(from, rotation), signature: proof }, verifyingKey);
}

function payloadOf(
  from: NodeId,
  { publicKey, verifyingKey }: Pick<KeyRotation, "publicKey" | "verifyingKey">,
): Uint8Array {
  return concatBytes(idBytes(from), publicKey.bytes, verifyingKey.bytes);
}
