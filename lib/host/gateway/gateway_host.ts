/**
 * A host that leads out of overlay networks: what is changed of it, and undone.
 * @module
 */

import type { IpFamily } from "../../net/mod.ts";
import { type HostNetwork, MAIN_TABLE, NftProgram, type PacketFilter } from "../netlink/mod.ts";
import type { ForwardingChange, HostJournal } from "../store/mod.ts";
import { gatewayRuleset, type HostGateway } from "./gateway_ruleset.ts";

/** What a gateway needs of its host. */
export interface GatewayHostOptions {
  /** The mesh's interface, which its table is named after. */
  readonly meshInterface: string;
  readonly network: HostNetwork;
  readonly journal: HostJournal;
  /** nft(8) unless told. */
  readonly filter?: PacketFilter;
}

/** Forwards for networks between `follow` and `close`, each of which is one synchronous turn. */
export class GatewayHost implements Disposable {
  readonly #options: GatewayHostOptions;
  readonly #filter: PacketFilter;
  readonly #tableName: string;
  readonly #opened = new Map<string, ForwardingChange>();
  #rules = "";
  #lacks: readonly IpFamily[] = [];

  constructor(options: GatewayHostOptions) {
    this.#options = options;
    this.#filter = options.filter ?? new NftProgram();
    this.#tableName = gatewayTable(options.meshInterface);
  }

  /** The families that this host cannot forward for single interfaces, and does not forward for all. */
  get lacks(): readonly IpFamily[] {
    return this.#lacks;
  }

  /**
   * Forwards for these networks and no others; said again it looks where the host's default routes lead now.
   * @throws HostError, NotPermittedError, StateError; then nothing is forwarded for any network
   */
  follow(gateways: readonly HostGateway[]): void {
    if (gateways.length === 0) return this.close();
    try {
      this.#follow(gateways);
    } catch (error) {
      this.close();
      throw error;
    }
  }

  /** Undoes all of it. Harmless when repeated. @throws HostError, NotPermittedError, StateError */
  close(): void {
    for (const [key, change] of this.#opened) {
      this.#options.network.setForwarding(change.interfaceName, change.family, false);
      this.#options.journal.forget(change);
      this.#opened.delete(key);
    }
    if (this.#rules === "") return;
    this.#filter.removeTable(this.#tableName);
    this.#options.journal.forget({ kind: "filter-table", name: this.#tableName });
    this.#rules = "";
  }

  [Symbol.dispose](): void {
    this.close();
  }

  #follow(gateways: readonly HostGateway[]): void {
    const { meshInterface, network, journal } = this.#options;
    const ways = [...new Set([meshInterface, ...defaultWays(network)])];
    const families = [...new Set(gateways.flatMap(({ blocks }) => blocks.map(({ family }) => family)))];
    const wanted = this.#closedOf(families, [...gateways.map(({ device }) => device), ...ways]);
    const openedOf = (family: IpFamily) =>
      // Somebody else may have turned it on for all since; then nothing is kept from anybody.
      network.isForwarding("all", family) === true ? [] : wanted
        .filter((change) => change.family === family && ways.includes(change.interfaceName))
        .map(({ interfaceName }) => interfaceName);
    const rules = gatewayRuleset({
      tableName: this.#tableName,
      gateways,
      ways,
      opened: { 4: openedOf(4), 6: openedOf(6) },
    });
    // The rules stand before anything is forwarded.
    if (rules !== this.#rules) {
      journal.record({ kind: "filter-table", name: this.#tableName });
      const isFirst = this.#rules === "";
      // What is half done is undone as well.
      this.#rules = rules;
      try {
        this.#filter.apply(rules);
      } catch (error) {
        if (isFirst) {
          journal.forget({ kind: "filter-table", name: this.#tableName });
          this.#rules = "";
        }
        throw error;
      }
    }
    this.#forward(wanted);
  }

  /** @returns which interfaces have to be changed, or have been, so that each of the families is forwarded */
  #closedOf(families: readonly IpFamily[], interfaceNames: readonly string[]): readonly ForwardingChange[] {
    const { network } = this.#options;
    const lacks: IpFamily[] = [];
    const wanted = families.flatMap((family) =>
      interfaceNames.flatMap((interfaceName): ForwardingChange[] => {
        const change: ForwardingChange = { kind: "forwarding", interfaceName, family };
        if (this.#opened.has(keyOf(change))) return [change];
        const isOn = network.isForwarding(interfaceName, family);
        if (isOn === undefined && !lacks.includes(family)) lacks.push(family);
        return isOn === false ? [change] : [];
      })
    );
    this.#lacks = lacks;
    return wanted;
  }

  #forward(wanted: readonly ForwardingChange[]): void {
    const { network, journal } = this.#options;
    const keys = new Set(wanted.map(keyOf));
    for (const [key, change] of this.#opened) {
      if (keys.has(key)) continue;
      network.setForwarding(change.interfaceName, change.family, false);
      journal.forget(change);
      this.#opened.delete(key);
    }
    for (const change of wanted) {
      journal.record(change);
      this.#opened.set(keyOf(change), change);
      // Also where it is done already: an interface may have gone and come back.
      network.setForwarding(change.interfaceName, change.family, true);
    }
  }
}

/** @returns the name of weft's own table, which no other agent of this host has */
export function gatewayTable(meshInterface: string): string {
  // nft takes letters, digits and underscores.
  const name = meshInterface.replaceAll(/[^A-Za-z0-9]/g, (other) => `_${other.charCodeAt(0).toString(16)}_`);
  return `weft_gateway_${name}`;
}

/** @returns the interfaces of the host's default routes */
function defaultWays(network: HostNetwork): readonly string[] {
  return network.listRoutes().flatMap(({ cidr, interfaceName, table }) =>
    // Without IPv6 the kernel leads its default route to the loopback, to refuse what is sent.
    cidr.prefixBits === 0 && table === MAIN_TABLE && interfaceName !== undefined && interfaceName !== "lo"
      ? [interfaceName]
      : []
  );
}

function keyOf({ interfaceName, family }: ForwardingChange): string {
  return `${interfaceName} ${family}`;
}
