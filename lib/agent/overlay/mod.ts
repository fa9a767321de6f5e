/**
 * The interface of the overlay: the device, its routes, and the peers of the packet plane.
 * @module
 */

export { DeviceSecrets } from "./device_secrets.ts";
export { checkHostNetwork } from "./host_network.ts";
export { OverlayInterface } from "./overlay_interface.ts";
export type { PeerSync } from "./peer_sync.ts";
