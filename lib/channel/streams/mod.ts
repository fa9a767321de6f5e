/**
 * Flow-controlled streams over one channel: the machine that takes and gives frames, and a stream as its users see it.
 * @module
 */

export * from "./channel_stream.ts";
export * from "./stream_mux.ts";
export * from "./stream_state.ts";
