/**
 * A private, authenticated channel between two nodes over a byte stream: Noise_IKpsk2 (Noise specification §7.5, §9.4)
 * with the prologue `weft channel v1`, then sealed records that carry length-prefixed protobuf envelopes.
 *
 * ```
 *   ChannelMessage  { topic, body }              what the owners of topics say
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

export * from "./accept_channel.ts";
export { Channel, CLOSE_TIMEOUT_MS, type MessageHandler } from "./channel.ts";
export type { ChannelStream } from "./channel_stream.ts";
export * from "./drop_reason.ts";
export { type ChannelMessage, MAX_MESSAGE_BYTES, MAX_TOPIC_BYTES } from "./envelope_stream.ts";
export * from "./errors.ts";
export { HANDSHAKE_TIMEOUT_MS, type HandshakeSetup } from "./handshake.ts";
export type { Pieces } from "./envelope_codec.ts";
export { DEAD_AFTER_MS, KEEP_ALIVE_MS } from "./keep_alive.ts";
export * from "./local_channel.ts";
export * from "./open_channel.ts";
export { MAX_POSTED_BYTES, MAX_POSTED_MESSAGES } from "./outbox.ts";
export type { StreamHandler } from "./stream_acceptor.ts";
export { MAX_STREAMS } from "./stream_mux.ts";
export {
  MAX_CHUNK_BYTES,
  MAX_HEADER_BYTES,
  MAX_RESET_CODE,
  StreamReset,
  WIDE_WINDOW_BYTES,
} from "./stream_state.ts";
