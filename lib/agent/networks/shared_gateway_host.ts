/**
 * What forwards on this host, for overlay networks and for members alike.
 * @module
 */

import {
  GatewayHost,
  HostJournal,
  Netlink,
  readHostText,
  RESOLVER_CONF_PATH,
  upstreamServers,
} from "../../host/mod.ts";
import type { IpAddress } from "../../net/mod.ts";
import type { AgentContext } from "../agent_context.ts";

/** Made when it is first needed; everything is taken back when it is disposed. */
export class SharedGatewayHost implements Disposable {
  readonly #context: Pick<AgentContext, "store" | "options" | "mesh">;
  readonly #resources = new DisposableStack();
  #host: GatewayHost | undefined;

  constructor(context: Pick<AgentContext, "store" | "options" | "mesh">) {
    this.#context = context;
  }

  /** @throws HostError where there is no kernel to ask */
  get(): GatewayHost {
    if (this.#host !== undefined) return this.#host;
    const { store, options: { interfaceName: meshInterface } } = this.#context;
    const network = this.#resources.use(Netlink.open());
    const host = new GatewayHost({
      meshInterface,
      network,
      journal: new HostJournal(store),
      resolvers: () => resolversOf(this.#context.mesh.record.addresses),
    });
    return this.#host = this.#resources.use(host);
  }

  [Symbol.dispose](): void {
    this.#resources.dispose();
  }
}

/** Where systemd-resolved says whom it asks itself (systemd-resolved.service(8)). */
const RESOLVED_CONF_PATH = "/run/systemd/resolve/resolv.conf";

/** @returns who answers this host's programs, or systemd-resolved's questions, this node itself left out */
function resolversOf(own: readonly IpAddress[]): readonly IpAddress[] {
  const found = [RESOLVER_CONF_PATH, RESOLVED_CONF_PATH].flatMap((path) =>
    upstreamServers(readHostText(path), own).map(({ address }) => address)
  );
  return found.filter((address) => !address.isLoopback);
}
