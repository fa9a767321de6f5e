/**
 * What the switch is told of networks: from plain data to addresses.
 * @module
 */

import { IpAddress, MacAddress } from "../../../net/mod.ts";
import type { SwitchNetwork } from "../../../overlay/mod.ts";
import type { PlaneNetwork } from "../../frames/mod.ts";

/** @returns those that are addresses */
export function parsedAddresses(texts: readonly string[]): IpAddress[] {
  return texts.map((text) => IpAddress.parse(text)).filter((address) => address !== undefined);
}

/** @returns the network as the switch takes it */
export function switchNetworkOf(definition: PlaneNetwork): SwitchNetwork {
  const { network, name, driver, identifier, gateway, mtuBytes, stormLimit } = definition;
  const mac = MacAddress.parse(gateway?.mac ?? "");
  return {
    network,
    name,
    mtuBytes,
    // The same on all hosts: by it a loop over two of them is found.
    label: `${driver}/${identifier}/${name}`,
    ...stormLimit !== undefined && { stormLimit },
    ...mac && { gateway: { mac, addresses: parsedAddresses(gateway?.addresses ?? []) } },
  };
}
