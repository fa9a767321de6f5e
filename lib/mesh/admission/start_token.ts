/**
 * The token that a leader prints when it starts: the same at every start until little of its life is left. Its secret
 * follows from the network's signing key and the token's id, so that, of this token too, the state holds a hash alone.
 *
 *     start-token/id   the id of the last one
 *
 * @module
 */

import { concatBytes, decodeHex, type StateStore, utf8Bytes } from "../../base/mod.ts";
import { blake2sMac, type SigningKey } from "../../crypto/mod.ts";
import { JoinToken, type JoinTokenFields, TOKEN_SECRET_BYTES, TokenSecret } from "../records/mod.ts";
import type { TokenBook } from "./token_book.ts";

/** How long the token is good that a leader prints at its start. */
export const START_TOKEN_LIFETIME_MS: number = 24 * 3_600_000;
/** With less than this left a start makes another one: who is told of it has to get to the other machine. */
export const LEAST_START_TOKEN_MS = 3_600_000;

const START_TOKEN = "start-token";
const ID = "id";

/** Of what the token is made. */
export interface StartTokenParts {
  readonly store: StateStore;
  readonly tokens: TokenBook;
  readonly signingKey: SigningKey;
  /** The wall clock, in milliseconds since 1970. */
  readonly wall: number;
}

/**
 * @param fields what a token names now: endpoints and other leaders may have changed since it was made
 * @returns the token of the last start while at least an hour of it is left and nobody has revoked it, else another one
 * @throws TooManyTokensError when another one finds no room
 */
export function startToken(
  { store, tokens, signingKey, wall }: StartTokenParts,
  fields: Omit<JoinTokenFields, "tokenId" | "secret" | "expiresAt">,
): JoinToken {
  const bytes = store.get(START_TOKEN, ID);
  const tokenId = bytes && new TextDecoder().decode(bytes);
  const known = tokenId === undefined ? undefined : tokens.get(tokenId);
  if (known?.state === "usable" && known.expiresAt - wall >= LEAST_START_TOKEN_MS) {
    const { id, expiresAt } = known;
    return new JoinToken({ ...fields, tokenId: id, secret: secretOf(signingKey, id), expiresAt });
  }
  return store.transaction(() => {
    const options = { ...fields, lifetimeMs: START_TOKEN_LIFETIME_MS };
    const token = tokens.create(options, (id) => secretOf(signingKey, id));
    store.put(START_TOKEN, ID, utf8Bytes(token.tokenId));
    return token;
  });
}

function secretOf(signingKey: SigningKey, tokenId: string): TokenSecret {
  const name = concatBytes(utf8Bytes("weft start token v1"), decodeHex(tokenId) ?? new Uint8Array(0));
  return TokenSecret.fromBytes(blake2sMac(signingKey.exposeBytes(), TOKEN_SECRET_BYTES, name));
}
