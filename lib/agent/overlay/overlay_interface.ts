/**
 * The interface of the overlay on this host, with everything that stands on it: the packet plane and its peers, the
 * userspace API's socket, and the echo that answers probes through the tunnel.
 * @module
 */

import type { Logger, StateStore, WeftError } from "../../base/mod.ts";
import type { AgentOptions } from "../../config/mod.ts";
import { openPlane, type WireGuardPlane } from "../../dataplane/mod.ts";
import { systemClock, systemRandom, systemTimers } from "../../host/mod.ts";
import type { MeshState, NodeId } from "../../mesh/mod.ts";
import type { Cidr, Endpoint } from "../../net/mod.ts";
import { portInUse, SocketError } from "../../transport/mod.ts";
import { deviceSnapshot, ReadOnlySocket } from "../../uapi/mod.ts";
import type { DeviceEvent, ProtocolTimers } from "../../wireguard/mod.ts";
import type { DeviceSecrets } from "./device_secrets.ts";
import { InterfaceGoneError, PacketPlaneError } from "../errors.ts";
import { HealthEcho } from "../health/mod.ts";
import { forgetHostNetwork, openHostNetwork } from "./host_network.ts";
import { PeerSync } from "./peer_sync.ts";
import type { DataplaneReport } from "../report.ts";

/** What it is made of. */
export interface OverlayInterfaceParts {
  readonly mesh: MeshState;
  readonly store: StateStore;
  readonly options: AgentOptions;
  readonly secrets: DeviceSecrets;
  /** The overlay's blocks. */
  readonly cidrs: readonly Cidr[];
  readonly log: Logger;
  /** Which of the endpoints that a member states are worth a try, the best first. */
  candidates(stated: readonly Endpoint[], nodeId: NodeId): Endpoint[];
  /** Hears of handshakes and of where peers are, after the peers have. */
  observer(event: DeviceEvent): void;
}

/** Made, used and taken away once. */
export class OverlayInterface implements AsyncDisposable {
  readonly plane: WireGuardPlane;
  readonly report: DataplaneReport;
  /** Settles when it is gone: with undefined after it was disposed, else with why. */
  readonly ended: Promise<WeftError | undefined>;
  readonly #parts: OverlayInterfaceParts;
  readonly #resources = new AsyncDisposableStack();
  #echo: HealthEcho | undefined;
  #peers: PeerSync | undefined;

  private constructor(parts: OverlayInterfaceParts, plane: WireGuardPlane) {
    const { interfaceName, mtuBytes } = parts.options;
    this.#parts = parts;
    this.plane = plane;
    this.report = {
      kind: plane.kind,
      interfaceName,
      mtuBytes,
      aead: plane.engine,
      get offloads() {
        return plane.offloads;
      },
    };
    this.ended = plane.ended.then((end) => {
      if (end === "interface-gone") return new InterfaceGoneError(interfaceName);
      return end === "worker-failed" ? new PacketPlaneError(interfaceName, end) : undefined;
    }, (cause) => new PacketPlaneError(interfaceName, cause));
    this.#resources.defer(() => this.#unmake());
  }

  /** @throws WeftError that says what this host lacks; then everything is taken back */
  static async open(parts: OverlayInterfaceParts): Promise<OverlayInterface> {
    const { options, mesh, cidrs, store, log } = parts;
    const { interfaceName, mtuBytes } = options;
    const network = { interfaceName, mtuBytes, addresses: mesh.record.addresses, cidrs };
    const made: { opened?: OverlayInterface } = {};
    const plane = await openHostNetwork(store, network, () =>
      openPlane({
        interfaceName,
        mtuBytes,
        choice: options.dataplane,
        cipher: options.cipher,
        timers: options.testTimers as Partial<ProtocolTimers>,
        observer: (event) => {
          made.opened?.peers?.handleDeviceEvent(event);
          parts.observer(event);
        },
        log,
      }));
    const opened = made.opened = new OverlayInterface(parts, plane);
    try {
      opened.#listen();
      return opened;
    } catch (error) {
      await opened[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** Brings the roster's members to the plane. */
  get peers(): PeerSync | undefined {
    return this.#peers;
  }

  /** Answers probes; undefined for a node without an address. */
  get echo(): HealthEcho | undefined {
    return this.#echo;
  }

  /** Peers know this node by its new key only, so every session begins anew. */
  followKey(): void {
    const { plane } = this;
    plane.setPrivateKey(this.#parts.mesh.identity.privateKey);
    for (const { publicKey } of plane.peerStatuses()) plane.removePeer(publicKey);
    this.#peers = this.#makePeers();
    this.#peers.start();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#resources.disposeAsync();
  }

  #listen(): void {
    const { plane } = this;
    const { mesh, options: { port, interfaceName }, log } = this.#parts;
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
    this.#peers = this.#makePeers();
  }

  #makePeers(): PeerSync {
    const { mesh, secrets, candidates } = this.#parts;
    return new PeerSync({
      roster: mesh.roster,
      plane: this.plane,
      self: mesh.identity.id,
      presharedKey: (nodeId) => secrets.get(nodeId),
      candidates: (stated, nodeId) => candidates(stated, nodeId),
    });
  }

  #startEcho(): void {
    const { mesh: { roster, record }, log } = this.#parts;
    const [address] = record.addresses;
    if (address === undefined) return;
    const echo = new HealthEcho({
      clock: systemClock,
      timers: systemTimers,
      random: systemRandom,
      log,
      address,
      isPeer: (source) => roster.find(source) !== undefined,
    });
    this.#echo = echo;
    echo.start();
    this.#resources.defer(() => echo.close());
  }

  async #unmake(): Promise<void> {
    const { store, log } = this.#parts;
    this.plane.close();
    // Why it ended, if it was not this, `ended` tells.
    await this.plane.ended.catch(() => {});
    try {
      forgetHostNetwork(store);
    } catch (error) {
      // The interface is gone all the same, and the next start finds that out.
      log.warn("cannot forget what was changed of this host", { error });
    }
  }
}
