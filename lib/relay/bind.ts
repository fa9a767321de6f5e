/**
 * The datagrams by which a member says to a relay where it is. They begin as all of the path protocol.
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
 *   | MAC, 16 bytes                 |   keyed BLAKE2s with the leg's secret, of the 20 bytes before and the 8 after it
 *   +-------------------------------+
 *   | echo, 8 bytes                 |   zero, or what the bound has told to repeat
 *   +-------------------------------+
 *   | zeros up to 48 bytes          |   a bind may have more of them, a bound never has
 *   +-------------------------------+
 * ```
 *
 * A bound is as long as the shortest bind, and a bind is answered once, so a relay sends nobody more than it was sent. A
 * bind is authentic, but its source may be anybody's: a bound to a source that has not proven itself has an echo, and who
 * receives it there proves that by one more bind, at once, that has the same echo. Until then a relay sends little there.
 * @module
 */

import { blake2sMac, equalConstantTime } from "../crypto/mod.ts";
import {
  LEAST_BIND_BYTES,
  PATH_BODY_AT,
  PATH_ID_AT as ID_AT,
  PATH_KIND,
  PATH_MAGIC,
  pathKindAt,
} from "../net/mod.ts";
import { LEG_ID_BYTES, type LegKey } from "./leg_secret.ts";

/** The second byte of the answer to a bind. */
export const BOUND_KIND: number = PATH_KIND.BOUND;
/** How long a bound is, and the shortest bind, in bytes. */
export const BIND_BYTES: number = LEAST_BIND_BYTES;
/** Length of an echo in bytes. */
export const ECHO_BYTES = 8;

const COUNTER_AT = PATH_BODY_AT;
const MAC_AT = 20;
const MAC_BYTES = 16;
const ECHO_AT = MAC_AT + MAC_BYTES;
const NO_ECHO: Uint8Array = new Uint8Array(ECHO_BYTES);
const WORD = 0x1_0000_0000;

/** A bind or bound whose form is right; whether it is authentic only `isAuthenticBind` says. */
export interface Bind {
  readonly kind: "bind" | "bound";
  /** A view into the datagram, `LEG_ID_BYTES` long. */
  readonly id: Uint8Array;
  /** A whole number below 2^53. */
  readonly counter: number;
  /** A view into the datagram, `ECHO_BYTES` long; zeros when there is none. */
  readonly echo: Uint8Array;
}

/**
 * Makes a bind, or the bound that answers one.
 * @param counter whole, below 2^53; of binds higher each time, for as long as the leg lives: the time of day in milliseconds
 *   is a good first one, since it is higher after a restart too
 * @param echo of a bound what a bind is to repeat, `ECHO_BYTES` long; of a bind what `echoOf` gives of the bound
 * @returns `BIND_BYTES` bytes
 * @throws RangeError for another counter
 */
export function encodeBind(
  kind: Bind["kind"],
  { id, secret }: LegKey,
  counter: number,
  echo: Uint8Array = NO_ECHO,
): Uint8Array {
  if (!Number.isSafeInteger(counter) || counter < 0) {
    throw new RangeError(`Cannot make a ${kind} with the counter ${counter}: it is whole and below 2^53`);
  }
  const out = new Uint8Array(BIND_BYTES);
  const view = new DataView(out.buffer);
  out[0] = PATH_MAGIC;
  out[1] = kind === "bind" ? PATH_KIND.BIND : PATH_KIND.BOUND;
  out.set(id.subarray(0, LEG_ID_BYTES), ID_AT);
  view.setUint32(COUNTER_AT, counter % WORD, true);
  view.setUint32(COUNTER_AT + 4, Math.floor(counter / WORD), true);
  out.set(echo.subarray(0, ECHO_BYTES), ECHO_AT);
  out.set(macOf(secret, out), MAC_AT);
  return out;
}

/** @returns the bind or bound in a datagram, its MAC not checked, or undefined when it has another form */
export function decodeBind(datagram: Uint8Array): Bind | undefined {
  const { length } = datagram;
  const pathKind = pathKindAt(datagram, 0, length);
  if (pathKind !== PATH_KIND.BIND && pathKind !== PATH_KIND.BOUND) return undefined;
  const kind = pathKind === PATH_KIND.BIND ? "bind" : "bound";
  const view = new DataView(datagram.buffer, datagram.byteOffset, length);
  const counter = view.getUint32(COUNTER_AT + 4, true) * WORD + view.getUint32(COUNTER_AT, true);
  if (!Number.isSafeInteger(counter)) return undefined;
  for (let at = ECHO_AT + ECHO_BYTES; at < length; at++) if (datagram[at] !== 0) return undefined;
  const echo = datagram.subarray(ECHO_AT, ECHO_AT + ECHO_BYTES);
  return { kind, id: datagram.subarray(ID_AT, ID_AT + LEG_ID_BYTES), counter, echo };
}

/** Whether a datagram that `decodeBind` has read is of this leg, and was made by who has its secret. */
export function isAuthenticBind(datagram: Uint8Array, { id, secret }: LegKey): boolean {
  for (let i = 0; i < LEG_ID_BYTES; i++) if (datagram[ID_AT + i] !== id[i]) return false;
  return equalConstantTime(macOf(secret, datagram), datagram.subarray(MAC_AT, MAC_AT + MAC_BYTES));
}

function macOf(secret: LegKey["secret"], datagram: Uint8Array): Uint8Array {
  const echo = datagram.subarray(ECHO_AT, ECHO_AT + ECHO_BYTES);
  return blake2sMac(secret.exposeBytes(), MAC_BYTES, datagram.subarray(0, MAC_AT), echo);
}

/**
 * The member's side: reads an answer of the relay.
 * @returns the counter of the bind that is answered, or undefined when it is no authentic bound of this leg
 */
export function openBound(datagram: Uint8Array, leg: LegKey): number | undefined {
  const bound = decodeBind(datagram);
  return bound?.kind === "bound" && isAuthenticBind(datagram, leg) ? bound.counter : undefined;
}

/** @returns what the next bind has to repeat, at once, of a bound that `openBound` took; undefined when it asks for nothing */
export function echoOf(bound: Uint8Array): Uint8Array | undefined {
  const echo = bound.slice(ECHO_AT, ECHO_AT + ECHO_BYTES);
  return echo.some((byte) => byte !== 0) ? echo : undefined;
}
