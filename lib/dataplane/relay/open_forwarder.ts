/**
 * Choosing how a relay carries datagrams on this machine.
 * @module
 */

import type { Clock } from "../../base/mod.ts";
import { HostError } from "../../host/mod.ts";
import type { ForwarderOptions, RelayForwarder } from "../../relay/mod.ts";
import { FastForwarder } from "../fast/mod.ts";
import { PortableForwarder } from "./portable_forwarder.ts";

/** @param isPortable whether foreign functions are not to be used, or have failed */
export function openForwarder(
  options: ForwarderOptions & { readonly clock: Clock },
  isPortable: boolean,
): RelayForwarder {
  if (isPortable) return new PortableForwarder(options);
  try {
    return new FastForwarder(options);
  } catch (error) {
    if (!(error instanceof HostError)) throw error;
    return new PortableForwarder(options);
  }
}
