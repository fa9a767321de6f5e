/**
 * Ports behind which other hosts are, and the tags of their frames.
 * @module
 */

import type { CarriedNetwork, FrameUnderlay } from "./frame_underlay.ts";

/** Tags have 16 bits, and 0 is the mesh's own interface. */
const MAX_TAG = 0xffff;

/** A port and what it belongs to. */
export interface RemotePort {
  readonly port: number;
  readonly network: CarriedNetwork;
  readonly underlay: FrameUnderlay;
  readonly tag: number;
}

/** All remote ports of all networks. */
export class RemotePorts {
  readonly #remotes = new Map<number, RemotePort>();
  readonly #tags: (RemotePort | undefined)[] = [undefined];
  readonly #freeTags: number[] = [];
  /** Frames come one after the other from the same port. */
  #last: RemotePort | undefined;

  /** @returns whether there was room */
  add(port: number, network: CarriedNetwork, underlay: FrameUnderlay): boolean {
    const tag = this.#freeTags.pop() ?? this.#tags.length;
    if (tag > MAX_TAG) return false;
    const remote = { port, network, underlay, tag };
    this.#remotes.set(port, remote);
    this.#tags[tag] = remote;
    return true;
  }

  /** @returns the port that was removed */
  remove(port: number): RemotePort | undefined {
    const remote = this.#remotes.get(port);
    if (remote === undefined) return undefined;
    this.#remotes.delete(port);
    this.#tags[remote.tag] = undefined;
    this.#freeTags.push(remote.tag);
    this.#last = undefined;
    return remote;
  }

  get(port: number): RemotePort | undefined {
    if (this.#last?.port === port) return this.#last;
    return this.#last = this.#remotes.get(port);
  }

  /** @returns whose frames have this tag */
  atTag(tag: number): RemotePort | undefined {
    return this.#tags[tag];
  }

  /** @returns those of a network */
  ofNetwork(network: number): RemotePort[] {
    return [...this.#remotes.values()].filter((remote) => remote.network.definition.network === network);
  }
}
