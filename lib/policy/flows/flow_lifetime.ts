/**
 * How long flows are remembered: each packet begins the time anew, and TCP is followed by its flags.
 * @module
 */

import type { Millis } from "../../base/mod.ts";
import { IP_PROTOCOL, TCP_FLAGS } from "../../net/mod.ts";
import { FIELD } from "./flow_segment.ts";
import { isOpening, type PacketFields } from "./packet_fields.ts";
import { isPlausibleReset, nextTcpState, PICKED_UP, sequenceEnd, tcpTimeoutMs } from "./tcp_states.ts";

const UDP_MS: number = 3 * 60_000;
const OTHER_MS: number = 10 * 60_000;
/** A denied connection is silent for so long before its addresses and ports mean another one; TCP repeats itself after longer pauses than others. */
const DENIED_TCP_MS: number = 4 * 60_000;
const DENIED_MS = 10_000;

/**
 * Follows a flow by a packet of it.
 * @param entries where the flow is, from `at` on
 * @param reverse 1 for a packet of who did not begin
 */
export function followFlow(
  now: Millis,
  memory: Uint8Array,
  fields: PacketFields,
  entries: Int32Array,
  at: number,
  reverse: number,
): void {
  const { protocol, tcpFlags, payloadAt, end } = fields;
  let lifetimeMs = protocol === IP_PROTOCOL.UDP ? UDP_MS : OTHER_MS;
  if (protocol === IP_PROTOCOL.TCP) {
    const isPlausible = (tcpFlags & TCP_FLAGS.RST) === 0 ||
      isPlausibleReset(memory, payloadAt, entries, at + FIELD.SEQUENCE, reverse);
    const state = nextTcpState(entries[at + FIELD.STATE] ?? 0, tcpFlags, reverse, isPlausible);
    entries[at + FIELD.STATE] = state;
    if ((tcpFlags & TCP_FLAGS.RST) === 0) {
      entries[at + FIELD.SEQUENCE + reverse] = sequenceEnd(memory, payloadAt, end);
    } else if (!isPlausible) return;
    lifetimeMs = tcpTimeoutMs(state);
  }
  entries[at + FIELD.DEADLINE] = (now + lifetimeMs) | 0;
}

/**
 * Remembers that a flow is denied by now; or else who was called would be taken for the one who begins. What is not TCP is
 * denied for a short time after it was asked about, since both ends of it may begin.
 * @param isAsked whether it has just been asked about
 */
export function followDenied(
  now: Millis,
  { protocol, tcpFlags }: PacketFields,
  entries: Int32Array,
  at: number,
  isAsked: boolean,
): void {
  if (protocol === IP_PROTOCOL.TCP) {
    entries[at + FIELD.STATE] = isOpening(tcpFlags) ? 0 : PICKED_UP;
    entries[at + FIELD.DEADLINE] = (now + DENIED_TCP_MS) | 0;
  } else if (isAsked) entries[at + FIELD.DEADLINE] = (now + DENIED_MS) | 0;
}
