/**
 * Overlay networks of one program, without a mesh, an agent or privileges: its endpoints are calls. Managers that share a
 * `MemoryUnderlay` reach each other through it, by the drivers' packets.
 * @module
 */

import { builtInDrivers, DriverRegistry } from "../../../drivers/mod.ts";
import type { Clock, RandomSource, Timers } from "../../base/mod.ts";
import { systemTimers } from "../../host/mod.ts";
import { IpAddress } from "../../net/mod.ts";
import {
  checkNetwork,
  completeNetwork,
  DuplicateNetworkError,
  type EndpointConfig,
  InvalidNetworkError,
  isSameOnWire,
  NetworkInUseError,
  NetworkTypeError,
  type NewOverlayNetwork,
  NotInitializedManagerError,
  type OverlayDriver,
  type OverlayNetwork,
  UnknownDriverError,
  UnknownEndpointError,
  UnknownNetworkError,
} from "../../overlay/mod.ts";
import { type FrameCounts, type MemoryUnderlay, PortableFrames } from "../frames/mod.ts";
import { type FrameHandler, ManagedNetwork, type OverlayEndpoint } from "./managed_network.ts";

/** What a host of the mesh leaves below an overlay network. */
const UNDERLAY_MTU = 1_420;
const ETHERNET_HEADER_BYTES = 14;

/** How a manager reaches others; all of it may be left out. */
export interface OverlayManagerOptions {
  /** What managers of this program reach each other by; without it a network's endpoints are those of one manager. */
  readonly underlay?: MemoryUnderlay;
  /** This manager's own address there. */
  readonly address?: string;
  /** What the underlay carries at most, in bytes of IP; 1420 unless given. */
  readonly underlayMtu?: number;
  /** The system's unless given. */
  readonly clock?: Clock;
  /** The system's unless given. */
  readonly timers?: Timers;
  /** The system's unless given. */
  readonly random?: RandomSource;
}

/**
 * Makes networks and endpoints in them.
 *
 * @example A network of two endpoints
 * ```ts
 * import assert from "node:assert/strict";
 * import { getDriverFactory, OverlayManager } from "@weft/mesh";
 *
 * // Get the overlay manager
 * const overlayManager = new OverlayManager();
 *
 * // Register a VXLAN driver
 * const vxlanDriver = getDriverFactory("vxlan")();
 * overlayManager.registerDriver(vxlanDriver);
 *
 * // Initialize the manager
 * await overlayManager.initialize();
 *
 * // Create a VXLAN-based overlay network
 * const network = {
 *   id: "net-001",
 *   name: "application-network",
 *   type: "vxlan",
 *   cidr: "10.0.0.0/24",
 *   vni: 1001,
 *   mtu: 1450,
 *   active: true,
 *   interfaces: ["eth0"],
 * };
 * await overlayManager.createNetwork(network, "vxlan");
 *
 * // Add an endpoint to the network
 * const endpoint = {
 *   networkId: "net-001",
 *   name: "app-server-1",
 *   macAddress: "02:42:ac:11:00:02",
 *   ipAddress: "10.0.0.2/24",
 * };
 * const server = await overlayManager.createEndpoint(endpoint);
 *
 * // Another one hears what the first one says to everybody
 * const heard: Uint8Array[] = [];
 * await overlayManager.createEndpoint({ networkId: "net-001", name: "app-client-1" }, (frame) => heard.push(frame));
 * const frame = new Uint8Array(60).fill(0xff, 0, 6);
 * frame.set([0x02, 0x42, 0xac, 0x11, 0x00, 0x02, 0x88, 0xb5], 6);
 * server.send(frame);
 * assert.deepEqual(heard.map(({ length }) => length), [60]);
 * await overlayManager.close();
 * ```
 */
export class OverlayManager implements AsyncDisposable {
  readonly #options: OverlayManagerOptions;
  readonly #drivers = new DriverRegistry();
  readonly #networks = new Map<string, ManagedNetwork>();
  #frames: PortableFrames | undefined;
  #leaveUnderlay: () => void = () => {};
  #isClosed = false;
  #lastNumber = 0;

  /** Makes one without networks. @throws RangeError when an underlay is given without an address in it */
  constructor(options: OverlayManagerOptions = {}) {
    if (options.underlay !== undefined && IpAddress.parse(options.address ?? "") === undefined) {
      throw new RangeError("Cannot be in an underlay: that needs an IP address");
    }
    this.#options = options;
  }

  /** Lets networks be of this driver's type. @throws DuplicateDriverError when there is one of its name */
  registerDriver(driver: OverlayDriver): void {
    this.#drivers.register(driver.name, () => driver);
  }

  /** The names of the drivers. */
  get drivers(): readonly string[] {
    return this.#drivers.names;
  }

