/**
 * The string that lets a machine in.
 *
 *     "weft1-" base64url( JoinTokenBody | first 4 bytes of BLAKE2s(JoinTokenBody) )
 *
 * @module
 */

import {
  concatBytes,
  decodeBase64Url,
  decodeHex,
  encodeBase64Url,
  encodeHex,
  equalBytes,
  randomBytes,
  type RandomSource,
  type UnixMillis,
  utf8Bytes,
} from "../../base/mod.ts";
import { blake2s, blake2sMac, PresharedKey, type PublicKey, Secret } from "../../crypto/mod.ts";
import { Cidr, type Endpoint, type WebAddress } from "../../net/mod.ts";
import { decodeMessage, encodeMessage, JoinTokenBodySchema } from "../../proto/mod.ts";
import { ID_BYTES, idBytes, type NetworkId, networkIdFromBytes } from "../identity/mod.ts";
import { complete, readEndpoints, readList, readPublicKey, readTime, readUrls } from "./signed.ts";

/** How many endpoints of the leader a token may name. */
export const MAX_TOKEN_ENDPOINTS = 8;

/** How many other leaders a token may name. */
export const MAX_TOKEN_OTHERS = 4;
/** How many endpoints of each of them, so that a token can still be pasted. */
export const MAX_OTHER_ENDPOINTS = 4;

/** How many URLs of each leader a token may name. */
export const MAX_TOKEN_URLS = 2;
/** A longer URL is in no token, so that it can still be pasted. */
export const MAX_TOKEN_URL_LENGTH = 80;

/** Length of a token's secret in bytes. */
export const TOKEN_SECRET_BYTES = 32;

const PREFIX = "weft1-";
const CHECKSUM_BYTES = 4;
const MAX_TEXT_LENGTH = 3072;

/** The part of a token that must not be shown. */
export class TokenSecret extends Secret {
  private constructor(bytes: Uint8Array) {
    super(bytes, TOKEN_SECRET_BYTES);
  }

  /**
   * @param bytes 32 bytes, copied
   * @throws RangeError when the length is wrong
   */
  static fromBytes(bytes: Uint8Array): TokenSecret {
    return new TokenSecret(bytes);
  }

  /** Draws a new secret. */
  static generate(random: RandomSource): TokenSecret {
    return new TokenSecret(randomBytes(random, TOKEN_SECRET_BYTES));
  }

  /** @returns the 32 bytes that a leader keeps of it */
  hash(): Uint8Array {
    return blake2s(utf8Bytes("weft token secret v1"), this.exposeBytes());
  }
}

/** @returns the key that a joiner and its leader share, of the hash of a token's secret */
export function presharedKeyOf(secretHash: Uint8Array): PresharedKey {
  return PresharedKey.fromBytes(blake2sMac(secretHash, 32, utf8Bytes("weft join preshared key v1")));
}

/** A leader that lets machines in by a token. */
export interface TokenLeader {
  readonly publicKey: PublicKey;
  /** Of its message plane. */
  readonly endpoints: readonly Endpoint[];
  /** Of its message plane by WebSocket; absent for none. */
  readonly urls?: readonly WebAddress[];
}

/** What is in a token. */
export type JoinTokenFields =
  & Pick<
    JoinToken,
    "networkId" | "tokenId" | "leaderPublicKey" | "endpoints" | "cidr" | "secret" | "expiresAt"
  >
  & Partial<Pick<JoinToken, "others" | "urls">>;

/** Why a text is no token, for people. */
export interface TokenProblem {
  /** A clause, `it …`; it never repeats the text. */
  readonly problem: string;
}

/** A join token. Only `encode` shows its secret. */
export class JoinToken {
  readonly networkId: NetworkId;
  /** 32 lower-case hexadecimal digits. */
  readonly tokenId: string;
  readonly leaderPublicKey: PublicKey;
  /** Of the leader's message plane; at most 8. */
  readonly endpoints: readonly Endpoint[];
  /** The same by WebSocket; at most 2. */
  readonly urls: readonly WebAddress[];
  /** The overlay. */
  readonly cidr: Cidr;
  readonly secret: TokenSecret;
  readonly expiresAt: UnixMillis;
  /** Other leaders that let machines in by this token too, at most 4 with at most 4 endpoints each. */
  readonly others: readonly TokenLeader[];

  /** @throws RangeError when there are too many endpoints or leaders, or the id is none */
  constructor(fields: JoinTokenFields) {
    const { others = [], urls = [] } = fields;
    const tooMany = [fields, ...others].some(({ urls = [] }) =>
      urls.length > MAX_TOKEN_URLS || urls.some((url) => `${url}`.length > MAX_TOKEN_URL_LENGTH)
    );
    if (
      tooMany ||
      fields.endpoints.length > MAX_TOKEN_ENDPOINTS || !/^[0-9a-f]{32}$/.test(fields.tokenId) ||
      others.length > MAX_TOKEN_OTHERS ||
      others.some(({ endpoints }) => endpoints.length > MAX_OTHER_ENDPOINTS)
    ) {
      throw new RangeError(
        "Cannot make a token: it has an id of 32 digits, at most 8 endpoints and 2 short URLs",
      );
    }
    this.others = [...others];
    this.urls = [...urls];
    this.networkId = fields.networkId;
    this.tokenId = fields.tokenId;
    this.leaderPublicKey = fields.leaderPublicKey;
    this.endpoints = [...fields.endpoints];
    this.cidr = fields.cidr;
    this.secret = fields.secret;
    this.expiresAt = fields.expiresAt;
  }

