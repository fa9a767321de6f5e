/**
 * What this host's interfaces say about where it is.
 * @module
 */

import type { AgentOptions } from "../../config/mod.ts";
import type { Cidr, Endpoint } from "../../net/mod.ts";
import { hostPrefixes, type InterfaceAddress, localEndpoints } from "./local_endpoints.ts";

/** @returns the endpoints of both planes, those that the options name first */
export function ownEndpoints({ endpoints, port, interfaceName }: AgentOptions): Endpoint[] {
  const local = localEndpoints(interfaceAddresses(), port, interfaceName);
  return [...endpoints, ...local.filter((own) => !endpoints.some((stated) => stated.equals(own)))];
}

/** @returns the networks that the host is in, without the overlay */
export function ownPrefixes({ interfaceName }: AgentOptions): Cidr[] {
  return hostPrefixes(interfaceAddresses(), interfaceName);
}

function interfaceAddresses(): InterfaceAddress[] {
  try {
    return Deno.networkInterfaces().map(({ name, address, cidr }) => ({
      interfaceName: name,
      address,
      cidr,
    }));
  } catch (error) {
    // A program that may not look dials others, and is found where its options say.
    if (error instanceof Deno.errors.NotCapable) return [];
    throw error;
  }
}
