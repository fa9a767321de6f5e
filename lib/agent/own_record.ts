/**
 * What becomes of a running node when its own record changes: it goes on under other keys, at another address, or not at
 * all.
 *
 *     new keys       interface and session end and begin anew
 *     new address    session and names end, the interface is given the address, both begin anew
 *     revoked        the node ends, unless it is about to leave or to go on under other keys
 *
 * @module
 */

import { WeftError } from "../base/mod.ts";
import type { AgentContext } from "./agent_context.ts";
import type { Departure } from "./departure.ts";
import { RemovedError } from "./errors.ts";
import type { OverlayInterface } from "./overlay/mod.ts";

/** The node, as far as it is closed and opened again. */
export interface ReopenedNode {
  isRunning(): boolean;
  overlay(): OverlayInterface | undefined;
  closeSession(): Promise<void> | undefined;
  startSession(): Promise<void>;
  closeNames(): Promise<void>;
  startNames(): Promise<void>;
  /** Tells others again what this node offers. */
  advertiseSoon(): void;
  end(reason: WeftError): void;
}

/** Follows one node's record. */
export class OwnRecord {
  readonly #context: Pick<AgentContext, "mesh" | "log">;
  readonly #departure: Departure;
  readonly #node: ReopenedNode;
  #changingKeys: Promise<void> | undefined;
  #readdressing: Promise<void> | undefined;
  /** What closes the session and opens it again, one after the other: both would open the ports. */
  #reopening: Promise<void> = Promise.resolve();

  constructor(context: Pick<AgentContext, "mesh" | "log">, departure: Departure, node: ReopenedNode) {
    this.#context = context;
    this.#departure = departure;
    this.#node = node;
  }

  /** A key that was revoked ends the node, unless it is to go on under another one. */
  follow(): void {
    const { mesh: { roster, identity, isRotating }, log } = this.#context;
    this.#followAddress();
    // A record that has only expired, by a clock that may be wrong, is no reason to leave.
    if (!roster.isRevoked(identity.publicKey) || this.#departure.isUnderWay) return;
    this.#departure.handleRemoval();
    if (!isRotating) this.#node.end(new RemovedError());
    else if (this.#node.isRunning()) {
      this.changeKeys().catch((error) => log.error("cannot go on under the new key", { error }));
    }
  }

  /** Goes on under the keys that the network has agreed to. Harmless when repeated, and when there are none. */
  changeKeys(): Promise<void> {
    return this.#changingKeys ??= this.#reopen(() => this.#beginAnew())
      .finally(() => this.#changingKeys = undefined);
  }

  /**
   * Ends the session, and what serves names, and begins them anew, because they are told something else.
   * @throws WeftError when names can't be served so; the session has begun then
   */
  async reopen(withNames: boolean): Promise<void> {
    const node = this.#node;
    await this.#reopen(async () => {
      if (!node.isRunning()) return;
      await node.closeSession();
      if (withNames) await node.closeNames();
      if (!node.isRunning()) return;
      try {
        if (withNames) await node.startNames();
      } finally {
        await node.startSession();
        node.advertiseSoon();
      }
    });
  }

  #reopen(job: () => Promise<void>): Promise<void> {
    const done = this.#reopening.then(job);
    // Whoever comes next waits for the end alone.
    this.#reopening = done.catch(() => {});
    return done;
  }

  /** Ends everything that knows the node by its former keys, and begins anew. */
  async #beginAnew(): Promise<void> {
    const { mesh, log } = this.#context;
    const node = this.#node;
    const update = mesh.adoptRotation();
    if (update === undefined) return;
    log.info("this node goes on under a new key", { publicKey: mesh.identity.publicKey.toString() });
    try {
      node.overlay()?.followKey();
      // It says goodbye, which takes up to a second; packets do not wait for that.
      await node.closeSession();
      if (!node.isRunning()) return;
      await node.startSession();
      node.advertiseSoon();
      mesh.replica.publish(update);
    } catch (error) {
      if (!(error instanceof WeftError)) throw error;
      node.end(error);
    }
  }

  #followAddress(): void {
    const { mesh: { record: { addresses } }, log } = this.#context;
    const overlay = this.#node.overlay();
    if (overlay === undefined || overlay.addresses === addresses.join() || !this.#node.isRunning()) return;
    this.#readdressing ??= this.#reopen(() => this.#readdress(overlay, String(addresses[0])))
      .catch((error) => log.error("cannot follow the new address", { error }))
      .finally(() => this.#readdressing = undefined);
  }

  /** Has the interface, and what listens on its address, follow another address of this node's record. */
  async #readdress(overlay: OverlayInterface, address: string): Promise<void> {
    const { mesh, log } = this.#context;
    const node = this.#node;
    try {
      // Whoever wants another one meanwhile finds it afterwards.
      while (overlay.addresses !== mesh.record.addresses.join() && node.isRunning()) {
        log.info("this node has another address now", { address });
        await node.closeSession();
        await node.closeNames();
        if (!node.isRunning()) return;
        overlay.followAddresses();
        await node.startNames();
        await node.startSession();
      }
      node.advertiseSoon();
    } catch (error) {
      if (!(error instanceof WeftError)) throw error;
      node.end(error);
    }
  }
}
