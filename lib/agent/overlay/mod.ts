/**
 * The interface of the overlay: the device, its routes, and the peers of the packet plane.
 * @module
 */

export { HandshakeSpans } from "./handshake_spans.ts";
export { checkHostNetwork, OverlayInterface, type OverlayObserver } from "./overlay_interface.ts";
export { DeviceSecrets } from "./peer_sync.ts";
