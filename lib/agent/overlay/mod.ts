/**
 * The interface of the overlay: the device, its routes, and the peers of the packet plane.
 * @module
 */

export { checkHostNetwork, OverlayInterface, type OverlayObserver } from "./overlay_interface.ts";
export { DeviceSecrets } from "./peer_sync.ts";
