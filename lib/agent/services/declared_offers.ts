/**
 * What the options offer to other members.
 * @module
 */

import type { Logger } from "../../base/mod.ts";
import type { AgentOptions, OfferOption } from "../../config/mod.ts";
import type { PortListener, StreamForwarder } from "./stream_forwarder.ts";

/** Offers what a node is told to, and follows that. */
export class DeclaredOffers {
  readonly #forward: Pick<StreamForwarder, "offer" | "allowAll">;
  readonly #log: Logger;
  /** By what was said. */
  readonly #open = new Map<string, PortListener>();

  constructor(forward: Pick<StreamForwarder, "offer" | "allowAll">, log: Logger) {
    this.#forward = forward;
    this.#log = log;
  }

  /**
   * Closes what is not offered any more, and opens what is new.
   * @throws InvalidRequestError, InvalidSelectorError
   */
  async follow(
    { offers, forwardAllow, rootless }: Pick<AgentOptions, "offers" | "forwardAllow" | "rootless">,
  ): Promise<void> {
    const wanted = new Map(offers.map((offer) => [JSON.stringify(offer), offer]));
    for (const [said, listener] of [...this.#open]) {
      if (wanted.has(said)) continue;
      this.#open.delete(said);
      await listener.close();
    }
    for (const [said, offer] of wanted) if (!this.#open.has(said)) this.#open.set(said, this.#offer(offer));
    this.#forward.allowAll(forwardAllow);
    if (forwardAllow === undefined || !rootless) return;
    this.#log.warn("--forward-allow changes nothing: a rootless node has only what it offers");
  }

  #offer({ port, hostname, targetPort, allow }: OfferOption): PortListener {
    return this.#forward.offer(port, { hostname, port: targetPort }, allow === undefined ? {} : { allow });
  }
}
