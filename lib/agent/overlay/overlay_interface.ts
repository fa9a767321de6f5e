/**
 * The interface of the overlay on this host, made, configured and taken away again, with what needs it: the packet plane
 * and its peers, the userspace API's socket, and the echo that answers probes through the tunnel.
 * @module
 */

import type { StateStore, WeftError } from "../../base/mod.ts";
import type { AgentOptions } from "../../config/mod.ts";
import {
  openPlane,
  type PlaneOptions,
  type PolicyReport,
  type PortEvent,
  type ProxyQuestion,
  type WireGuardPlane,
} from "../../dataplane/mod.ts";
import { checkTun, findRouteOverlap, type HostChange, HostJournal, Netlink } from "../../host/mod.ts";
import { Cidr, type Endpoint, type IpAddress } from "../../net/mod.ts";
import { portInUse, SocketError } from "../../transport/mod.ts";
import { deviceSnapshot, ReadOnlySocket } from "../../uapi/mod.ts";
import type { DeviceEvent, ProtocolTimers } from "../../wireguard/mod.ts";
import type { AgentContext } from "../agent_context.ts";
import { InterfaceGoneError, PacketPlaneError, RouteOverlapError } from "../errors.ts";
import { HealthEcho } from "../health/mod.ts";
import type { CompiledPolicies, PolicyConsumer } from "../policy/mod.ts";
import { hasChosenExit } from "../routes/mod.ts";
import { PeerSync } from "./peer_sync.ts";
import { type MemberReach, RootlessProxy } from "./rootless_proxy.ts";
import type { DataplaneReport } from "../../api/mod.ts";

/** What the interface needs of the running node. */
export interface OverlayObserver extends MemberReach {
  /** Receives handshakes and moves of peers, after the peers were brought in line. */
  handleDeviceEvent(event: DeviceEvent): void;
  /** Receives datagrams of the path protocol. */
  handleProbe(datagram: Uint8Array, source: Endpoint): void;
  /** Receives what happens at ports of overlay networks. */
  handlePortEvent(event: PortEvent): void;
  /** Receives what policies have decided about packets. */
  handlePolicyReport(report: PolicyReport): void;
}

/** Made, used and taken away once. */
export class OverlayInterface implements AsyncDisposable, PolicyConsumer {
  readonly plane: WireGuardPlane;
  /** Brings the roster's members to the plane, once it is started. */
  readonly peers: PeerSync;
  /** Settles when it is gone: with undefined after it was disposed, else with why. */
  readonly ended: Promise<WeftError | undefined>;
  readonly #context: AgentContext;
  readonly #proxy: RootlessProxy;
  readonly #resources = new AsyncDisposableStack();
  /** What the interface has. */
  #addresses: readonly IpAddress[];
  #echo: HealthEcho | undefined;
  #policies: CompiledPolicies | undefined;

  private constructor(context: AgentContext, plane: WireGuardPlane, reach: MemberReach) {
    const { interfaceName } = context.options;
    this.#context = context;
    this.#addresses = context.mesh.record.addresses;
    this.plane = plane;
    this.peers = new PeerSync(plane, context);
    this.#proxy = new RootlessProxy(context, plane, reach);
    this.ended = plane.ended.then((end) => {
      if (end === "interface-gone") return new InterfaceGoneError(interfaceName);
      return end === "worker-failed" ? new PacketPlaneError(interfaceName, end) : undefined;
    }, (cause) => new PacketPlaneError(interfaceName, cause));
    this.#resources.defer(() => this.#unmake());
  }

