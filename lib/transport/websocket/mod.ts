/**
 * Streams of bytes over WebSocket (RFC 6455), on streams that are open already: for networks that let nothing else pass,
 * and for browsers. Written for `ByteStream`, since the runtime's server takes no connection that somebody else has
 * accepted.
 *
 *     dial ─▶ requestUpgrade ─▶ WebSocketStream ◀─ UpgradableStream ◀─ accept
 * @module
 */

export { type HttpHead, readHead, type ReceivedHead } from "./http_head.ts";
export { requestUpgrade, UpgradableStream, type UpgradeRequest, WEBSOCKET_PATH } from "./upgrade.ts";
export { WebSocketStream } from "./websocket_stream.ts";
