/**
 * Tags of VLANs in an Ethernet frame (IEEE 802.1Q-2022 §9.5, §9.6), behind its two addresses; a service tag (802.1ad) stands
 * before a customer's.
 *
 *     destination 6 | source 6 | 88a8, PCP 3 DEI 1 VID 12 (service) | 8100, PCP 3 DEI 1 VID 12 | Ethertype ...
 *
 * @module
 */

import { putUint16, uint16At } from "../../lib/net/mod.ts";
import { ETHERTYPE } from "../ethertype.ts";

/** Each. */
export const VLAN_TAG_BYTES = 4;
/** What stands before the tags: destination and source. */
export const MAC_ADDRESSES_BYTES = 12;
/** IEEE 802.1Q-2022 §9.6: 0xfff is reserved, and 0 says that there is no VLAN. */
export const MAX_VID = 0xffe;

/** What a tag says. */
export interface VlanTag {
  /** 12 bits. */
  readonly vid: number;
  /** How urgent the frame is, 0 to 7 (IEEE 802.1Q-2022 §6.9.3). */
  readonly priority: number;
}

/** The tags of a frame. */
export interface VlanTags extends VlanTag {
  /** The one before it, if there is one. */
  readonly service?: VlanTag;
}

/** Writes a tag that is not eligible to be dropped first. */
export function writeTag(bytes: Uint8Array, at: number, ethertype: number, { vid, priority }: VlanTag): void {
  putUint16(bytes, at, ethertype);
  putUint16(bytes, at + 2, (priority << 13) | vid);
}

/** @returns 4 bytes, or 8 with a service tag */
export function encodeTags({ service, ...tag }: VlanTags): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(service === undefined ? VLAN_TAG_BYTES : 2 * VLAN_TAG_BYTES);
  if (service !== undefined) writeTag(bytes, 0, ETHERTYPE.SERVICE_TAG, service);
  writeTag(bytes, bytes.length - VLAN_TAG_BYTES, ETHERTYPE.CUSTOMER_TAG, tag);
  return bytes;
}

/** @returns the tags of a frame, or undefined when it has none or is cut off */
export function decodeTags(frame: Uint8Array): VlanTags | undefined {
  const hasService = uint16At(frame, MAC_ADDRESSES_BYTES) === ETHERTYPE.SERVICE_TAG;
  const at = MAC_ADDRESSES_BYTES + (hasService ? VLAN_TAG_BYTES : 0);
  if (frame.length < at + VLAN_TAG_BYTES + 2 || uint16At(frame, at) !== ETHERTYPE.CUSTOMER_TAG) {
    return undefined;
  }
  const service = hasService && { service: readTag(frame, MAC_ADDRESSES_BYTES) };
  return { ...readTag(frame, at), ...service };
}

function readTag(bytes: Uint8Array, at: number): VlanTag {
  const control = uint16At(bytes, at + 2);
  return { vid: control & 0xfff, priority: control >> 13 };
}
