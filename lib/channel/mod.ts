/**
 * A private, authenticated channel between two nodes over a byte stream: Noise_IKpsk2 (Noise specification §7.5, §9.4)
 * with the prologue `weft channel v1`, then sealed records that carry length-prefixed protobuf envelopes. Ends that speak
 * other versions of the handshake say so to each other (`handshake_versions.ts`).
 *
 * ```
 *   ChannelMessage  { topic, body }              what programs say to each other
 *   ChannelStream   ordered bytes, both ways     flow-controlled, each on its own
 *   Envelope        control, payload, stream-…   4-byte length before it; may span records
 *   Record          sealed, in order             2-byte length before it
 *   ByteStream      TCP, Unix, memory            handed in
 * ```
 *
 * It dials nothing, listens nowhere, knows no members, and keeps no time of its own. Who may come in is decided by the
 * `authorize` that is handed to it; who may not learns only that.
 *
 * @module
 */

export { Channel, type ChannelSetup } from "./channel.ts";
export * from "./errors.ts";
export {
  acceptChannel,
  type AcceptChannelOptions,
  type AcceptedChannel,
  type Authorization,
  type HandshakeSetup,
  openChannel,
  type OpenChannelOptions,
} from "./handshake.ts";
export { HANDSHAKE_VERSIONS } from "./handshake_versions.ts";
export * from "./local_channel.ts";
export type { ChannelMessage, Pieces } from "./records/mod.ts";
export { type ChannelStream, type StreamHandler, StreamReset } from "./streams/mod.ts";
export type { MessageHandler } from "./topic_table.ts";
