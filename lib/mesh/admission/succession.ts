/**
 * How a node that goes on under new keys is taken for who it was by members that have not heard of it: it shows its new
 * record, which the network's key has signed, and that its former signing key says the same. Either alone lets nobody in:
 * whoever has the network's key and is no member could sign a record for anybody, and a former key alone gives no rights.
 *
 * @module
 */

import { concatBytes } from "../../base/mod.ts";
import type { PublicKey, VerifyingKey } from "../../crypto/mod.ts";
import { idBytes, type NodeId, type NodeIdentity } from "../identity/mod.ts";
import {
  chainRootOf,
  isSignedBy,
  type MemberRecord,
  PLAIN_READER,
  RECORD_LABEL,
  type Signed,
  signPayload,
} from "../records/mod.ts";
import type { Roster } from "../replica/mod.ts";
import type { Succession } from "../wire/mod.ts";

const SUCCESSION_LABEL = "weft key succession v1";

/**
 * @param former the last keys that others are known to know
 * @param next those that the network has signed
 * @param record of the new keys
 */
export function signSuccession(former: NodeIdentity, next: NodeIdentity, record: Signed): Succession {
  const { publicKey, signingKey: { verifyingKey } } = next;
  const { signature } = signPayload(
    SUCCESSION_LABEL,
    payloadOf(former.id, publicKey, verifyingKey),
    former.signingKey,
  );
  return { formerId: former.id, record, endorsement: signature };
}

/**
 * Checks what somebody shows whose key nobody knows; what costs a signature's check comes last, and changes nothing.
 * @param caller the key that a handshake proves, and the id that it claims
 * @param verifyingKey the network's
 * @returns the record, which may be merged; undefined unless the caller goes on as somebody who is a member now
 */
export function readSuccession(
  { formerId, record: signed, endorsement }: Succession,
  caller: { readonly publicKey: PublicKey; readonly nodeId: NodeId },
  { roster, verifyingKey }: { readonly roster: Roster; readonly verifyingKey: VerifyingKey },
): Signed | undefined {
  const former = roster.linkable(formerId)?.record;
  const record = PLAIN_READER.record(signed.payload);
  if (former?.verifyingKey === undefined || record?.verifyingKey === undefined) return undefined;
  if (!record.publicKey.equals(caller.publicKey) || record.nodeId !== caller.nodeId) return undefined;
  if (!isLater(record, former)) return undefined;
  const payload = payloadOf(formerId, record.publicKey, record.verifyingKey);
  if (!isSignedBy(SUCCESSION_LABEL, { payload, signature: endorsement }, former.verifyingKey)) {
    return undefined;
  }
  return PLAIN_READER.isSignedBy(RECORD_LABEL, signed, verifyingKey) ? signed : undefined;
}

/** Whether one record goes on from another one of the same member. */
function isLater(record: MemberRecord, former: MemberRecord): boolean {
  return !record.revoked && record.networkId === former.networkId &&
    chainRootOf(record) === chainRootOf(former) &&
    (record.chain?.generation ?? 0) > (former.chain?.generation ?? 0);
}

function payloadOf(former: NodeId, publicKey: PublicKey, verifyingKey: VerifyingKey): Uint8Array {
  return concatBytes(idBytes(former), publicKey.bytes, verifyingKey.bytes);
}
