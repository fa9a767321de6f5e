/**
 * Keys of homes for tests: they follow from the names of members, and of the network, which every test knows.
 * @module
 */

import { concatBytes, utf8Bytes } from "../../base/mod.ts";
import { blake2s, SigningKey } from "../../crypto/mod.ts";
import type { PeerId } from "../../service/mod.ts";
import type { LayoutKeys } from "../shards/mod.ts";

const known = new Map<PeerId, SigningKey>();

/** @param network where signatures of others count for nothing */
export function layoutKeys(self: PeerId, network = "net"): LayoutKeys {
  const signed = (digest: Uint8Array) => concatBytes(utf8Bytes(network), digest);
  return {
    sign: (digest) => keyOf(self).sign(signed(digest)),
    isSignedBy: (member, digest, signature) => keyOf(member).verifyingKey.verify(signed(digest), signature),
  };
}

function keyOf(member: PeerId): SigningKey {
  const key = known.get(member) ?? SigningKey.fromSeed(blake2s(utf8Bytes(member)));
  known.set(member, key);
  return key;
}
