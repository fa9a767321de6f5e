/**
 * Tokens that one leader has made, known to all leaders and to nobody else: entries that are sealed under a key that
 * follows from the network's signing key.
 *
 *     token/ID/LEADER   nonce, 24 | XChaCha20-Poly1305 of the token as JSON
 *
 * @module
 */

import {
  concatBytes,
  decodeHex,
  encodeHex,
  type Environment,
  randomBytes,
  type RandomSource,
  utf8Bytes,
} from "../../base/mod.ts";
import {
  blake2sMac,
  type PublicKey,
  type SigningKey,
  XCHACHA_NONCE_BYTES,
  xchachaOpen,
  xchachaSeal,
} from "../../crypto/mod.ts";
import { ID_BYTES, type NetworkId, type NodeId } from "../identity/mod.ts";
import type { Replica } from "../replica/mod.ts";
import {
  type KeyTag,
  keyTagOf,
  MAX_ENTRY_BODY_BYTES,
  MAX_ENTRY_LIFETIME_MS,
  NO_UPDATE,
  type ReplicaUpdate,
  type Signed,
} from "../records/mod.ts";
import type { StoredToken, TokenBook } from "./token_book.ts";

/** The kind of these entries. */
export const TOKEN_KIND = "token";

const KEY = /^([0-9a-f]{32})\/([0-9a-f]{32})$/;

/** One leader's tokens, and the replica in which leaders share them. */
export interface TokenShareParts extends Pick<Environment, "clock" | "random"> {
  /** This leader's node id. */
  readonly self: NodeId;
  readonly networkId: NetworkId;
  readonly signingKey: SigningKey;
  readonly tokens: TokenBook;
  readonly replica: Replica;
  /** Whether there is about to be another leader. */
  readonly hasHeir?: boolean;
}

/**
 * Takes in the tokens of other leaders, and writes this leader's when there are others, or are about to be.
 * @returns the entries that are new, to be sent to others
 */
export function shareTokens(parts: TokenShareParts): ReplicaUpdate {
  absorbTokens(parts);
  const { self, networkId, signingKey, tokens, replica } = parts;
  let hasOthers = parts.hasHeir ?? false;
  for (const { nodeId, roles } of replica.roster.liveRecords()) {
    if (nodeId !== self && roles.includes("leader")) hasOthers = true;
  }
  if (!hasOthers) return NO_UPDATE;
  const entries: Signed[] = [];
  for (const [id, token] of tokens.shared()) {
    const key = `${id}/${self}`;
    const text = JSON.stringify(token);
    const known = replica.entries.get(TOKEN_KIND, networkId, key);
    if (known !== undefined && openToken(signingKey, key, known.body) === text) continue;
    const body = sealToken(signingKey, key, text, parts.random);
    // A token with labels beyond measure stays with the leader that made it.
    if (body.length > MAX_ENTRY_BODY_BYTES) continue;
    const lifetimeMs = Math.min(MAX_ENTRY_LIFETIME_MS, token.expiresAt - parts.clock.wall());
    try {
      const signed = replica.entries.write(networkId, signingKey, {
        kind: TOKEN_KIND,
        key,
        body,
        lifetimeMs,
      });
      if (signed !== undefined) entries.push(signed);
    } catch (error) {
      // There are too many; this one too stays where it is.
      if (!(error instanceof RangeError)) throw error;
    }
  }
  return { ...NO_UPDATE, entries };
}

/** What cannot be read is left alone. */
function absorbTokens({ self, signingKey, tokens, replica }: TokenShareParts): void {
  for (const { key, body } of replica.entries.list(TOKEN_KIND)) {
    const [, id, by] = KEY.exec(key) ?? [];
    if (id === undefined || by === undefined || by === self) continue;
    const text = openToken(signingKey, key, body);
    // A leader wrote it, so it is what it should be.
    if (text !== undefined) tokens.absorb(id, by, JSON.parse(text) as StoredToken);
  }
}

/**
 * Notes in a record by which token a machine came in, so that every leader can say so, and nobody else: the id under a
 * pad that follows from the network's signing key and the member's first key. The record's own signature vouches for it.
 * @param id 32 hexadecimal digits
 * @returns 16 bytes
 */
export function sealTokenId(id: string, signingKey: SigningKey, publicKey: PublicKey): Uint8Array {
  return masked(decodeHex(id) ?? new Uint8Array(ID_BYTES), signingKey, keyTagOf(publicKey));
}

/** @param root of the chain of keys of the member that came in @returns the token's id */
export function openTokenId(sealed: Uint8Array, signingKey: SigningKey, root: KeyTag): string {
  return encodeHex(masked(sealed, signingKey, root));
}

function masked(id: Uint8Array, signingKey: SigningKey, root: KeyTag): Uint8Array {
  const pad = blake2sMac(boxKey(signingKey), ID_BYTES, utf8Bytes(`admitted by ${root}`));
  return id.map((byte, i) => byte ^ (pad[i] ?? 0));
}

function sealToken(signingKey: SigningKey, key: string, text: string, random: RandomSource): Uint8Array {
  const nonce = randomBytes(random, XCHACHA_NONCE_BYTES);
  return concatBytes(nonce, xchachaSeal(boxKey(signingKey), nonce, utf8Bytes(text), utf8Bytes(key)));
}

function openToken(signingKey: SigningKey, key: string, body: Uint8Array): string | undefined {
  if (body.length < XCHACHA_NONCE_BYTES) return undefined;
  const nonce = body.subarray(0, XCHACHA_NONCE_BYTES);
  const text = xchachaOpen(boxKey(signingKey), nonce, body.subarray(XCHACHA_NONCE_BYTES), utf8Bytes(key));
  return text && new TextDecoder().decode(text);
}

function boxKey(signingKey: SigningKey): Uint8Array {
  return blake2sMac(signingKey.exposeBytes(), 32, utf8Bytes("weft leaders' box v1"));
}