  /**
   * @throws WeftError that says what this host lacks; then everything is taken back
   */
  static async open(context: AgentContext, observer: OverlayObserver): Promise<OverlayInterface> {
    const made: { opened?: OverlayInterface } = {};
    const plane = await openHostNetwork(context, {
      observer: (event) => {
        made.opened?.peers.handleDeviceEvent(event);
        observer.handleDeviceEvent(event);
      },
      onProxyQuestion: (question) => made.opened?.handleProxyQuestion(question),
      onProbe: (datagram, source) => observer.handleProbe(datagram, source),
      onPortEvent: (event) => observer.handlePortEvent(event),
      onPolicyReport: (report) => observer.handlePolicyReport(report),
    });
    const opened = made.opened = new OverlayInterface(context, plane, observer);
    try {
      opened.#listen();
      return opened;
    } catch (error) {
      await opened[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** @returns what the status says of it */
  get report(): DataplaneReport {
    const { kind, engine: aead, workers, offloads } = this.plane;
    const { interfaceName, mtuBytes } = this.#context.options;
    return { kind, interfaceName, mtuBytes, aead, workers, offloads };
  }

  /** The addresses that the interface has, with commas between them. */
  get addresses(): string {
    return this.#addresses.join();
  }

  /** Answers probes; undefined for a node without an address. */
  get echo(): HealthEcho | undefined {
    return this.#echo;
  }

  /** Gives the interface the addresses that the network says, in place of those it has. @throws HostError */
  followAddresses(): void {
    const { options: { interfaceName }, mesh: { record: { addresses } } } = this.#context;
    const gone = this.#addresses.filter((address) => !addresses.some((other) => other.equals(address)));
    using netlink = Netlink.open();
    for (const address of addresses) {
      netlink.addAddress(interfaceName, address, Cidr.host(address).prefixBits);
    }
    // What is left would be the source of packets that nobody takes from this node any more.
    for (const address of gone) {
      netlink.removeAddress(interfaceName, address, Cidr.host(address).prefixBits);
    }
    this.#addresses = addresses;
    if (this.#policies !== undefined) this.setPolicies(this.#policies);
    this.#startEcho();
    this.#proxy.listenAt(addresses);
  }

  /** Decides by other policies from now on. */
  setPolicies(policies: CompiledPolicies): void {
    this.#policies = policies;
    const { enforced, trial } = policies;
    const ownAddresses = this.#addresses.map(String);
    this.plane.setPolicy({ enforced: enforced?.bytes, trial: trial?.bytes, ownAddresses });
  }

  /** Leads connections of this host's programs to members without a packet plane. */
  handleProxyQuestion(question: ProxyQuestion): void {
    this.#proxy.handleQuestion(question);
  }

  /** Peers know this node by its new key only, so every session begins anew. */
  followKey(): void {
    const { plane } = this;
    plane.setPrivateKey(this.#context.mesh.identity.privateKey);
    for (const { publicKey } of plane.peerStatuses()) plane.removePeer(publicKey);
    this.peers.close();
    this.peers.start();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#resources.disposeAsync();
  }

  #listen(): void {
    const { plane } = this;
    const { mesh, options: { port, interfaceName }, log } = this.#context;
    plane.setPrivateKey(mesh.identity.privateKey);
    const failure = plane.listen({ port, fwmark: 0 });
    if (failure === "port-taken") throw portInUse("UDP", port);
    if (failure !== undefined) {
      throw new SocketError(`Cannot listen on UDP port ${port}`, { retryable: true });
    }
    const socket = new ReadOnlySocket(interfaceName, {
      snapshot: () => deviceSnapshot(plane, { listenPort: port, fwmark: 0 }),
      log,
    });
    this.#resources.defer(() => socket.close());
    this.#startEcho();
    this.#resources.defer(() => this.#echo?.close());
    this.#proxy.listenAt(this.#addresses);
    this.#resources.defer(() => this.#proxy.close());
  }

  #startEcho(): void {
    const [address] = this.#addresses;
    this.#echo?.close();
    this.#echo = address && new HealthEcho(this.#context, address);
    this.#echo?.start();
  }

  async #unmake(): Promise<void> {
    const { store, log } = this.#context;
    this.peers.close();
    this.plane.close();
    // If it ended for another reason, `ended` has that.
    await this.plane.ended.catch(() => {});
    try {
      forgetHostNetwork(store);
    } catch (error) {
      // The interface is gone all the same, and the next start finds that out.
      log.warn("cannot forget what was changed of this host", { error });
    }
  }
}

/**
 * Checks, before anything is changed, that an interface for `cidrs` can be made here; rootless nodes need none.
 *
 * @throws NotPermittedError without CAP_NET_ADMIN, or where /dev/net/tun is for other users
 * @throws NoTunDeviceError without the driver
 * @throws RouteOverlapError when the host routes a part of the overlay elsewhere
 */
export function checkHostNetwork({ rootless, interfaceName }: AgentOptions, cidrs: readonly Cidr[]): void {
  if (rootless) return;
  checkTun(interfaceName);
  using netlink = Netlink.open();
  const routes = netlink.listRoutes();
  for (const cidr of cidrs) {
    const route = findRouteOverlap(cidr, routes, interfaceName);
    if (route === undefined) continue;
    throw new RouteOverlapError(
      `Cannot use ${cidr}: it overlaps the route ${route.cidr} of this host on ${route.interfaceName}`,
      { hint: "Choose another network with --cidr when you start the leader, or remove that route." },
    );
  }
}

/**
 * Makes the interface, gives it its addresses and routes, and sets it up. What a crashed agent left is undone first.
 *
 * @returns the plane; closing it unmakes the interface, and its addresses and its routes go with it
 * @throws HostError, NotPermittedError, NoTunDeviceError, InterfaceExistsError, StateError; then nothing is left
 */
async function openHostNetwork(
  { store, options, preparedPlane, mesh, endpoints, log }: AgentContext,
  observers: Pick<
    PlaneOptions,
    "observer" | "onProbe" | "onProxyQuestion" | "onPortEvent" | "onPolicyReport"
  >,
): Promise<WireGuardPlane> {
  const { interfaceName, mtuBytes } = options;
  const cidrs = endpoints.overlay;
  const journal = new HostJournal(store);
  using netlink = Netlink.open();
  // What is blocked stays blocked until this agent leads it where it belongs.
  journal.undoAll(netlink, { keeps: hasChosenExit(store) ? ["exit"] : [] });
  const changes: HostChange[] = [{ kind: "interface", name: interfaceName }];
  for (const cidr of cidrs) changes.push({ kind: "route", cidr, interfaceName });
  store.transaction(() => changes.forEach((change) => journal.record(change)));
  const forget = () => store.transaction(() => changes.forEach((change) => journal.forget(change)));
  let plane: WireGuardPlane | undefined;
  try {
    plane = await openPlane({
      interfaceName,
      mtuBytes,
      choice: options.dataplane,
      cipher: options.cipher,
      prepared: preparedPlane,
      workers: options.workers,
      timers: options.testTimers as Partial<ProtocolTimers>,
      ...observers,
      log,
    });
    netlink.setLinkUp(interfaceName, mtuBytes);
    for (const address of mesh.record.addresses) {
      netlink.addAddress(interfaceName, address, Cidr.host(address).prefixBits);
    }
    for (const cidr of cidrs) netlink.addRoute(cidr, interfaceName);
    return plane;
  } catch (error) {
    plane?.close();
    forget();
    throw error;
  }
}

/** Forgets what was noted for a crash, once the interface is gone. What else was changed is not its business. */
function forgetHostNetwork(store: StateStore): void {
  const journal = new HostJournal(store);
  const own = journal.changes().filter(({ kind }) => kind === "interface" || kind === "route");
  store.transaction(() => own.forEach((change) => journal.forget(change)));
}
