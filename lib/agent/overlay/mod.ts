/**
 * The interface of the overlay: the device, its routes, and the peers of the packet plane.
 * @module
 */

export { checkHostNetwork } from "./host_network.ts";
export { OverlayInterface } from "./overlay_interface.ts";
export { DeviceSecrets, type PeerSync } from "./peer_sync.ts";
