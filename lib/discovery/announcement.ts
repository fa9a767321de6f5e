/**
 * What a node sends to its neighbours.
 *
 * ```
 *   0         4         5      6      8         16            32           48
 *   +---------+---------+------+------+---------+-------------+------------+
 *   | "wftd"  | version | kind | port | nonce   | node id     | tag        |
 *   +---------+---------+------+------+---------+-------------+------------+
 *   kind: 1 announce   somebody listens on this port, at the address that this came from
 *         2 goodbye    not any more
 *         3 seek       somebody with a token looks for a leader
 *         4 here       a leader's answer to that
 *   tag = BLAKE2s(key = BLAKE2s("weft discovery v1" | network id), bytes 0 to 32), 16 bytes
 * ```
 *
 * Only who knows the network's id, which members and tokens do, can make or check the tag; others learn nothing from
 * it, and no two are alike. It proves nothing more: whoever is found has still to shake hands.
 *
 * @module
 */

import { concatBytes, decodeHex, encodeHex, equalBytes, utf8Bytes } from "../base/mod.ts";
import { blake2s, blake2sMac } from "../crypto/mod.ts";

/** Length of every announcement in bytes, so that no answer is longer than what it answers. */
export const ANNOUNCEMENT_BYTES = 48;
/** Length of a nonce in bytes. */
export const NONCE_BYTES = 8;

const MAGIC = Uint8Array.of(0x77, 0x66, 0x74, 0x64);
const VERSION = 1;
const VERSION_AT = 4;
const KIND_AT = 5;
const PORT_AT = 6;
const NONCE_AT = 8;
const NODE_ID_AT = 16;
const NODE_ID_BYTES = 16;
const TAG_AT = 32;
const TAG_BYTES = 16;
const KINDS = ["announce", "goodbye", "seek", "here"] as const;

/** Why it is sent. */
export type AnnouncementKind = typeof KINDS[number];

/** The fields of an announcement. */
export interface Announcement {
  readonly kind: AnnouncementKind;
  /** UDP and TCP port of both planes, 1 to 65535; 0 for who only seeks. */
  readonly port: number;
  /** 16 hexadecimal digits that no other announcement has. */
  readonly nonce: string;
  /** 32 hexadecimal digits. */
  readonly nodeId: string;
}

/** Makes and checks the announcements of one network. */
export class AnnouncementCodec {
  readonly #key: Uint8Array;

  /** @param networkId 32 hexadecimal digits @throws RangeError when they are none */
  constructor(networkId: string) {
    this.#key = blake2s(utf8Bytes("weft discovery v1"), hex(networkId, NODE_ID_BYTES));
  }

  /** @returns the 48 bytes @throws RangeError when a field is out of bounds */
  encode({ kind, port, nonce, nodeId }: Announcement): Uint8Array {
    if (!Number.isInteger(port) || port < 0 || port > 65535) {
      throw new RangeError(`Cannot announce port ${port}: ports are 0 to 65535`);
    }
    const head = concatBytes(
      MAGIC,
      Uint8Array.of(VERSION, KINDS.indexOf(kind) + 1, port >> 8, port & 0xff),
      hex(nonce, NONCE_BYTES),
      hex(nodeId, NODE_ID_BYTES),
    );
    return concatBytes(head, this.#tagOf(head));
  }

  /** @returns the announcement, `foreign` when it is another network's, or undefined when it is none */
  decode(bytes: Uint8Array): Announcement | "foreign" | undefined {
    if (bytes.length !== ANNOUNCEMENT_BYTES || !MAGIC.every((byte, i) => bytes[i] === byte)) return undefined;
    const kind = KINDS[(bytes[KIND_AT] ?? 0) - 1];
    if (bytes[VERSION_AT] !== VERSION || kind === undefined) return undefined;
    const port = (bytes[PORT_AT] ?? 0) << 8 | (bytes[PORT_AT + 1] ?? 0);
    if (port === 0 && kind !== "seek") return undefined;
    if (!equalBytes(this.#tagOf(bytes.subarray(0, TAG_AT)), bytes.subarray(TAG_AT))) return "foreign";
    const nonce = encodeHex(bytes.subarray(NONCE_AT, NODE_ID_AT));
    return { kind, port, nonce, nodeId: encodeHex(bytes.subarray(NODE_ID_AT, TAG_AT)) };
  }

  #tagOf(head: Uint8Array): Uint8Array {
    return blake2sMac(this.#key, TAG_BYTES, head);
  }
}

function hex(text: string, lengthBytes: number): Uint8Array {
  const bytes = decodeHex(text);
  if (bytes?.length === lengthBytes) return bytes;
  throw new RangeError(
    `Cannot announce ${JSON.stringify(text)}: it has ${2 * lengthBytes} hexadecimal digits`,
  );
}
