/**
 * The keys by which two members prove to each other that a probe is theirs. Both ends work them out of their static keys
 * and nobody has to send anything first.
 * @module
 */

import { encodeHex, utf8Bytes } from "../base/mod.ts";
import { blake2sMac, type PrivateKey, type PublicKey } from "../crypto/mod.ts";
import { PATH_ID_BYTES } from "../net/mod.ts";

const PURPOSE = utf8Bytes("weft path probes, version 1");
const ID = utf8Bytes("id");
const MAC = utf8Bytes("mac");

/** One direction of a pair: what names its receiver, and what proves its sender. */
export interface ProbeKey {
  /** 8 bytes that both ends know, and nobody can make who has neither key. */
  readonly id: Uint8Array;
  /** 32 bytes; never log them. */
  readonly macKey: Uint8Array;
}

/** Both directions, from one end. */
export interface PairKeys {
  readonly outgoing: ProbeKey;
  readonly incoming: ProbeKey;
  /** `incoming.id` as 16 hexadecimal digits. */
  readonly incomingId: string;
}

/**
 * Works out the keys of this node and a member: a keyed BLAKE2s of the X25519 secret that their static keys share.
 * @returns undefined when the member's key is of low order, with which nothing is shared
 */
export function derivePairKeys(own: PrivateKey, member: PublicKey): PairKeys | undefined {
  const shared = own.sharedSecret(member);
  if (shared === undefined) return undefined;
  const root = blake2sMac(shared, 32, PURPOSE);
  shared.fill(0);
  const keyTo = (receiver: PublicKey): ProbeKey => ({
    id: blake2sMac(root, 16, ID, receiver.bytes).slice(0, PATH_ID_BYTES),
    macKey: blake2sMac(root, 32, MAC, receiver.bytes),
  });
  const incoming = keyTo(own.publicKey);
  const keys = { outgoing: keyTo(member), incoming, incomingId: encodeHex(incoming.id) };
  root.fill(0);
  return keys;
}
