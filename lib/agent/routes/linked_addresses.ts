/**
 * Where this node's links go, for those who must not lead that into the mesh: what carries the mesh would be carried by it.
 * @module
 */

import type { Endpoint, IpAddress } from "../../net/mod.ts";

/** Remembers the last ones while there is no link at all: led into the mesh, they could not be dialled again. */
export class LinkedAddresses {
  readonly #linkedAt: () => readonly Endpoint[];
  #last: readonly IpAddress[] = [];

  /** @param linkedAt where links go now, or proxies before them; none of them through the mesh */
  constructor(linkedAt: () => readonly Endpoint[]) {
    this.#linkedAt = linkedAt;
  }

  /** @returns those of the links that there are, or of the last that there were */
  get(): readonly IpAddress[] {
    const now = this.#linkedAt();
    if (now.length > 0) this.#last = now.map(({ address }) => address);
    return this.#last;
  }
}
