/**
 * TUN interfaces: packet by packet for the event loop (`openTun`), or with offloads by their descriptor
 * (`openOffloadTun`). Whoever closes one removes the interface.
 * @module
 */

export {
  canConfigureNetwork,
  checkTun,
  hasTunDevice,
  mayOpenTun,
  type OffloadTun,
  openOffloadTun,
  openTap,
  type TunOptions,
  type TunQueues,
} from "./tun_attach.ts";
export * from "./ready_tap.ts";
export * from "./tun_device.ts";
