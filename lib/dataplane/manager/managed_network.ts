/**
 * One network of a manager, and the endpoints in it.
 * @module
 */

import type { Cidr, IpAddress, MacAddress } from "../../net/mod.ts";
import {
  allotAddress,
  allotMac,
  blocksOf,
  DuplicateEndpointError,
  type EndpointConfig,
  type OverlayNetwork,
  readEndpointConfig,
  TooManyEndpointsError,
} from "../../overlay/mod.ts";
import type { FrameCounts, PortableFrames } from "../frames/mod.ts";

/** Is handed each frame, in memory of its own. */
export type FrameHandler = (frame: Uint8Array<ArrayBuffer>) => void;

/** An endpoint whose frames go in and out by calls. */
export interface OverlayEndpoint {
  /** The network's name. */
  readonly network: string;
  /** Its own name. */
  readonly name: string;
  /** Six bytes in hexadecimal with colons. */
  readonly macAddress: string;
  /** With their prefix length. */
  readonly ipAddresses: readonly string[];
  /** Sends an Ethernet frame without its check sequence. @returns false when the endpoint is closed */
  send(frame: Uint8Array): boolean;
  /** What it has carried. */
  counts(): FrameCounts | undefined;
  /** Takes it back. Harmless when repeated. */
  close(): void;
}

/** An endpoint to make in a manager's network. */
export interface ManagedEndpointConfig extends EndpointConfig {
  /** By which policies select it, as in `role=web`. */
  readonly labels?: Readonly<Record<string, string>>;
}

interface Endpoint {
  readonly port: number;
  readonly mac: MacAddress;
  readonly addresses: readonly IpAddress[];
  readonly labels: Readonly<Record<string, string>>;
  readonly shown: OverlayEndpoint;
}

/** What an endpoint is made of. */
export interface EndpointParts {
  readonly frames: PortableFrames;
  readonly port: number;
  /** Called when it is taken back. */
  readonly onClosed: () => void;
}

/** One network. */
export class ManagedNetwork {
  /** The network's, of the plane. */
  readonly number: number;
  readonly definition: OverlayNetwork;
  readonly #endpoints = new Map<string, Endpoint>();
  /** Ports of other managers, by address. */
  readonly remotes: Map<string, number> = new Map();

  constructor(number: number, definition: OverlayNetwork) {
    this.number = number;
    this.definition = definition;
  }

  /** In the order in which they were made. */
  get endpoints(): readonly OverlayEndpoint[] {
    return Array.from(this.#endpoints.values(), ({ shown }) => shown);
  }

  /** As policies look at them. */
  get subjects(): readonly Pick<Endpoint & { readonly name: string }, "name" | "labels" | "addresses">[] {
    return Array.from(this.#endpoints, ([name, { labels, addresses }]) => ({ name, labels, addresses }));
  }

  /** @returns the endpoint of this name, or undefined */
  endpoint(name: string): OverlayEndpoint | undefined {
    return this.#endpoints.get(name)?.shown;
  }

  /** @throws DuplicateEndpointError, InvalidEndpointError, TooManyEndpointsError */
  createEndpoint(
    config: ManagedEndpointConfig,
    onFrame: FrameHandler,
    { frames, port, onClosed }: EndpointParts,
  ): OverlayEndpoint {
    const { definition, number: network } = this;
    const { name, allowsForeign, mac, addresses } = this.#chosen(config);
    const program = frames.programs.open(onFrame);
    frames.setPort({ port, network, name, allowsForeign, device: { kind: "program", id: program } });
    frames.setBinding({ network, port, mac: `${mac}`, addresses: addresses.map(String) });
    const blocks = blocksOf(definition);
    const shown: OverlayEndpoint = {
      network: definition.name,
      name,
      macAddress: `${mac}`,
      ipAddresses: addresses.map((address, at) => `${address}/${blocks[at]?.prefixBits}`),
      send: (frame) => frames.programs.send(program, frame),
      counts: () => frames.portCounts(port),
      close: () => {
        if (this.#endpoints.get(name)?.port !== port) return;
        this.#endpoints.delete(name);
        frames.removeBinding(network, `${mac}`);
        frames.removePort(port);
        frames.programs.close(program);
        onClosed();
      },
    };
    this.#endpoints.set(name, { port, mac, addresses, labels: config.labels ?? {}, shown });
    return shown;
  }

  /** What is asked for, and what is chosen where nothing is. */
  #chosen(config: EndpointConfig): Pick<Endpoint, "mac" | "addresses"> & {
    readonly name: string;
    readonly allowsForeign: boolean;
  } {
    const { definition } = this;
    const { name, allowsForeign, ...wanted } = readEndpointConfig(config, definition);
    const what = `Cannot make the endpoint ${definition.name}/${name}`;
    const others = [...this.#endpoints.values()];
    const hasMac = (mac: MacAddress) => others.find((one) => one.mac.equals(mac));
    const hasAddress = (address: IpAddress) =>
      others.find(({ addresses }) => addresses.some((one) => one.equals(address)));
    const taken = this.#endpoints.get(name) ?? (wanted.mac && hasMac(wanted.mac)) ??
      wanted.addresses.map(hasAddress).find((one) => one !== undefined);
    if (taken !== undefined) {
      const owner = taken.shown.name;
      const reason = owner === name ? "there is one of that name" : `${owner} has its address`;
      throw new DuplicateEndpointError(`${what}: ${reason}`);
    }
    const mac = wanted.mac ?? allotMac(definition.id, name, (one) => hasMac(one) !== undefined);
    const allot = (block: Cidr): IpAddress => {
      const isTaken = (one: IpAddress) => hasAddress(one) !== undefined;
      const address = allotAddress(definition.id, name, block, others.length, isTaken);
      if (address !== undefined) return address;
      throw new TooManyEndpointsError(`${what}: no address of ${block} is free`);
    };
    const addresses = blocksOf(definition).map((block) =>
      wanted.addresses.find(({ family }) => family === block.family) ?? allot(block)
    );
    return { name, allowsForeign, mac, addresses };
  }
}
