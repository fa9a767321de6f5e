/**
 * Overlay networks and endpoints that the options declare: checked before the start, made after it where they are
 * missing. What is there already is left as it is, and what differs is told.
 * @module
 */

import { builtInDrivers } from "../../../drivers/mod.ts";
import type { NetworkReport, OverlayControl, OverlayEndpointReport } from "../../api/mod.ts";
import { type Environment, repeat, WeftError } from "../../base/mod.ts";
import {
  type AgentOptions,
  type DeclaredEndpoint,
  type DeclaredNetwork,
  InvalidConfigError,
} from "../../config/mod.ts";
import { checkNetwork, completeNetwork } from "../../overlay/mod.ts";
import { Selector } from "../../policy/mod.ts";

/** How often what is still missing is tried again, in milliseconds. */
const RETRY_MS = 5_000;
const DEFAULT_TYPE = "vxlan";

/** What is declared. */
export type Declared = Pick<AgentOptions, "networks" | "networkEndpoints">;

/**
 * Checks what is declared as far as that can be done without members.
 * @throws InvalidConfigError
 */
export function checkDeclared({ networks }: Pick<Declared, "networks">): void {
  const drivers = builtInDrivers();
  for (const network of networks) {
    const type = network.type ?? DEFAULT_TYPE;
    const driver = drivers.get(type)?.();
    if (driver === undefined) {
      throw new InvalidConfigError(`Cannot use network ${network.name}: there is no driver ${type}`, {
        hint: `There are ${drivers.names.join(", ")}.`,
      });
    }
    const { underlay, group, remotes = [], port, hopLimit, cidrs = [], identifier, members, ...rest } =
      network;
    const isPlain = underlay === "plain";
    if (!isPlain && (group ?? port ?? hopLimit ?? remotes[0]) !== undefined) {
      throw new InvalidConfigError(
        `Cannot use network ${network.name}: group, remotes, port and hop-limit are of a plain underlay`,
        { hint: "Say underlay: plain; what it carries is not encrypted then." },
      );
    }
    const plain = { remotes, ...group && { group }, ...port && { port }, ...hopLimit && { hopLimit } };
    const [cidr, cidr6] = cidrs.toSorted((a, b) => Number(a.includes(":")) - Number(b.includes(":")));
    try {
      const vni = identifier ?? driver.capabilities.identifier.min;
      const { gateway: _, mtuBytes, ...given } = rest;
      const whole = completeNetwork({
        ...given,
        type,
        vni,
        ...cidr !== undefined && { cidr },
        ...cidr6 !== undefined && { cidr6 },
        ...mtuBytes !== undefined && { mtu: mtuBytes },
        ...isPlain && { plain },
      }, "declared");
      checkNetwork(whole, driver.capabilities);
      driver.encapsulation(vni, network.options);
      if (members !== undefined) Selector.parse(members);
    } catch (cause) {
      if (!(cause instanceof WeftError)) throw cause;
      const [, why = cause.message] = /^[^:]*: (.*)$/s.exec(cause.message) ?? [];
      throw new InvalidConfigError(`Cannot use network ${network.name}: ${why}`, {
        hint: cause.hint ?? "`weft network create --help` says what a network may be.",
        cause,
      });
    }
  }
}

/** What a node does about its networks. */
export interface DeclaredPorts {
  readonly control: Pick<OverlayControl, "listNetworks" | "createNetwork" | "addEndpoint">;
  /** Only leaders make networks. */
  isLeader(): boolean;
}

/** Makes what is declared and missing. */
export class DeclaredNetworks {
  readonly #ports: DeclaredPorts;
  readonly #log: Environment["log"];
  readonly #networks: Map<string, DeclaredNetwork>;
  readonly #endpoints: Map<string, DeclaredEndpoint>;
  /** Each is said once. */
  readonly #told = new Set<string>();
  #endRepeating: () => void = () => {};
  #isBusy = false;
  #isClosed = false;

  constructor(
    { networks, networkEndpoints }: Declared,
    environment: Pick<Environment, "timers" | "log">,
    ports: DeclaredPorts,
  ) {
    this.#ports = ports;
    this.#log = environment.log;
    this.#networks = new Map(networks.map((network) => [network.name, network]));
    this.#endpoints = new Map(networkEndpoints.map((one) => [`${one.network}/${one.name}`, one]));
    if (this.isDone) return;
    const upkeep = { intervalMs: RETRY_MS, problem: "cannot make the declared networks" };
    this.#endRepeating = repeat(environment, upkeep, () => void this.apply());
  }

  /** Makes what is missing now and later, until the node has closed. */
  static follow(
    declared: Declared,
    environment: Pick<Environment, "timers" | "log">,
    node: Pick<DeclaredPorts, "control"> & { readonly role: string; readonly closed: Promise<void> },
  ): DeclaredNetworks {
    const isLeader = () => node.role === "leader";
    const networks = new DeclaredNetworks(declared, environment, { control: node.control, isLeader });
    node.closed.catch(() => {}).finally(() => networks.close());
    void networks.apply();
    return networks;
  }

