/**
 * What goes over the byte stream: frames, sealed records in them, and envelopes inside the records.
 *
 *     ByteStream ─▶ FrameReader ─▶ RecordOpener ─▶ EnvelopeReader ─▶ EnvelopeDecoder
 *     RecordBlock ─▶ RecordSealer ─▶ ByteStream
 * @module
 */

export {
  EnvelopeDecoder,
  EnvelopeKind,
  envelopeLength,
  MAX_ENVELOPE_OVERHEAD_BYTES,
  type Pieces,
  piecesLength,
  writeEnvelope,
} from "./envelope_codec.ts";
export {
  type ChannelMessage,
  EnvelopeReader,
  MAX_MESSAGE_BYTES,
  MAX_TOPIC_BYTES,
} from "./envelope_reader.ts";
export { encodeFrame, FRAME_HEADER_BYTES, FrameReader } from "./frame_reader.ts";
export { RecordBlock } from "./record_block.ts";
export {
  channelAead,
  type HandshakeResult,
  MAX_RECORD_BYTES,
  NoiseOpener,
  NoiseSealer,
  RECORD_OVERHEAD_BYTES,
  type RecordOpener,
  type RecordSealer,
  sealRecords,
} from "./record_cipher.ts";
