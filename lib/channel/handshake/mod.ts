/**
 * How a channel opens: Noise_IKpsk2, from both sides.
 * @module
 */

export * from "./accept_channel.ts";
export { HANDSHAKE_TIMEOUT_MS, type HandshakeSetup } from "./handshake.ts";
export * from "./open_channel.ts";
