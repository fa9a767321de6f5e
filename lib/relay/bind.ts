/**
 * The datagrams by which a member says to a relay where it is. They share the socket of WireGuard, whose messages begin
 * with 1 to 4 as a 32-bit number (WireGuard paper §5.4), and the first byte of the path protocol.
 *
 * ```text
 *    0       1       2       3
 *   +-------+-------+-------+-------+
 *   | 0x77  | kind  |   0   |   0   |   kind: 3 bind, 4 bound
 *   +-------+-------+-------+-------+
 *   | id of the leg, 8 bytes        |
 *   +-------------------------------+
 *   | counter, u64 little-endian    |   higher with each bind; a bound repeats its bind's
 *   +-------------------------------+
 *   | MAC, 16 bytes                 |   keyed BLAKE2s with the leg's secret, of the 20 bytes before
 *   +-------------------------------+
 *   | zeros up to 48 bytes          |   a bind may have more of them, a bound never has
 *   +-------------------------------+
 * ```
 *
 * A bound is as long as the shortest bind, and a bind is answered once, so a relay sends nobody more than it was sent.
 * @module
 */

import { blake2sMac, equalConstantTime } from "../crypto/mod.ts";
import { LEG_ID_BYTES, type LegKey } from "./leg_secret.ts";

/** The first byte of all datagrams of the path protocol. */
export const PATH_MAGIC = 0x77;
/** The second byte of a bind, from a member to a relay. */
export const BIND_KIND = 3;
/** The second byte of its answer. */
export const BOUND_KIND = 4;
/** How long a bound is, and the shortest bind, in bytes. */
export const BIND_BYTES = 48;
/** The longest bind, in bytes. */
export const MAX_BIND_BYTES = 1500;

const ID_AT = 4;
const COUNTER_AT = 12;
const MAC_AT = 20;
const MAC_BYTES = 16;
const WORD = 0x1_0000_0000;

/** A bind or bound whose form is right; whether it is authentic only `isAuthenticBind` says. */
export interface Bind {
  readonly kind: "bind" | "bound";
  /** A view into the datagram, `LEG_ID_BYTES` long. */
  readonly id: Uint8Array;
  /** A whole number below 2^53. */
  readonly counter: number;
}

/**
 * Makes a bind, or the bound that answers one.
 * @param counter whole, below 2^53; of binds higher each time, for as long as the leg lives: the time of day in milliseconds
 *   is a good first one, since it is higher after a restart too
 * @returns `BIND_BYTES` bytes
 * @throws RangeError for another counter
 */
export function encodeBind(kind: Bind["kind"], { id, secret }: LegKey, counter: number): Uint8Array {
  if (!Number.isSafeInteger(counter) || counter < 0) {
    throw new RangeError(`Cannot make a ${kind} with the counter ${counter}: it is whole and below 2^53`);
  }
  const out = new Uint8Array(BIND_BYTES);
  const view = new DataView(out.buffer);
  out[0] = PATH_MAGIC;
  out[1] = kind === "bind" ? BIND_KIND : BOUND_KIND;
  out.set(id.subarray(0, LEG_ID_BYTES), ID_AT);
  view.setUint32(COUNTER_AT, counter % WORD, true);
  view.setUint32(COUNTER_AT + 4, Math.floor(counter / WORD), true);
  out.set(blake2sMac(secret.exposeBytes(), MAC_BYTES, out.subarray(0, MAC_AT)), MAC_AT);
  return out;
}

/** @returns the bind or bound in a datagram, its MAC not checked, or undefined when it has another form */
export function decodeBind(datagram: Uint8Array): Bind | undefined {
  const { length } = datagram;
  if (length < BIND_BYTES || length > MAX_BIND_BYTES) return undefined;
  if (datagram[0] !== PATH_MAGIC || datagram[2] !== 0 || datagram[3] !== 0) return undefined;
  const kind = datagram[1] === BIND_KIND ? "bind" : datagram[1] === BOUND_KIND ? "bound" : undefined;
  if (kind === undefined || (kind === "bound" && length !== BIND_BYTES)) return undefined;
  const view = new DataView(datagram.buffer, datagram.byteOffset, length);
  const counter = view.getUint32(COUNTER_AT + 4, true) * WORD + view.getUint32(COUNTER_AT, true);
  if (!Number.isSafeInteger(counter)) return undefined;
  for (let at = MAC_AT + MAC_BYTES; at < length; at++) if (datagram[at] !== 0) return undefined;
  return { kind, id: datagram.subarray(ID_AT, ID_AT + LEG_ID_BYTES), counter };
}

/** Whether a datagram that `decodeBind` has read is of this leg, and was made by who has its secret. */
export function isAuthenticBind(datagram: Uint8Array, { id, secret }: LegKey): boolean {
  for (let i = 0; i < LEG_ID_BYTES; i++) if (datagram[ID_AT + i] !== id[i]) return false;
  const mac = blake2sMac(secret.exposeBytes(), MAC_BYTES, datagram.subarray(0, MAC_AT));
  return equalConstantTime(mac, datagram.subarray(MAC_AT, MAC_AT + MAC_BYTES));
}

/**
 * The member's side: reads an answer of the relay.
 * @returns the counter of the bind that is answered, or undefined when it is no authentic bound of this leg
 */
export function openBound(datagram: Uint8Array, leg: LegKey): number | undefined {
  const bound = decodeBind(datagram);
  return bound?.kind === "bound" && isAuthenticBind(datagram, leg) ? bound.counter : undefined;
}
