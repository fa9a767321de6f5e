/**
 * The device of a network's gateway: a TAP of this host that the host leads out of.
 * @module
 */

import { encodeHex, utf8Bytes } from "../../base/mod.ts";
import { blake2s } from "../../crypto/mod.ts";
import type { DeviceOpener } from "./endpoint_device.ts";
import type { Gateways } from "./gateways.ts";
import { GATEWAY_ENDPOINT } from "./network_book.ts";

/** What is asked of gateways for a device. */
export type GatewayControl = Pick<Gateways, "check" | "set" | "remove">;

/** The kernel's bound of 15 characters, without `-gw`. */
const MAX_STEM = 12;

/** @returns the name of a gateway's TAP unless it is told one; all of them are in the same namespace */
export function gatewayDeviceName(network: string): string {
  if (network.length <= MAX_STEM) return `${network}-gw`;
  const mark = encodeHex(blake2s(utf8Bytes(network)).subarray(0, 2));
  return `${network.slice(0, MAX_STEM - mark.length - 1)}-${mark}-gw`;
}

/**
 * @returns what opens devices as `open` does, and leads out of a network for as long as its gateway's device is there
 */
export function withGateways(
  open: DeviceOpener,
  gateways: GatewayControl,
): DeviceOpener {
  return (wish) => {
    const { network, name, addresses } = wish.endpoint;
    if (name !== GATEWAY_ENDPOINT) return open(wish);
    const device = wish.options.device ?? gatewayDeviceName(network);
    const blocks = wish.blocks.filter((block) => addresses.some((address) => block.contains(address)));
    const gateway = { network, device, blocks };
    gateways.check(gateway);
    // Another namespace would have other ways out.
    const opened = open({ ...wish, options: { device } });
    try {
      gateways.set(gateway);
    } catch (error) {
      opened.close();
      throw error;
    }
    return {
      ...opened,
      close: () => {
        gateways.remove(network);
        opened.close();
      },
    };
  };
}
