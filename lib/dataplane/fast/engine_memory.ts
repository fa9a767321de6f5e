/**
 * Where an engine keeps what in the cipher's memory, from its first free byte, one behind the other. Loads of a whole
 * vector may reach a little beyond what they need.
 * @module
 */

import { PLAIN_AREA_BYTES } from "./frames/plain/mod.ts";
import { PACKET_READER_BYTES } from "../../host/mod.ts";
import { VIRTIO_HEADER_BYTES } from "./superpacket.ts";
import { RECEIVE_ROOM_BYTES, RECEIVER_AREA_BYTES, SENDER_AREA_BYTES } from "./udp/mod.ts";

/** The longest that an interface reads. */
export const MAX_SUPERPACKET_BYTES = 65_535;
const SLACK_BYTES = 64;
/** Descriptors that are waited for. */
export const POLL_AT = 0;
/** The structures of `GsoSender`. */
export const SENDER_AT = 64;
/** The structures of `GroReceiver`. */
export const RECEIVER_AT: number = aligned(SENDER_AT + SENDER_AREA_BYTES);
/** What was read from the interface. The virtio header is odd in size; the packet behind it begins on a multiple of 16. */
export const PACKET_AT: number = aligned(RECEIVER_AT + RECEIVER_AREA_BYTES + VIRTIO_HEADER_BYTES);
/** What was received from the network. */
export const RECEIVE_AT: number = aligned(PACKET_AT + MAX_SUPERPACKET_BYTES + SLACK_BYTES);
/** What was sealed. */
export const BATCH_AT: number = aligned(RECEIVE_AT + RECEIVE_ROOM_BYTES + SLACK_BYTES);
/** Batches that are full are sent; one superpacket more must fit, cut into packets as small as they come. */
export const BATCH_ROOM_BYTES: number = 224 * 1024;
/** Room for one packet with its header, which everybody uses between calls. */
export const SINGLE_AT: number = aligned(BATCH_AT + BATCH_ROOM_BYTES + SLACK_BYTES);
/** How much may stand before a frame: the headers that carry it, and a virtio header. */
export const HEADROOM_BYTES = 512;
/** The longest frame of an Ethernet: the longest IP packet, with a header and tags. */
export const MAX_FRAME_BYTES: number = 65_535 + 32;
const FRAME_ROOM_BYTES: number = aligned(HEADROOM_BYTES + MAX_FRAME_BYTES + SLACK_BYTES);
/** What was read from an endpoint of an overlay network. */
export const FRAME_AT: number = aligned(SINGLE_AT + 68 * 1024) + HEADROOM_BYTES;
/** A copy of a frame, where several get it. */
export const FRAME_COPY_AT: number = FRAME_AT + FRAME_ROOM_BYTES;
/** What was cut of a frame, one packet behind the other, and how much room there is. */
export const FRAME_CUT_AT: number = FRAME_COPY_AT + FRAME_ROOM_BYTES;
/** See `FRAME_CUT_AT`. */
export const FRAME_CUT_ROOM_BYTES: number = BATCH_ROOM_BYTES;
/** Which descriptors are ready: 16 bytes of each. */
export const READY_AT: number = aligned(FRAME_CUT_AT + FRAME_CUT_ROOM_BYTES + SLACK_BYTES);
/** So many are asked for at once. */
export const MAX_READY = 16;
/** The structures of plain underlays. */
export const PLAIN_AT: number = aligned(READY_AT + (MAX_READY + 1) * 16);
/** The structures of a reader of bridged interfaces. */
export const LINK_READER_AT: number = aligned(PLAIN_AT + PLAIN_AREA_BYTES);
/** What another worker has received. */
export const HANDED_AT: number = aligned(LINK_READER_AT + PACKET_READER_BYTES);
/** Where the datagrams begin of a batch that another worker has received. */
export const HANDED_DATAGRAMS_AT = 64;
/** The longest such batch, in bytes. */
export const MAX_HANDED_BYTES = 65_536;

/** How much memory the engine needs beyond the cipher's own. */
export const ENGINE_BYTES: number = HANDED_AT + HANDED_DATAGRAMS_AT + MAX_HANDED_BYTES + SLACK_BYTES;

function aligned(at: number): number {
  return Math.ceil(at / 64) * 64;
}
