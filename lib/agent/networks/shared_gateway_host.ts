/**
 * What forwards on this host, for overlay networks and for members alike.
 * @module
 */

import { GatewayHost, HostJournal, Netlink } from "../../host/mod.ts";
import type { AgentContext } from "../agent_context.ts";

/** Made when it is first needed; everything is taken back when it is disposed. */
export class SharedGatewayHost implements Disposable {
  readonly #context: Pick<AgentContext, "store" | "options">;
  readonly #resources = new DisposableStack();
  #host: GatewayHost | undefined;

  constructor(context: Pick<AgentContext, "store" | "options">) {
    this.#context = context;
  }

  /** @throws HostError where there is no kernel to ask */
  get(): GatewayHost {
    if (this.#host !== undefined) return this.#host;
    const { store, options: { interfaceName: meshInterface } } = this.#context;
    const network = this.#resources.use(Netlink.open());
    const host = new GatewayHost({ meshInterface, network, journal: new HostJournal(store) });
    return this.#host = this.#resources.use(host);
  }

  [Symbol.dispose](): void {
    this.#resources.dispose();
  }
}
