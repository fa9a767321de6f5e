/**
 * The packet plane over the runtime's own sockets, on the main thread.
 * @module
 */

import type { Clock, Millis, Timers } from "../base/mod.ts";
import type { PresharedKey, PrivateKey, PublicKey } from "../crypto/mod.ts";
import { enlargeUdpBuffers, markUdpSocket, type PacketDevice } from "../host/mod.ts";
import type { Endpoint } from "../net/mod.ts";
import { type DatagramSocket, NoSocket, openUdp, PortInUseError } from "../transport/mod.ts";
import type { Device, PeerStatus, WireGuardPeerConfig, WireGuardPeerUpdate } from "../wireguard/mod.ts";
import type {
  ListenFailure,
  ListenOptions,
  Offload,
  PlaneEnd,
  PlaneObserver,
  WireGuardPlane,
} from "./packet_plane.ts";

/** The protocol, the interface and the runtime under a plane; it closes `tun` when it ends. */
export interface PortablePlaneParts {
  readonly device: Device;
  readonly tun: PacketDevice;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly observer: PlaneObserver;
  /** How packets are sealed, for the status. */
  readonly aeadName: string;
}

/**
 * Two loops and a timer around one `Device`. Everything that the protocol has to say after a turn (datagrams,
 * events, its next timeout) is collected by `#settle`, once for each batch.
 */
export class PortablePlane implements WireGuardPlane {
  readonly kind = "portable";
  readonly engine: string;
  readonly offloads: readonly Offload[] = [];
  readonly ended: Promise<PlaneEnd>;
  readonly #parts: PortablePlaneParts;
  #socket: DatagramSocket = new NoSocket();
  #cancelTimer: (() => void) | undefined;
  #timerDeadline: Millis | undefined;
  #closed = false;

  /** Starts at once; there is no socket before `listen`. */
  constructor(parts: PortablePlaneParts) {
    this.#parts = parts;
    this.engine = parts.aeadName;
    const loops = [this.#carryOutbound(), this.#carryInbound()];
    this.ended = Promise.race(loops).then(async (end) => {
      this.close();
      await Promise.all(loops);
      return end;
    });
  }

  setPeer(config: WireGuardPeerConfig): void {
    const { device, clock } = this.#parts;
    device.setPeer(clock.now(), config);
    this.#settle();
  }

  removePeer(publicKey: PublicKey): void {
    this.#parts.device.removePeer(publicKey);
    this.#settle();
  }

  setEndpoint(publicKey: PublicKey, endpoint: Endpoint): void {
    this.#parts.device.setEndpoint(publicKey, endpoint);
  }

  initiateHandshake(publicKey: PublicKey): void {
    const { device, clock } = this.#parts;
    device.initiateHandshake(clock.now(), publicKey);
    this.#settle();
  }

  peerStatus(publicKey: PublicKey): PeerStatus | undefined {
    return this.#parts.device.peerStatus(publicKey);
  }

  peerStatuses(): readonly PeerStatus[] {
    return this.#parts.device.peerStatuses();
  }

  get privateKey(): PrivateKey | undefined {
    return this.#parts.device.privateKey;
  }

  get localPort(): number {
    return this.#socket.localPort;
  }

  presharedKey(publicKey: PublicKey): PresharedKey | undefined {
    return this.#parts.device.presharedKey(publicKey);
  }

  setPrivateKey(key: PrivateKey | undefined): void {
    this.#parts.device.setPrivateKey(key);
    this.#settle();
  }

  updatePeer(update: WireGuardPeerUpdate): void {
    const { device, clock } = this.#parts;
    device.updatePeer(clock.now(), update);
    this.#settle();
  }

  setMtu(mtuBytes: number): void {
    this.#parts.device.setMtu(mtuBytes);
  }

  canListen(options: ListenOptions): ListenFailure | undefined {
    const socket = openSocket(options);
    if (typeof socket === "string") return socket;
    socket.close();
    return undefined;
  }

  listen(options: ListenOptions): ListenFailure | undefined {
    const socket = openSocket(options);
    if (typeof socket === "string") return socket;
    const { device, clock } = this.#parts;
    this.#replaceSocket(socket);
    device.resume(clock.now());
    this.#settle();
    return undefined;
  }

  setMark(fwmark: number): boolean {
    return this.localPort === 0 || markUdpSocket(this.localPort, fwmark);
  }

  suspend(): void {
    this.#parts.device.suspend();
    this.#replaceSocket(new NoSocket());
  }

  drops(): Readonly<Record<string, number>> {
    return { ...this.#parts.device.counters.snapshot(), ...this.#socket.drops() };
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#cancelTimer?.();
    this.#parts.tun.close();
    this.#socket.close();
  }

  #replaceSocket(socket: DatagramSocket): void {
    const former = this.#socket;
    this.#socket = socket;
    former.close();
    if (this.#closed) socket.close();
  }

  async #carryOutbound(): Promise<PlaneEnd> {
    const { device, tun, clock } = this.#parts;
    for (;;) {
      const batch = await tun.readBatch();
      if (batch === undefined || this.#closed) return this.#closed ? "closed" : "interface-gone";
      const now = clock.now();
      for (let i = 0; i < batch.count; i++) {
        device.handlePacket(now, batch.packet(i));
        this.#transmit();
      }
      this.#settle();
    }
  }

  async #carryInbound(): Promise<PlaneEnd> {
    const { device, tun, clock } = this.#parts;
    for (;;) {
      const socket = this.#socket;
      const batch = await socket.receiveBatch();
      if (this.#closed) return "closed";
      // What the former socket has received is of a port that nobody listens on any more.
      if (socket !== this.#socket) continue;
      if (batch === undefined) return "closed";
      const now = clock.now();
      for (let i = 0; i < batch.count; i++) {
        const outcome = device.handleDatagram(now, batch.datagram(i), batch.source(i));
        if (outcome.kind === "packet") tun.write(outcome.packet);
      }
      this.#settle();
    }
  }

  #transmit(): void {
    const { device } = this.#parts;
    const socket = this.#socket;
    for (let out = device.pollTransmit(); out !== undefined; out = device.pollTransmit()) {
      socket.send(out.datagram, out.endpoint);
    }
  }

  #settle(): void {
    if (this.#closed) return;
    const { device, observer } = this.#parts;
    this.#transmit();
    for (let event = device.pollEvent(); event !== undefined; event = device.pollEvent()) observer(event);
    this.#armTimer(device.pollTimeout());
  }

  /** Leaves an earlier timer alone: when it fires too early, `handleTimeout` is harmless and re-arms. */
  #armTimer(deadline: Millis | undefined): void {
    if (deadline === undefined) return;
    if (this.#timerDeadline !== undefined && this.#timerDeadline <= deadline) return;
    const { clock, timers, device } = this.#parts;
    this.#cancelTimer?.();
    this.#timerDeadline = deadline;
    this.#cancelTimer = timers.setTimer(Math.max(0, deadline - clock.now()), () => {
      this.#timerDeadline = undefined;
      this.#cancelTimer = undefined;
      device.handleTimeout(clock.now());
      this.#settle();
    });
  }
}

function openSocket({ port, fwmark }: ListenOptions): DatagramSocket | ListenFailure {
  let socket: DatagramSocket;
  try {
    socket = openUdp({ port });
  } catch (error) {
    return error instanceof PortInUseError ? "port-taken" : "failed";
  }
  enlargeUdpBuffers(socket.localPort);
  if (fwmark === 0 || markUdpSocket(socket.localPort, fwmark)) return socket;
  socket.close();
  return "mark-refused";
}
