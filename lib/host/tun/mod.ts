/**
 * TUN interfaces: packet by packet for the event loop (`openTun`), or with offloads by their descriptor
 * (`openOffloadTun`). Whoever closes one removes the interface.
 * @module
 */

export * from "./offload_tun.ts";
export { canConfigureNetwork, hasTunDevice, type TunOptions } from "./tun_attach.ts";
export * from "./tun_device.ts";