  /** Begins to carry frames; with the drivers that are part of weft when none was registered. Harmless when repeated. */
  initialize(): Promise<void> {
    if (this.#isClosed) return Promise.reject(notInitialized("begin again", "it is closed"));
    if (this.#frames === undefined) this.#open();
    return Promise.resolve();
  }

  /**
   * Makes a network.
   * @param type what the caller takes its type for
   * @returns it, with what was chosen
   * @throws DuplicateNetworkError, UnknownDriverError, NetworkTypeError, IdentifierRangeError, MtuRangeError,
   * InvalidDriverOptionError, InvalidNetworkError, NotInitializedManagerError
   */
  createNetwork(network: NewOverlayNetwork, type: string = network.type): Promise<OverlayNetwork> {
    return attempt(() => this.#createNetwork(network, type));
  }

  /**
   * Makes an endpoint.
   * @param onFrame is handed the frames for it
   * @throws UnknownNetworkError, DuplicateEndpointError, InvalidEndpointError, TooManyEndpointsError,
   * NotInitializedManagerError
   */
  createEndpoint(config: EndpointConfig, onFrame: FrameHandler = () => {}): Promise<OverlayEndpoint> {
    return attempt(() => this.#createEndpoint(config, onFrame));
  }

  /** Takes an endpoint back. @throws UnknownNetworkError, UnknownEndpointError, NotInitializedManagerError */
  deleteEndpoint(networkId: string, name: string): Promise<void> {
    return attempt(() => {
      const network = this.#find(networkId, "delete an endpoint of");
      const endpoint = network.endpoint(name);
      if (endpoint === undefined) {
        const what = `${network.definition.name}/${name}`;
        throw new UnknownEndpointError(`Cannot delete ${what}: there is none of that name`);
      }
      endpoint.close();
    });
  }

  /**
   * Takes a network back.
   * @param options.force with its endpoints
   * @throws UnknownNetworkError, NetworkInUseError, NotInitializedManagerError
   */
  deleteNetwork(networkId: string, options: { readonly force?: boolean } = {}): Promise<void> {
    return attempt(() => {
      const network = this.#find(networkId, "delete");
      const { definition: { id, name }, endpoints } = network;
      if (endpoints.length > 0 && options.force !== true) {
        throw new NetworkInUseError(
          `Cannot delete ${name}: it has ${endpoints.length} endpoint${endpoints.length === 1 ? "" : "s"}`,
        );
      }
      for (const endpoint of endpoints) endpoint.close();
      this.#running("delete a network").removeNetwork(network.number);
      this.#networks.delete(id);
    });
  }

  /**
   * Lets frames of a network go to and come from another manager in the same underlay.
   * @throws UnknownNetworkError, InvalidNetworkError when it is no address or this manager is in no underlay,
   * NotInitializedManagerError
   */
  addRemote(networkId: string, address: string): Promise<void> {
    return attempt(() => {
      const { number, remotes, definition } = this.#find(networkId, "add a remote to");
      const read = IpAddress.parse(address);
      const what = `Cannot add the remote ${address} to ${definition.name}`;
      if (this.#options.underlay === undefined) {
        throw new InvalidNetworkError(`${what}: this manager is in no underlay`);
      }
      if (read === undefined) throw new InvalidNetworkError(`${what}: that is no IP address`);
      if (remotes.has(`${read}`)) return;
      const port = ++this.#lastNumber;
      remotes.set(`${read}`, port);
      const via = { kind: "member", publicKey: "", address: `${read}` } as const;
      this.#running("add a remote").setRemote({ port, network: number, allowsForeign: true, via });
    });
  }

  /** All networks. @returns them in the order in which they were made */
  networks(): readonly OverlayNetwork[] {
    return Array.from(this.#networks.values(), ({ definition }) => definition);
  }

  /** The endpoints of a network, or of all. @throws UnknownNetworkError, NotInitializedManagerError */
  endpoints(networkId?: string): readonly OverlayEndpoint[] {
    const networks = networkId === undefined
      ? [...this.#networks.values()]
      : [this.#find(networkId, "list the endpoints of")];
    return networks.flatMap(({ endpoints }) => endpoints);
  }

  /** What a network has carried and dropped. @throws UnknownNetworkError, NotInitializedManagerError */
  counts(networkId: string): FrameCounts | undefined {
    const { number } = this.#find(networkId, "count the frames of");
    return this.#frames?.networkCounts(number);
  }

  /** Takes everything back. Harmless when repeated. */
  close(): Promise<void> {
    this.#isClosed = true;
    this.#leaveUnderlay();
    this.#leaveUnderlay = () => {};
    this.#frames?.close();
    this.#frames = undefined;
    this.#networks.clear();
    return Promise.resolve();
  }

  /** The same as `close`. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #open(): void {
    if (this.#drivers.names.length === 0) {
      const builtIn = builtInDrivers();
      for (const name of builtIn.names) {
        const factory = builtIn.get(name);
        if (factory !== undefined) this.#drivers.register(name, factory);
      }
    }
    const { underlay, address = "", clock, timers = systemTimers, random } = this.#options;
    const joined = underlay?.join(
      [IpAddress.parse(address)].filter((each) => each !== undefined),
      (packet) => void this.#frames?.receiveFromMesh(packet),
    );
    this.#leaveUnderlay = () => joined?.close();
    this.#frames = new PortableFrames({
      onPortEvent() {},
      sendMesh: (packet) => joined?.send(packet) ?? false,
      drivers: this.#drivers,
      timers,
      ...clock && { clock },
      ...random && { random },
    });
    if (joined !== undefined) this.#frames.setOwnAddresses([address]);
  }

  #createNetwork(given: NewOverlayNetwork, type: string): OverlayNetwork {
    const frames = this.#running("make a network");
    const what = `Cannot make the network ${given.name}`;
    const driver = this.#drivers.get(given.type)?.();
    if (driver === undefined) {
      throw new UnknownDriverError(
        `${what}: there is no driver ${given.type}, but ${this.#drivers.names.join(", ")}`,
      );
    }
    if (type !== given.type) {
      throw new NetworkTypeError(`${what}: it is of type ${given.type}, and not ${type}`);
    }
    const number = ++this.#lastNumber;
    const definition = completeNetwork(given, `net-${number}`);
    checkNetwork(definition, driver.capabilities);
    if (definition.plain !== undefined) {
      throw new InvalidNetworkError(`${what}: a program alone has no plain underlay`);
    }
    const { id, name } = definition;
    const same = this.networks().find((one) =>
      one.id === id || one.name === name || isSameOnWire(one, definition)
    );
    if (same !== undefined) {
      throw new DuplicateNetworkError(
        `${what}: ${same.name} (${same.id}, ${same.type} ${same.vni}) has the same name, id or identifier`,
      );
    }
    const mtuBytes = definition.mtu ?? this.#mtuOf(driver, definition);
    frames.setNetwork({
      network: number,
      name,
      driver: definition.type,
      identifier: definition.vni,
      options: definition.options,
      mtuBytes,
      underlay: { kind: "mesh" },
      ...definition.stormLimit !== undefined && { stormLimit: definition.stormLimit },
    });
    const made = { ...definition, mtu: mtuBytes };
    this.#networks.set(id, new ManagedNetwork(number, made));
    return made;
  }

  /** What the underlay leaves. */
  #mtuOf(driver: OverlayDriver, { vni, options }: OverlayNetwork): number {
    const { headerBytes, payload } = driver.encapsulation(vni, options);
    const isSix = this.#options.address?.includes(":") ?? false;
    // EtherIP stands below tags (RFC 3378 §3.1).
    const outer = (isSix ? 40 : 20) + { udp: 8, ip: 0, link: 2 }[driver.capabilities.transport.kind];
    const inner = payload === "ethernet" ? ETHERNET_HEADER_BYTES : 0;
    return (this.#options.underlayMtu ?? UNDERLAY_MTU) - outer - headerBytes - inner;
  }

  #createEndpoint(config: EndpointConfig, onFrame: FrameHandler): OverlayEndpoint {
    const frames = this.#running("make an endpoint");
    const network = this.#find(config.networkId, "make an endpoint of");
    return network.createEndpoint(config, onFrame, { frames, port: ++this.#lastNumber });
  }

  /** @throws UnknownNetworkError, NotInitializedManagerError */
  #find(networkId: string, what: string): ManagedNetwork {
    this.#running(`${what} ${networkId}`);
    const found = this.#networks.get(networkId) ??
      [...this.#networks.values()].find(({ definition }) => definition.name === networkId);
    if (found !== undefined) return found;
    throw new UnknownNetworkError(`Cannot ${what} ${networkId}: there is no network of that id or name`);
  }

  #running(what: string): PortableFrames {
    if (this.#frames !== undefined) return this.#frames;
    throw notInitialized(what, this.#isClosed ? "the manager is closed" : "the manager is not initialized");
  }
}

function notInitialized(what: string, why: string): NotInitializedManagerError {
  return new NotInitializedManagerError(`Cannot ${what}: ${why}`, {
    hint: "`initialize` comes first, `close` last.",
  });
}

/** What is done in one turn, as a promise. */
function attempt<T>(act: () => T): Promise<T> {
  try {
    return Promise.resolve(act());
  } catch (error) {
    return Promise.reject(error);
  }
}
