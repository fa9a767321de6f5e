/**
 * What goes over the byte stream: frames, sealed records in them, and envelopes inside the records.
 *
 *     ByteStream ─▶ FrameReader ─▶ RecordOpener ─▶ EnvelopeReader ─▶ EnvelopeDecoder
 *     RecordBlock ─▶ RecordSealer ─▶ ByteStream
 * @module
 */

export * from "./envelope_codec.ts";
export * from "./envelope_reader.ts";
export * from "./frame_reader.ts";
export * from "./record_block.ts";
export * from "./record_cipher.ts";
