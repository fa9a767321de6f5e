/**
 * A host that leads out of overlay networks: what is changed of it, and undone.
 * @module
 */

import { Cidr, hostlessBlock, type IpAddress, type IpFamily } from "../../net/mod.ts";
import {
  type HostNetwork,
  type HostRoute,
  MAIN_TABLE,
  NftProgram,
  type PacketFilter,
} from "../netlink/mod.ts";
import type { ForwardingChange, HostJournal } from "../store/mod.ts";
import { gatewayRuleset, type HostGateway, type HostRouting, type PlacedRouting } from "./gateway_ruleset.ts";

/** What a gateway needs of its host. */
export interface GatewayHostOptions {
  /** The mesh's interface, which its table is named after. */
  readonly meshInterface: string;
  readonly network: HostNetwork;
  readonly journal: HostJournal;
  /** Who answers this host's own questions for names; nobody unless told. */
  readonly resolvers?: () => readonly IpAddress[];
  /** nft(8) unless told. */
  readonly filter?: PacketFilter;
}

/**
 * Forwards for networks and for members between `follow`, `lead` and `close`, each of which is one synchronous turn. One
 * table has the rules of both, since each would drop what the other forwards.
 */
export class GatewayHost implements Disposable {
  readonly #options: GatewayHostOptions;
  readonly #filter: PacketFilter;
  readonly #tableName: string;
  readonly #opened = new Map<string, ForwardingChange>();
  #gateways: readonly HostGateway[] = [];
  #routings: readonly HostRouting[] = [];
  #rules = "";
  #lacks: readonly IpFamily[] = [];
  #homeless: readonly Cidr[] = [];
  /** Networks to which a route of their own has led, by their text. */
  #named = new Set<string>();

  constructor(options: GatewayHostOptions) {
    this.#options = options;
    this.#filter = options.filter ?? new NftProgram();
    this.#tableName = gatewayTable(options.meshInterface);
  }

  /** The families that this host cannot forward for single interfaces, and does not forward for all. */
  get lacks(): readonly IpFamily[] {
    return this.#lacks;
  }

  /** The networks to which this host has no way itself. */
  get homeless(): readonly Cidr[] {
    return this.#homeless;
  }

  /**
   * Forwards for these overlay networks and no others; said again it looks where the host's default routes lead now.
   * @throws HostError, NotPermittedError, StateError; then nothing is forwarded for any network
   */
  follow(gateways: readonly HostGateway[]): void {
    this.#gateways = gateways;
    this.#renew();
  }

  /**
   * Leads members to these networks and no others; said again it looks where they are now.
   * @throws HostError, NotPermittedError, StateError; then nothing is forwarded for anybody
   */
  lead(routings: readonly HostRouting[]): void {
    this.#routings = routings;
    this.#renew();
  }