  /**
   * Reads what `encode` wrote; white space around it is fine.
   * @returns the token, or what is wrong with the text; whether it has expired is for its user to say
   */
  static parse(text: string): JoinToken | TokenProblem {
    const body = readBody(text.slice(0, 2 * MAX_TEXT_LENGTH).trim());
    if (!(body instanceof Uint8Array)) return body;
    const fields = decodeBody(body);
    return fields ? new JoinToken(fields) : { problem: "it holds something that this version cannot read" };
  }

  /** Everybody that lets machines in by this token, the one that made it first. */
  get leaders(): readonly TokenLeader[] {
    const { leaderPublicKey: publicKey, endpoints, urls } = this;
    return [{ publicKey, endpoints, ...urls.length > 0 && { urls } }, ...this.others];
  }

  /** What the handshake with the leader is keyed with. */
  get presharedKey(): PresharedKey {
    return presharedKeyOf(this.secret.hash());
  }

  /** @returns the whole token, secret included: for the one who shall paste it, never for a log */
  encode(): string {
    const body = encodeMessage(JoinTokenBodySchema, {
      networkId: idBytes(this.networkId),
      tokenId: decodeHex(this.tokenId) ?? new Uint8Array(0),
      leaderPublicKey: this.leaderPublicKey.bytes,
      endpoints: this.endpoints.map(String),
      cidr: this.cidr.toString(),
      secret: this.secret.exposeBytes(),
      expiresAt: BigInt(this.expiresAt),
      urls: this.urls.map(String),
      others: this.others.map(({ publicKey, endpoints, urls = [] }) => ({
        publicKey: publicKey.bytes,
        endpoints: endpoints.map(String),
        urls: urls.map(String),
      })),
    });
    return PREFIX + encodeBase64Url(concatBytes(body, checksum(body)));
  }

  /** @returns `JoinToken(hidden)` */
  toString(): string {
    return "JoinToken(hidden)";
  }

  /** @returns the same as `toString()` */
  toJSON(): string {
    return this.toString();
  }
}

function readBody(text: string): Uint8Array | TokenProblem {
  if (text === "") return { problem: "it is empty" };
  if (!text.startsWith(PREFIX)) {
    const version = /^weft(\d{1,3})-/.exec(text)?.[1];
    return version === undefined
      ? { problem: `it does not begin with ${PREFIX}` }
      : { problem: `it is of version ${version}, and this weft reads version 1` };
  }
  if (text.length > MAX_TEXT_LENGTH) return { problem: "it is too long" };
  const digits = text.slice(PREFIX.length);
  if (!/^[\w-]*$/.test(digits)) return { problem: "it has a character that no token has" };
  const bytes = decodeBase64Url(digits);
  const body = bytes?.subarray(0, -CHECKSUM_BYTES);
  if (
    bytes === undefined || body === undefined || body.length === 0 ||
    !equalBytes(checksum(body), bytes.subarray(-CHECKSUM_BYTES))
  ) return { problem: "it is truncated or was changed: its checksum is wrong" };
  return body;
}

function decodeBody(body: Uint8Array): JoinTokenFields | undefined {
  const message = decodeMessage(JoinTokenBodySchema, body);
  if (message === undefined) return undefined;
  const { tokenId, secret } = message;
  if (tokenId.length !== ID_BYTES || secret.length !== TOKEN_SECRET_BYTES) return undefined;
  return complete<JoinTokenFields>({
    networkId: networkIdFromBytes(message.networkId),
    tokenId: encodeHex(tokenId),
    leaderPublicKey: readPublicKey(message.leaderPublicKey),
    endpoints: readEndpoints(message.endpoints, MAX_TOKEN_ENDPOINTS),
    cidr: Cidr.parse(message.cidr),
    secret: TokenSecret.fromBytes(secret),
    expiresAt: readTime(message.expiresAt),
    urls: readUrls(message.urls, MAX_TOKEN_URLS),
    others: readList(
      message.others,
      MAX_TOKEN_OTHERS,
      ({ publicKey, endpoints, urls }) =>
        complete<TokenLeader>({
          publicKey: readPublicKey(publicKey),
          endpoints: readEndpoints(endpoints, MAX_OTHER_ENDPOINTS),
          ...urls.length > 0 && { urls: readUrls(urls, MAX_TOKEN_URLS) },
        }),
    ),
  });
}

function checksum(body: Uint8Array): Uint8Array {
  return blake2s(body).subarray(0, CHECKSUM_BYTES);
}
