/**
 * The frame that finds loops: it leaves at a bridged port, and must not come in at any.
 *
 *      0  Ethernet header: to 03:77:65:66:74:00, a group of our own, that every bridge floods; from an address of the
 *         port's own; protocol 0x88b5, for experiments (IEEE 802-2014 §9.2.4)
 *     14  "weft", version 1, 3 bytes of zero
 *     22  the switch: 8 random bytes
 *     30  the port: 4 random bytes
 *     34  the network: 16 bytes, a hash of what it is called on every host, or zero
 *     50  zero, to the least length
 *
 * @module
 */

import { ETHER_TYPE, int32At, MacAddress, writeEthernetHeader } from "../../../net/mod.ts";
import { NETWORK_ID_BYTES } from "../network_id.ts";

const DESTINATION = MacAddress.fromBytes(Uint8Array.of(3, 0x77, 0x65, 0x66, 0x74, 0));
const MAGIC = 0x77656674;
const VERSION = 0x01000000;
/** How long the switch's id is. */
export const SWITCH_ID_BYTES = 8;
const SWITCH_AT = 8;
const PORT_AT = 16;
const NETWORK_AT = 20;
const PAYLOAD_BYTES = 46;
/** Without the padding. */
const PROBE_BYTES = NETWORK_AT + NETWORK_ID_BYTES;

/** Who sends a probe, or has sent it. */
export interface ProbeSender {
  readonly switchId: Uint8Array;
  readonly port: number;
  readonly networkId: Uint8Array;
}

/** @returns a frame */
export function encodeLoopProbe({ switchId, port, networkId }: ProbeSender): Uint8Array<ArrayBuffer> {
  const frame = new Uint8Array(14 + PAYLOAD_BYTES);
  const [a = 0, b = 0, c = 0] = switchId;
  const source = MacAddress.fromBytes(Uint8Array.of(2, a, b, c, port >> 8, port));
  const at = writeEthernetHeader(frame, 0, {
    destination: DESTINATION,
    source,
    etherType: ETHER_TYPE.EXPERIMENTAL,
  });
  const view = new DataView(frame.buffer, at);
  view.setUint32(0, MAGIC);
  view.setUint32(4, VERSION);
  frame.set(switchId, at + SWITCH_AT);
  view.setUint32(PORT_AT, port);
  frame.set(networkId, at + NETWORK_AT);
  return frame;
}

/** Whether it is a probe. @param at where the payload of a frame for experiments begins */
export function isLoopProbe(bytes: Uint8Array, at: number, lengthBytes: number): boolean {
  return lengthBytes >= PROBE_BYTES && int32At(bytes, at) === MAGIC && int32At(bytes, at + 4) === VERSION;
}

/** @param at where the payload of a probe begins @returns who has sent it */
export function decodeLoopProbe(bytes: Uint8Array, at: number): ProbeSender {
  return {
    switchId: bytes.slice(at + SWITCH_AT, at + SWITCH_AT + SWITCH_ID_BYTES),
    port: int32At(bytes, at + PORT_AT) >>> 0,
    networkId: bytes.slice(at + NETWORK_AT, at + PROBE_BYTES),
  };
}
