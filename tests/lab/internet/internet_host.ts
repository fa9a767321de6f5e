/**
 * A host of the virtual Internet, which can change its network.
 * @module
 */

import type { NetworkNamespace } from "../namespace.ts";
import { Cable, type Network, type Plugged, type Reachability } from "./network.ts";

/** A host with one interface, `eth0`. */
export class InternetHost {
  readonly name: string;
  readonly namespace: NetworkNamespace;
  /** A folder of the host's own, for state. */
  readonly folder: string;
  /** What its interface is at the end of. */
  readonly cable: Cable;
  #network: Network | undefined;
  #plugged: Plugged | undefined;

  /** @param place its namespace, and a folder that exists */
  constructor(name: string, place: { readonly namespace: NetworkNamespace; readonly folder: string }) {
    this.name = name;
    this.namespace = place.namespace;
    this.folder = place.folder;
    this.cable = new Cable(place.namespace, "eth0");
  }

  /** Its address now, behind a NAT the inside one; undefined without IPv4. */
  get address4(): string | undefined {
    return this.#plugged?.addresses.address4;
  }

  /** Its global address now; undefined without IPv6. */
  get address6(): string | undefined {
    return this.#plugged?.addresses.address6;
  }

  /** Where it is now; undefined while it is disconnected. */
  get network(): Network | undefined {
    return this.#network;
  }

  /** What a program that is started here must have in its environment, such as a proxy. */
  get environment(): Readonly<Record<string, string>> {
    return this.#network?.environment ?? {};
  }

  /** What decides who reaches it now. @throws Error while it is in no network */
  get reachability(): Reachability {
    if (this.#plugged === undefined) throw new Error(`${this.name} is in no network`);
    return this.#plugged.reachability;
  }

  /** Changes the network: the interface stays and has other addresses, as that of a laptop that is carried elsewhere. */
  async moveTo(network: Network): Promise<void> {
    this.#network = undefined;
    this.#plugged = undefined;
    this.#plugged = await network.plug(this.cable);
    this.#network = network;
  }

  /** Pulls the cable: no carrier, no addresses, until it moves. */
  async disconnect(): Promise<void> {
    this.#network = undefined;
    this.#plugged = undefined;
    await this.cable.unplug();
  }
}
