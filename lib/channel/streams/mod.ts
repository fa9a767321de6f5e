/**
 * Flow-controlled streams over one channel: the machine that takes and gives frames, and a stream as its users see it.
 * @module
 */

export { ChannelStream } from "./channel_stream.ts";
export { MAX_STREAMS, StreamMux } from "./stream_mux.ts";
export {
  MAX_CHUNK_BYTES,
  MAX_HEADER_BYTES,
  MAX_RESET_CODE,
  StreamReset,
  WIDE_WINDOW_BYTES,
} from "./stream_state.ts";
