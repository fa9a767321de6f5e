/**
 * Echo replies (RFC 792, RFC 4443 §4.2). Resets and messages about packets that go no further are made in `lib/net`.
 * @module
 */

import type { IpFamily } from "../../net/mod.ts";
import { payloadOf, swapAddresses, updateChecksum, versionOf } from "./segment.ts";

/** @param packet a whole IP packet with an echo request, which is turned into the reply @returns it */
export function echoReply(packet: Uint8Array): Uint8Array {
  const version = versionOf(packet);
  const at = payloadOf(packet);
  const [request, reply] = version === 4 ? [8, 0] : [128, 129];
  packet[at] = reply;
  updateChecksum(packet, at + 2, request << 8, reply << 8);
  swapAddresses(packet, 0, version);
  return packet;
}

/** Whether an echo is asked for. @param at where the ICMP message begins */
export function isEchoRequest(packet: Uint8Array, version: IpFamily, at: number): boolean {
  return packet[at] === (version === 4 ? 8 : 128) && packet[at + 1] === 0;
}