  /** Undoes all of it. Harmless when repeated. @throws HostError, NotPermittedError, StateError */
  close(): void {
    this.#gateways = this.#routings = [];
    this.#undo();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  #renew(): void {
    if (this.#gateways.length === 0 && this.#routings.length === 0) return this.#undo();
    try {
      this.#follow(this.#gateways);
    } catch (error) {
      this.#undo();
      throw error;
    }
  }

  #undo(): void {
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

  #follow(gateways: readonly HostGateway[]): void {
    const { meshInterface, network, journal } = this.#options;
    const hostRoutes = network.listRoutes();
    const ways = [...new Set([meshInterface, ...defaultWays(hostRoutes)])];
    const resolvers = this.#resolvers();
    const routings = this.#placed(hostRoutes, resolvers);
    const families = [...new Set(gateways.flatMap(({ blocks }) => blocks.map(({ family }) => family)))];
    const wanted = this.#closedOf([
      ...families.map((family) => ({
        family,
        interfaceNames: [...gateways.map(({ device }) => device), ...ways],
      })),
      ...routings.map(({ prefix, ways }) => ({
        family: prefix.family,
        interfaceNames: [meshInterface, ...ways],
      })),
    ]);
    const devices = gateways.map(({ device }) => device);
    const openedOf = (family: IpFamily) =>
      // Somebody else may have turned it on for all since; then nothing is kept from anybody.
      network.isForwarding("all", family) === true ? [] : wanted
        .filter((change) => change.family === family && !devices.includes(change.interfaceName))
        .map(({ interfaceName }) => interfaceName);
    const rules = gatewayRuleset({
      tableName: this.#tableName,
      meshInterface,
      gateways,
      routings,
      resolvers,
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

  /** @returns one of each family for which this host is an exit */
  #resolvers(): readonly IpAddress[] {
    const families = this.#routings.filter(({ prefix }) => prefix.prefixBits === 0).map(({ prefix }) =>
      prefix.family
    );
    if (families.length === 0) return [];
    const all = (this.#options.resolvers?.() ?? []).filter((address) => !address.isLoopback);
    return ([4, 6] as const).filter((family) => families.includes(family))
      .flatMap((family) => all.find((address) => address.family === family) ?? []);
  }

  /** @returns the networks that this host has a way to, with that */
  #placed(
    hostRoutes: readonly HostRoute[],
    resolvers: readonly IpAddress[],
  ): readonly PlacedRouting[] {
    const { meshInterface } = this.#options;
    const homeless: Cidr[] = [];
    const working = hostRoutes.filter(({ isDown }) => isDown !== true);
    // What is down is still no business of an exit's users.
    const own = hostRoutes.filter(({ table, interfaceName, cidr }) =>
      table === MAIN_TABLE && interfaceName !== meshInterface && interfaceName !== "lo" && cidr.prefixBits > 0
    );
    const known = this.#named;
    this.#named = new Set();
    const names = resolvers.map((resolver) => ({
      prefix: Cidr.host(resolver),
      masquerade: true,
      isForNames: true,
    }));
    const placed = [...this.#routings, ...names].flatMap((routing): PlacedRouting[] => {
      const { prefix } = routing;
      const isExit = prefix.prefixBits === 0;
      const there = isExit ? [] : own.filter(({ cidr, isDown }) => isDown !== true && cidr.overlaps(prefix));
      const named = there.flatMap(({ interfaceName }) => interfaceName ?? []);
      const hadOwn = known.has(`${prefix}`);
      if (named.length > 0 || hadOwn) this.#named.add(`${prefix}`);
      // What no route names goes where everything goes, as on any router; but what had a route of its own and has lost it
      // is not where the others are.
      const ways = named.length > 0
        ? named
        : hadOwn
        ? []
        : defaultWays(working, prefix.family, meshInterface);
      if (ways.length === 0) {
        homeless.push(prefix);
        return [];
      }
      const except = isExit
        ? [...new Map(
          own.filter(({ cidr }) => cidr.family === prefix.family && isRoutable(cidr)).map(({ cidr }) => [
            `${cidr}`,
            cidr,
          ]),
        ).values()].filter((cidr, _, all) =>
          // A set takes no two blocks that overlap.
          !all.some((other) => other !== cidr && other.prefixBits < cidr.prefixBits && other.overlaps(cidr))
        )
        : [];
      return [{ ...routing, ways: [...new Set(ways)].sort(), except }];
    });
    this.#homeless = homeless;
    return placed;
  }

  /** @returns which interfaces have to be changed, or have been, so that all of that is forwarded */
  #closedOf(
    needs: readonly { readonly family: IpFamily; readonly interfaceNames: readonly string[] }[],
  ): readonly ForwardingChange[] {
    const { network } = this.#options;
    const lacks: IpFamily[] = [];
    const found = new Map<string, ForwardingChange>();
    for (const { family, interfaceNames } of needs) {
      for (const interfaceName of interfaceNames) {
        const change: ForwardingChange = { kind: "forwarding", interfaceName, family };
        const key = keyOf(change);
        if (found.has(key)) continue;
        if (!this.#opened.has(key)) {
          const isOn = network.isForwarding(interfaceName, family);
          if (isOn === undefined && !lacks.includes(family)) lacks.push(family);
          if (isOn !== false) continue;
        }
        found.set(key, change);
      }
    }
    this.#lacks = lacks;
    return [...found.values()];
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
function defaultWays(
  routes: readonly HostRoute[],
  family?: IpFamily,
  except?: string,
): readonly string[] {
  return routes.flatMap(({ cidr, interfaceName, table }) =>
    // Without IPv6 the kernel leads its default route to the loopback, to refuse what is sent.
    cidr.prefixBits === 0 && table === MAIN_TABLE && interfaceName !== undefined && interfaceName !== "lo" &&
      interfaceName !== except && (family === undefined || cidr.family === family)
      ? [interfaceName]
      : []
  );
}

/** Whether a block is of hosts: link-local and multicast blocks stand in the table on every host. */
function isRoutable(cidr: Cidr): boolean {
  return hostlessBlock(cidr) === undefined;
}

function keyOf({ interfaceName, family }: ForwardingChange): string {
  return `${interfaceName} ${family}`;
}
