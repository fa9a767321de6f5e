/**
 * Overlay networks of one program, without a mesh, an agent or privileges: its endpoints are calls. Managers that share a
 * `MemoryUnderlay` reach each other through it, by the drivers' packets; by UDP in the clear they reach whoever speaks the same
 * format, such as a vxlan device of the kernel.
 * @module
 */

import { builtInDrivers, DriverRegistry } from "../../../drivers/mod.ts";
import { systemClock, systemRandom, systemTimers } from "../../host/mod.ts";
import { IpAddress } from "../../net/mod.ts";
import {
  checkNetwork,
  completeNetwork,
  DuplicateNetworkError,
  isSameOnWire,
  NetworkInUseError,
  NetworkTypeError,
  type NewOverlayNetwork,
  type OverlayDriver,
  type OverlayNetwork,
  UnknownDriverError,
  UnknownEndpointError,
  UnknownNetworkError,
} from "../../overlay/mod.ts";
import type { NetworkPolicy } from "../../policy/mod.ts";
import { PlaneGuards } from "../policy/mod.ts";
import { type FrameCounts, type MemoryHost, PortableFrames } from "../frames/mod.ts";
import {
  type FrameHandler,
  type ManagedEndpointConfig,
  ManagedNetwork,
  type OverlayEndpoint,
} from "./managed_network.ts";
import { attempt, notInitialized } from "./attempt.ts";
import { ManagedPolicies } from "./managed_policies.ts";
import type { OverlayManagerOptions } from "./manager_options.ts";
import { mtuOf, planeUnderlayOf, remoteVia } from "./manager_underlay.ts";

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
 *
 * // Applications are reached by web servers alone, and databases by nobody
 * await overlayManager.applyNetworkPolicy({
 *   id: "policy-001",
 *   name: "web-tier-policy",
 *   networkId: "net-001",
 *   priority: 100,
 *   rules: [
 *     {
 *       type: "allow",
 *       sourceSelector: "role=web",
 *       destinationSelector: "role=app",
 *       protocol: "tcp",
 *       destinationPortRange: "8090-8100",
 *     },
 *     { type: "deny", sourceSelector: "*", destinationSelector: "role=db", protocol: "*" },
 *   ],
 * });
 * await overlayManager.close();
 * ```
 *
 * @example Two programs, in the clear; `ip link add vx42 type vxlan id 42 dstport 4242 …` would be one as well
 * ```ts
 * import assert from "node:assert/strict";
 * import { OverlayManager } from "@weft/mesh";
 *
 * await using here = new OverlayManager({ underlay: "udp", address: "127.0.0.2" });
 * await using there = new OverlayManager({ underlay: "udp", address: "127.0.0.3" });
 * const lab = { name: "lab", type: "vxlan", vni: 42, cidr: "10.42.0.0/24" };
 * for (const [manager, remote] of [[here, "127.0.0.3"], [there, "127.0.0.2"]] as const) {
 *   await manager.initialize();
 *   const { mtu } = await manager.createNetwork({ ...lab, plain: { port: 4242, remotes: [remote] } });
 *   assert.equal(mtu, 1450);
 * }
 * const { promise, resolve } = Promise.withResolvers<void>();
 * await there.createEndpoint({ networkId: "lab", name: "b" }, (frame) => frame[13] === 0xb5 && resolve());
 * const { send, macAddress } = await here.createEndpoint({ networkId: "lab", name: "a" });
 * const frame = new Uint8Array(60).fill(0xff, 0, 6);
 * frame.set([...macAddress.split(":").map((byte) => parseInt(byte, 16)), 0x88, 0xb5], 6);
 * send(frame);
 * await promise;
 * ```
 */
export class OverlayManager implements AsyncDisposable {
  readonly #options: OverlayManagerOptions;
  readonly #drivers = new DriverRegistry();
  readonly #networks = new Map<string, ManagedNetwork>();
  #frames: PortableFrames | undefined;
  readonly #guards: PlaneGuards;
  readonly #policies: ManagedPolicies;
  #memoryHost: MemoryHost | undefined;
  #isClosed = false;
  #lastNumber = 0;

  /** Makes one without networks. @throws RangeError when its address is none, or is needed */
  constructor(options: OverlayManagerOptions = {}) {
    const { underlay, address } = options;
    const isNeeded = underlay !== undefined && underlay !== "udp";
    if ((isNeeded || address !== undefined) && IpAddress.parse(address ?? "") === undefined) {
      throw new RangeError("Cannot be in an underlay: that needs an IP address");
    }
    this.#options = options;
    const { random = systemRandom, clock = systemClock } = options;
    this.#guards = new PlaneGuards({ random, wall: () => clock.wall() });
    this.#policies = new ManagedPolicies(this.#guards, this.#networks);
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
   * InvalidDriverOptionError, InvalidNetworkError, NotInitializedManagerError; with the underlay `udp` PortInUseError when
   * something else has the port, and SocketError
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
  createEndpoint(config: ManagedEndpointConfig, onFrame: FrameHandler = () => {}): Promise<OverlayEndpoint> {
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
  async deleteNetwork(networkId: string, options: { readonly force?: boolean } = {}): Promise<void> {
    await attempt(() => {
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
      this.#policies.removeNetwork(id);
    });
    await this.#frames?.released();
  }

  /**
   * Lets frames of a network go to and come from another manager in the same underlay, or with `udp` another host.
   * @throws UnknownNetworkError, InvalidNetworkError when it is no address or this manager is in no underlay,
   * NotInitializedManagerError
   */
  addRemote(networkId: string, address: string): Promise<void> {
    return attempt(() => {
      this.#addRemote(this.#find(networkId, "add a remote to"), address);
    });
  }

  /**
   * Decides from now on by this policy, too, or in place of another of its id. Its selectors mean this manager's endpoints;
   * those of others have their addresses alone.
   * @throws UnknownNetworkError, InvalidPolicyError, NotInitializedManagerError
   */
  applyNetworkPolicy(policy: NetworkPolicy): Promise<void> {
    return attempt(() => {
      this.#policies.apply(policy, this.#find(policy.networkId, "apply a policy to"));
    });
  }

  /** Takes a policy back. @throws UnknownPolicyError */
  deleteNetworkPolicy(id: string): Promise<void> {
    return attempt(() => this.#policies.remove(id));
  }

  /** All policies. @returns them in the order in which they were first applied */
  networkPolicies(): readonly NetworkPolicy[] {
    return this.#policies.all;
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
  async close(): Promise<void> {
    const frames = this.#frames;
    this.#isClosed = true;
    this.#memoryHost?.close();
    this.#memoryHost = undefined;
    this.#frames = undefined;
    this.#networks.clear();
    frames?.close();
    await frames?.released();
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
    const own = IpAddress.parse(address);
    const host = underlay === undefined || underlay === "udp" || own === undefined
      ? undefined
      : underlay.join([own], (packet) => void this.#frames?.receiveFromMesh(packet));
    this.#memoryHost = host;
    this.#frames = new PortableFrames({
      onPortEvent() {},
      // Others answer at once, and in the middle of a call the plane takes nothing.
      sendMesh: (packet) => host?.queue(packet) ?? false,
      onSettled: () => host?.carry(),
      drivers: this.#drivers,
      guards: this.#guards,
      timers,
      ...clock && { clock },
      ...random && { random },
    });
    if (host !== undefined) this.#frames.setOwnAddresses([address]);
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
    const plain = this.#options.underlay === "udp" ? { plain: {} } : {};
    const definition = completeNetwork({ ...plain, ...given }, `net-${number}`);
    checkNetwork(definition, driver.capabilities);
    const underlay = planeUnderlayOf(definition, driver, this.#options);
    const { id, name } = definition;
    const same = this.networks().find((one) =>
      one.id === id || one.name === name || isSameOnWire(one, definition)
    );
    if (same !== undefined) {
      throw new DuplicateNetworkError(
        `${what}: ${same.name} (${same.id}, ${same.type} ${same.vni}) has the same name, id or identifier`,
      );
    }
    const mtuBytes = definition.mtu ?? mtuOf(driver, definition, this.#options);
    frames.setNetwork({
      network: number,
      name,
      driver: definition.type,
      identifier: definition.vni,
      options: definition.options,
      mtuBytes,
      underlay,
      ...definition.stormLimit !== undefined && { stormLimit: definition.stormLimit },
    });
    const made = { ...definition, mtu: mtuBytes };
    const network = new ManagedNetwork(number, made);
    this.#networks.set(id, network);
    for (const remote of definition.plain?.remotes ?? []) this.#addRemote(network, remote);
    return made;
  }

  #addRemote({ number, remotes, definition: { name } }: ManagedNetwork, address: string): void {
    const read = IpAddress.parse(address);
    const via = remoteVia(read, this.#options, `Cannot add the remote ${address} to ${name}`);
    if (remotes.has(`${read}`)) return;
    const port = ++this.#lastNumber;
    remotes.set(`${read}`, port);
    this.#running("add a remote").setRemote({ port, network: number, allowsForeign: true, via });
  }

  #createEndpoint(config: ManagedEndpointConfig, onFrame: FrameHandler): OverlayEndpoint {
    const frames = this.#running("make an endpoint");
    const network = this.#find(config.networkId, "make an endpoint of");
    const port = ++this.#lastNumber;
    const onClosed = () => this.#policies.compile();
    const made = network.createEndpoint(config, onFrame, { frames, port, onClosed });
    this.#policies.compile();
    return made;
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
