/**
 * Where a peer's packets go: after what is heard from it, as WireGuard roams (WireGuard paper §6.5), or where somebody who
 * knows all of its paths has set it.
 * @module
 */

import { Endpoint } from "../net/mod.ts";

/** Belongs to one peer. */
export class PeerPath {
  #endpoint: Endpoint | undefined;
  #source: Endpoint | undefined;
  #isSet = false;

  /** Where packets go. */
  get endpoint(): Endpoint | undefined {
    return this.#endpoint;
  }

  /** Where the last authentic datagram came from. */
  get source(): Endpoint | undefined {
    return this.#source;
  }

  /** Sends to another endpoint, unless the path is set. */
  suggest(endpoint: Endpoint): void {
    if (!this.#isSet) this.#endpoint = endpoint;
  }

  /**
   * Sends to this endpoint, wherever packets come from; undefined lets them decide again.
   * @returns whether packets go elsewhere than before, or it is known only now that they arrive there
   */
  set(endpoint: Endpoint | undefined): boolean {
    const wasSet = this.#isSet;
    this.#isSet = endpoint !== undefined;
    if (endpoint === undefined) return false;
    if (this.#endpoint?.equals(endpoint)) return !wasSet;
    this.#endpoint = endpoint;
    return true;
  }

  /** Something authentic came from `source`. @returns whether packets go elsewhere than before */
  follow(source: Endpoint): boolean {
    this.#source = source;
    if (this.#endpoint === source) return false;
    const hasMoved = this.#endpoint === undefined || !this.#endpoint.equals(source);
    // The same by another object, which may say which address of this host to answer from.
    if (!hasMoved || !this.#isSet) this.#endpoint = source;
    return hasMoved && !this.#isSet;
  }

  /** Nobody hears us; the address of ours that the object may say to answer from may be why (as the reference). */
  leaveAnyWay(): void {
    if (this.#endpoint === undefined) return;
    const { address, port, zone } = this.#endpoint;
    this.#endpoint = new Endpoint(address, port, { zone });
  }
}