  /** Whether nothing is left to make. */
  get isDone(): boolean {
    return this.#networks.size === 0 && this.#endpoints.size === 0;
  }

  /** Makes what is missing and can be made now. Never throws: what fails is logged, and tried again. */
  async apply(): Promise<void> {
    if (this.#isBusy || this.#isClosed || this.isDone) return;
    this.#isBusy = true;
    try {
      for (const network of [...this.#networks.values()]) this.#applyNetwork(network);
      for (const endpoint of [...this.#endpoints.values()]) {
        if (this.#isClosed) return;
        await this.#applyEndpoint(endpoint);
      }
    } finally {
      this.#isBusy = false;
    }
    if (this.isDone) this.#endRepeating();
  }

  /** Makes nothing more. */
  close(): void {
    this.#isClosed = true;
    this.#endRepeating();
  }

  #applyNetwork(declared: DeclaredNetwork): void {
    const { name } = declared;
    const found = this.#ports.control.listNetworks().find((one) => one.name === name);
    if (found !== undefined) {
      this.#networks.delete(name);
      this.#tellDifferences(`the network ${name}`, networkDifferences(declared, found));
    } else if (this.#ports.isLeader()) {
      try {
        this.#ports.control.createNetwork(declared);
        this.#networks.delete(name);
        this.#log.info("made the declared network", { network: name });
      } catch (error) {
        this.#tell("cannot make the declared network", { network: name, ...reasonOf(error) });
      }
    }
  }

  async #applyEndpoint(declared: DeclaredEndpoint): Promise<void> {
    const { network, name } = declared;
    const key = `${network}/${name}`;
    const found = this.#ports.control.listNetworks().find((one) => one.name === network);
    // It may be made later, and heard of.
    if (found === undefined) return;
    const there = found.endpoints.find((one) => one.name === name);
    if (there !== undefined) {
      this.#endpoints.delete(key);
      if (there.isLocal) this.#tellDifferences(`the endpoint ${key}`, endpointDifferences(declared, there));
      else this.#tell("the declared endpoint is another node's", { endpoint: key, node: there.node });
      return;
    }
    try {
      await this.#ports.control.addEndpoint(declared);
      this.#endpoints.delete(key);
      this.#log.info("made the declared endpoint", { endpoint: key });
    } catch (error) {
      this.#tell("cannot make the declared endpoint", { endpoint: key, ...reasonOf(error) });
    }
  }

  #tellDifferences(what: string, differences: readonly string[]): void {
    if (differences.length === 0) return;
    this.#tell(`${what} is not as it is declared, and stays as it is`, {
      differences: differences.join("; "),
    });
  }

  #tell(message: string, facts: Readonly<Record<string, string>>): void {
    const line = JSON.stringify([message, facts]);
    if (this.#told.has(line)) return;
    this.#told.add(line);
    this.#log.warn(message, facts);
  }
}

function reasonOf(error: unknown): { readonly reason: string } {
  return { reason: error instanceof Error ? error.message : String(error) };
}

/** @returns what is declared, and is otherwise; a gateway may be named in more than one way */
function networkDifferences(declared: DeclaredNetwork, found: NetworkReport): readonly string[] {
  const { name: _, gateway, hopLimit: __, ...said } = declared;
  return [
    ...differences(said, found as unknown as Record<string, unknown>),
    ...gateway !== undefined && found.gateway === undefined ? [`gateway is none, not ${gateway}`] : [],
  ];
}

function endpointDifferences(declared: DeclaredEndpoint, found: OverlayEndpointReport): readonly string[] {
  const { network: _, name: __, ipAddresses, ...said } = declared;
  const plain = (texts: readonly string[] = []) => texts.map((text) => text.split("/")[0] ?? "");
  const have = plain(found.ipAddresses);
  const missing = plain(ipAddresses).filter((text) => !have.includes(text));
  return [
    ...differences(said, found as unknown as Record<string, unknown>),
    ...missing.length > 0 ? [`ip is ${have.join(", ")}, not ${missing.join(", ")}`] : [],
  ];
}

function differences(said: object, found: Readonly<Record<string, unknown>>): readonly string[] {
  const text = (value: unknown): string =>
    Array.isArray(value)
      ? value.map(String).sort().join(", ") || "none"
      : typeof value === "object" && value !== null
      ? Object.entries(value).map(([key, each]) => `${key}=${each}`).sort().join(", ") || "none"
      : String(value ?? "none");
  return Object.entries(said)
    .filter(([key, value]) => value !== undefined && text(value) !== text(found[key]))
    .map(([key, value]) => `${key} is ${text(found[key])}, not ${text(value)}`);
}
