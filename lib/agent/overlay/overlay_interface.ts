/**
 * The interface of the overlay on this host, with what needs it: the packet plane and its peers, the
 * userspace API's socket, and the echo that answers probes through the tunnel.
 * @module
 */

import type { StateStore, WeftError } from "../../base/mod.ts";
import { openPlane, type WireGuardPlane } from "../../dataplane/mod.ts";
import { portInUse, SocketError } from "../../transport/mod.ts";
import { deviceSnapshot, ReadOnlySocket } from "../../uapi/mod.ts";
import type { DeviceEvent, ProtocolTimers } from "../../wireguard/mod.ts";
import type { AgentContext } from "../agent_context.ts";
import { InterfaceGoneError, PacketPlaneError } from "../errors.ts";
import { HealthEcho } from "../health/mod.ts";
import { forgetHostNetwork, openHostNetwork } from "./host_network.ts";
import { type DeviceSecrets, PeerSync } from "./peer_sync.ts";
import type { DataplaneReport } from "../report.ts";

/** What the interface is for, and where changes of the host are noted. */
export interface OverlayInterfaceParts extends AgentContext {
  readonly store: StateStore;
  readonly secrets: DeviceSecrets;
  /** Receives handshakes and moves of peers, after the peers were brought in line. */
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
    const { options, mesh, endpoints, store, log } = parts;
    const { interfaceName, mtuBytes } = options;
    const network = { interfaceName, mtuBytes, addresses: mesh.record.addresses, cidrs: endpoints.overlay };
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
    this.#peers?.close();
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
    const { mesh: { replica, identity }, secrets, endpoints } = this.#parts;
    return new PeerSync({ replica, plane: this.plane, self: identity.id, secrets, endpoints });
  }

  #startEcho(): void {
    const { mesh: { roster, record } } = this.#parts;
    const [address] = record.addresses;
    if (address === undefined) return;
    const echo = new HealthEcho({
      ...this.#parts,
      address,
      isPeer: (source) => roster.find(source) !== undefined,
    });
    this.#echo = echo;
    echo.start();
    this.#resources.defer(() => echo.close());
  }

  async #unmake(): Promise<void> {
    const { store, log } = this.#parts;
    this.#peers?.close();
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
