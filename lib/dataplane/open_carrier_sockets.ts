/**
 * Choosing by which sockets carriers meet the packet plane on this machine.
 * @module
 */

import { HostError } from "../host/mod.ts";
import { type CarrierSocket, type CarrierSocketOptions, openPortableSocket } from "./carrier/mod.ts";
import { FastCarrierSockets } from "./fast/mod.ts";

/**
 * @param isPortable whether foreign functions are not to be used
 * @returns what opens sockets; it throws SocketError when there is none
 */
export function carrierSockets(isPortable: boolean): (options: CarrierSocketOptions) => CarrierSocket {
  if (isPortable) return openPortableSocket;
  const fast = new FastCarrierSockets();
  return (options) => {
    try {
      return fast.open(options);
    } catch (error) {
      if (!(error instanceof HostError)) throw error;
      return openPortableSocket(options);
    }
  };
}
