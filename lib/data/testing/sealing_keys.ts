/**
 * Keys of members for tests: what a pair of members shares follows from their names, which every test knows.
 * @module
 */

import { utf8Bytes } from "../../base/mod.ts";
import { blake2s, XCHACHA_NONCE_BYTES, xchachaOpen, xchachaSeal } from "../../crypto/mod.ts";
import type { PeerId } from "../../service/mod.ts";
import type { SealingKeys } from "../sealed/mod.ts";

const NONCE = new Uint8Array(XCHACHA_NONCE_BYTES);

/** @param readers those who have a label now */
export function sealingKeys(self: PeerId, readers: (selector: string) => readonly PeerId[]): SealingKeys {
  const shared = (from: string, to: string) => blake2s(utf8Bytes(`${from} ${to}`));
  return {
    self,
    readers,
    sealFor: (reader, label, secret) => xchachaSeal(shared(self, reader), NONCE, secret, utf8Bytes(label)),
    openFrom: (sender, label, box) => xchachaOpen(shared(sender, self), NONCE, box, utf8Bytes(label)),
  };
}
