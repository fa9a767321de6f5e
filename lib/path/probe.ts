/**
 * The datagrams by which a path is tried. They share the socket of WireGuard, whose messages begin with 1 to 4.
 *
 * ```
 *   0      1      2      4            12          20       21    22     24          40       56
 *   +------+------+------+------------+-----------+--------+-----+------+-----------+--------+---------+
 *   | 0x77 | kind | zero | receiver   | counter   | family |move | port | address   | MAC    | padding |
 *   +------+------+------+------------+-----------+--------+-----+------+-----------+--------+---------+
 *   kind: 1 asks, 2 answers. move: in questions of who is somewhere else since a moment, the number of that move, else 0.
 *   Numbers are little-endian, addresses in network order.
 * ```
 *
 * An answer repeats the counter of its question and says from where that came; it has no padding, so that it is never
 * longer than the question. The MAC is over all before it and the length of the datagram, so that a path that cuts or
 * pads shows.
 *
 * @module
 */

import { equalBytes } from "../base/mod.ts";
import { blake2sMac } from "../crypto/mod.ts";
import {
  Endpoint,
  IpAddress,
  LEAST_ASK_BYTES,
  MOST_PATH_BYTES,
  PATH_BODY_AT,
  PATH_ID_AT,
  PATH_KIND,
  PATH_MAGIC,
  pathKindAt,
} from "../net/mod.ts";
import type { ProbeKey } from "./pair_keys.ts";

/** Length of an answer, and of the shortest question, in bytes. */
export const PROBE_BYTES: number = LEAST_ASK_BYTES;
/** The longest question that is made or taken, in bytes. */
export const MAX_PROBE_BYTES: number = MOST_PATH_BYTES;

const COUNTER_AT = PATH_BODY_AT;
const FAMILY_AT = 20;
const MOVE_AT = 21;
const PORT_AT = 22;
const ADDRESS_AT = 24;
const MAC_AT = 40;
const MAC_BYTES = 16;

/** What a probe says. */
export type Probe =
  | {
    readonly kind: "ask";
    readonly counter: number;
    readonly lengthBytes: number;
    /** Who asks is somewhere else since a moment: 1 to 255, another one for each move; else 0. */
    readonly move: number;
  }
  | {
    readonly kind: "answer";
    /** Of the question. */
    readonly counter: number;
    /** From where the question came, as its receiver saw it; absent when it could not say. */
    readonly seenAt?: Endpoint;
  };

/**
 * @param counter a whole number below 2^53
 * @param lengthBytes of the datagram, `PROBE_BYTES` to `MAX_PROBE_BYTES`
 * @param move the number of the move by which this node is somewhere else since a moment, 1 to 255; else 0
 * @returns a question to whoever has the other end of `key`
 */
export function encodeAsk(
  key: ProbeKey,
  counter: number,
  lengthBytes: number = PROBE_BYTES,
  move: number = 0,
): Uint8Array {
  const out = begin(key, PATH_KIND.ASK, counter, lengthBytes);
  out[MOVE_AT] = move;
  return seal(key, out);
}

/** @returns the answer to the question `counter`, which came from `seenAt` */
export function encodeAnswer(key: ProbeKey, counter: number, seenAt: Endpoint): Uint8Array {
  const out = begin(key, PATH_KIND.ANSWER, counter, PROBE_BYTES);
  const { address, port } = seenAt;
  out[FAMILY_AT] = address.family;
  new DataView(out.buffer).setUint16(PORT_AT, port, true);
  out.set(address.bytes, ADDRESS_AT);
  return seal(key, out);
}

/** @returns for whom a datagram is, as a view of it, or undefined when it is no probe */
export function probeId(datagram: Uint8Array): Uint8Array | undefined {
  const kind = pathKindAt(datagram, 0, datagram.length);
  const isProbe = kind === PATH_KIND.ASK || kind === PATH_KIND.ANSWER;
  return isProbe ? datagram.subarray(PATH_ID_AT, PATH_BODY_AT) : undefined;
}

/** Never throws. @returns what the datagram says, or undefined when it is no probe or not of who has `key` */
export function decodeProbe(key: ProbeKey, datagram: Uint8Array): Probe | undefined {
  const id = probeId(datagram);
  if (id === undefined || !equalBytes(id, key.id)) return undefined;
  const mac = macOf(key, datagram);
  if (!equalBytes(mac, datagram.subarray(MAC_AT, MAC_AT + MAC_BYTES))) return undefined;
  const view = new DataView(datagram.buffer, datagram.byteOffset, datagram.byteLength);
  const counter = Number(view.getBigUint64(COUNTER_AT, true));
  if (!Number.isSafeInteger(counter)) return undefined;
  if (datagram[1] === PATH_KIND.ASK) {
    return { kind: "ask", counter, lengthBytes: datagram.length, move: datagram[MOVE_AT] ?? 0 };
  }
  const seenAt = readSeenAt(datagram, view);
  return { kind: "answer", counter, ...seenAt && { seenAt } };
}

function begin(key: ProbeKey, kind: number, counter: number, lengthBytes: number): Uint8Array {
  if (!Number.isSafeInteger(counter) || lengthBytes < PROBE_BYTES || lengthBytes > MAX_PROBE_BYTES) {
    throw new RangeError(`Cannot make a probe ${counter} of ${lengthBytes} bytes`);
  }
  const out = new Uint8Array(lengthBytes);
  out[0] = PATH_MAGIC;
  out[1] = kind;
  out.set(key.id, PATH_ID_AT);
  new DataView(out.buffer).setBigUint64(COUNTER_AT, BigInt(counter), true);
  return out;
}

function seal(key: ProbeKey, out: Uint8Array): Uint8Array {
  out.set(macOf(key, out), MAC_AT);
  return out;
}

function macOf({ macKey }: ProbeKey, datagram: Uint8Array): Uint8Array {
  const length = Uint8Array.of(datagram.length & 0xff, datagram.length >> 8);
  return blake2sMac(macKey, MAC_BYTES, datagram.subarray(0, MAC_AT), length);
}

function readSeenAt(datagram: Uint8Array, view: DataView): Endpoint | undefined {
  const family = datagram[FAMILY_AT];
  const port = view.getUint16(PORT_AT, true);
  if ((family !== 4 && family !== 6) || port === 0) return undefined;
  const bytes = datagram.subarray(ADDRESS_AT, ADDRESS_AT + (family === 4 ? 4 : 16));
  return new Endpoint(IpAddress.fromBytes(bytes), port);
}
