/**
 * The packet plane over the runtime's own sockets, on the main thread.
 * @module
 */

import type { Millis } from "../base/mod.ts";
import { type PresharedKey, type PrivateKey, type PublicKey, selectAead } from "../crypto/mod.ts";
import { type PacketDevice, systemClock, systemRandom, systemTimers } from "../host/mod.ts";
import { type Endpoint, isPathDatagram, isStunAnswer } from "../net/mod.ts";
import {
  checkPathMtu,
  Device,
  type PeerStatus,
  type WireGuardPeerConfig,
  type WireGuardPeerUpdate,
} from "../wireguard/mod.ts";
import { PortableFrames } from "./frames/mod.ts";
import type {
  ListenFailure,
  ListenOptions,
  Offload,
  PlaneEnd,
  PlaneOptions,
  WireGuardPlane,
} from "./packet_plane.ts";
import { PortablePolicy } from "./portable_policy.ts";
import { PortableSocket } from "./portable_socket.ts";
import type { PlanePolicy } from "./policy/mod.ts";
import { DIRECTION } from "../policy/mod.ts";
import { checkProbe, checkProbeIds, ProbeGate, type ProbeIdChange } from "./probes/mod.ts";
import { type ProxyAnswer, type ProxyChange, TransparentProxy } from "./proxy/mod.ts";

/**
 * Two loops and a timer around one `Device`. Everything that the protocol has to say after a turn (datagrams,
 * events, its next timeout) is collected by `#settle`, once for each batch.
 */
export class PortablePlane implements WireGuardPlane {
  readonly kind = "portable";
  readonly engine: string;
  readonly offloads: readonly Offload[] = [];
  readonly workers = 1;
  readonly frames: PortableFrames;
  readonly ended: Promise<PlaneEnd>;
  readonly #device: Device;
  readonly #tun: PacketDevice;
  readonly #observer: PlaneOptions["observer"];
  readonly #probes = new ProbeGate();
  readonly #onProbe: NonNullable<PlaneOptions["onProbe"]>;
  readonly #proxy = new TransparentProxy();
  readonly #policy: PortablePolicy;
  readonly #onProxyQuestion: NonNullable<PlaneOptions["onProxyQuestion"]>;
  #socket = new PortableSocket();
  #cancelTimer: (() => void) | undefined;
  #timerDeadline: Millis | undefined;
  #closed = false;

  /** Starts at once; there is no socket before `listen`. @param tun closed when the plane ends */
  constructor(tun: PacketDevice, options: PlaneOptions) {
    const { mtuBytes, timers = {}, observer } = options;
    const { onProxyQuestion = () => {}, onPortEvent = () => {}, onPolicyReport = () => {} } = options;
    const aead = selectAead();
    this.#device = new Device({ random: systemRandom, wall: systemClock.wall, aead, mtuBytes, timers });
    this.#device.suspend();
    this.#tun = tun;
    this.#observer = observer;
    this.#onProbe = options.onProbe ?? (() => {});
    this.#onProxyQuestion = onProxyQuestion;
    this.#policy = new PortablePolicy({
      write: (packet) => void this.#tun.write(packet),
      reply: (now, packet) => void this.#device.handlePacket(now, packet),
      release: (now, packet, nextHop) => this.#sendOut(now, packet, nextHop),
      settle: () => this.#settle(),
      onReport: onPolicyReport,
    });
    this.#device.forwarding.admits = (now, memory, at, lengthBytes) =>
      this.#policy.admits(now, memory.subarray(at, at + lengthBytes), DIRECTION.THROUGH);
    this.engine = aead.name;
    this.frames = new PortableFrames({
      onPortEvent,
      guards: this.#policy.guards,
      sendMesh: (packet) => {
        const refused = this.#device.handlePacket(systemClock.now(), packet);
        this.#transmit();
        this.#armTimer(this.#device.pollTimeout());
        return refused === undefined;
      },
    });
    const loops = [this.#carryOutbound(), this.#carryInbound()];
    this.ended = Promise.race(loops).then(async (end) => {
      this.close();
      await Promise.all(loops);
      return end;
    });
  }

  setPeer(config: WireGuardPeerConfig): void {
    this.#device.setPeer(systemClock.now(), config);
    this.#settle();
  }

  removePeer(publicKey: PublicKey): void {
    this.#device.removePeer(publicKey);
    this.frames.limitMember(publicKey.toString(), undefined);
    this.#settle();
  }

  setEndpoint(publicKey: PublicKey, endpoint: Endpoint): void {
    this.#device.setEndpoint(publicKey, endpoint);
  }

  initiateHandshake(publicKey: PublicKey): void {
    this.#device.initiateHandshake(systemClock.now(), publicKey);
    this.#settle();
  }

  setPath(publicKey: PublicKey, endpoint: Endpoint | undefined): void {
    this.#device.setPath(systemClock.now(), publicKey, endpoint);
    this.#settle();
  }

  setPathMtu(publicKey: PublicKey, mtuBytes: number | undefined): void {
    checkPathMtu(mtuBytes);
    this.#device.setPathMtu(publicKey, mtuBytes);
    this.frames.limitMember(publicKey.toString(), mtuBytes);
  }

  sendProbe(datagram: Uint8Array, endpoint: Endpoint): void {
    checkProbe(datagram);
    this.#probes.noteOutgoing(systemClock.now(), datagram, endpoint);
    this.#socket.sendProbe(datagram, endpoint);
  }

  changeProbeIds(change: ProbeIdChange): void {
    checkProbeIds(change);
    this.#probes.change(change);
  }

  changeProxy(change: ProxyChange): void {
    this.#proxy.change(change);
    this.#settle();
  }

  answerProxy(id: number, answer: ProxyAnswer): void {
    this.#proxy.answer(systemClock.now(), id, answer);
    this.#settle();
  }

  setPolicy(policy: PlanePolicy): void {
    this.#policy.use(policy, this.#device);
  }

  peerStatus(publicKey: PublicKey): PeerStatus | undefined {
    return this.#device.peerStatus(publicKey);
  }

  peerStatuses(): readonly PeerStatus[] {
    return this.#device.peerStatuses();
  }

  get privateKey(): PrivateKey | undefined {
    return this.#device.privateKey;
  }

  get localPort(): number {
    return this.#socket.localPort;
  }

  presharedKey(publicKey: PublicKey): PresharedKey | undefined {
    return this.#device.presharedKey(publicKey);
  }

  setPrivateKey(key: PrivateKey | undefined): void {
    this.#device.setPrivateKey(key);
    this.#settle();
  }

  updatePeer(update: WireGuardPeerUpdate): void {
    this.#device.updatePeer(systemClock.now(), update);
    this.#settle();
  }

  setMtu(mtuBytes: number): void {
    this.#device.setMtu(mtuBytes);
  }

  canListen(options: ListenOptions): ListenFailure | undefined {
    const socket = PortableSocket.open(options);
    if (typeof socket === "string") return socket;
    socket.close();
    return undefined;
  }

  listen(options: ListenOptions): ListenFailure | undefined {
    const socket = PortableSocket.open(options);
    if (typeof socket === "string") return socket;
    this.#replaceSocket(socket);
    this.#device.resume(systemClock.now());
    this.#settle();
    return undefined;
  }

  setMark(fwmark: number): boolean {
    return this.#socket.setMark(fwmark);
  }

  suspend(): void {
    this.#device.suspend();
    this.#replaceSocket(new PortableSocket());
  }

  drops(): Readonly<Record<string, number>> {
    return {
      ...this.#device.counters.snapshot(),
      ...this.#proxy.counters.snapshot(),
      ...this.#probes.counters.snapshot(),
      ...this.#policy.drops(),
      ...this.frames.drops(),
      ...this.#socket.drops(),
    };
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#cancelTimer?.();
    this.#policy.close();
    this.frames.close();
    this.#tun.close();
    this.#socket.close();
  }

  #replaceSocket(socket: PortableSocket): void {
    const former = this.#socket;
    this.#socket = socket;
    former.close();
    if (this.#closed) socket.close();
  }

  async #carryOutbound(): Promise<PlaneEnd> {
    for (;;) {
      const batch = await this.#tun.readBatch();
      if (batch === undefined || this.#closed) return this.#closed ? "closed" : "interface-gone";
      const now = systemClock.now();
      for (let i = 0; i < batch.count; i++) {
        const packet = batch.packet(i);
        if (this.frames.forbids(packet)) continue;
        const isGuarded = !this.#policy.guards.isIdle && !this.#proxy.isOfListener(packet, 0, packet.length);
        if (isGuarded && !this.#policy.admits(now, packet, DIRECTION.OUT)) continue;
        this.#sendOut(now, packet, isGuarded ? this.#policy.nextHop(packet) : undefined);
      }
      this.#settle();
    }
  }

  async #carryInbound(): Promise<PlaneEnd> {
    for (;;) {
      const socket = this.#socket;
      const batch = await socket.receiveBatch();
      if (this.#closed) return "closed";
      // What the former socket has received is of a port that nobody listens on any more.
      if (socket !== this.#socket) continue;
      if (batch === undefined) return "closed";
      const now = systemClock.now();
      for (let i = 0; i < batch.count; i++) {
        if (this.#takeProbe(now, batch.datagram(i), batch.source(i))) continue;
        const outcome = this.#device.handleDatagram(now, batch.datagram(i), batch.source(i));
        if (outcome.kind !== "packet" || this.frames.receiveFromMesh(outcome.packet)) continue;
        if (this.#policy.admits(now, outcome.packet, DIRECTION.IN)) this.#tun.write(outcome.packet);
      }
      this.#settle();
    }
  }

  /** @returns whether it is of the path protocol, or an answer of STUN */
  #takeProbe(now: Millis, datagram: Uint8Array, source: Endpoint): boolean {
    if (isStunAnswer(datagram, 0, datagram.length)) {
      if (this.#probes.stun.admits(now, datagram, 0, () => source)) this.#onProbe(datagram.slice(), source);
      return true;
    }
    if (!isPathDatagram(datagram, 0, datagram.length)) return false;
    if (this.#probes.expects(datagram, 0) && this.#probes.admits(now, datagram, 0, source)) {
      this.#onProbe(datagram.slice(), source);
    }
    return true;
  }

  /** Sends a packet of this host, to a host without a packet plane too. */
  #sendOut(now: Millis, packet: Uint8Array, nextHop: Uint8Array | undefined): void {
    if (nextHop === undefined && this.#takeProxied(now, packet)) return;
    this.#device.handlePacket(now, packet, nextHop);
    this.#transmit();
  }

  /** @returns whether it is for a host without a packet plane */
  #takeProxied(now: Millis, packet: Uint8Array): boolean {
    if (this.#proxy.isIdle) return false;
    const outcome = this.#proxy.handlePacket(now, packet, 0, packet.length, false);
    if (outcome === "write") this.#tun.write(packet);
    return outcome !== "not-proxied";
  }

  #settleProxy(): void {
    const proxy = this.#proxy;
    for (let packet = proxy.pollPacket(); packet !== undefined; packet = proxy.pollPacket()) {
      this.#tun.write(packet);
    }
    for (let asked = proxy.pollQuestion(); asked !== undefined; asked = proxy.pollQuestion()) {
      this.#onProxyQuestion(asked);
    }
  }

  #transmit(): void {
    const device = this.#device;
    const socket = this.#socket;
    for (let out = device.pollTransmit(); out !== undefined; out = device.pollTransmit()) {
      socket.send(out.datagram, out.endpoint);
    }
    for (let answer = device.pollAnswer(); answer !== undefined; answer = device.pollAnswer()) {
      this.#tun.write(answer);
    }
  }

  #settle(): void {
    if (this.#closed) return;
    const device = this.#device;
    this.#transmit();
    for (let event = device.pollEvent(); event !== undefined; event = device.pollEvent()) {
      this.#observer(event);
    }
    this.#settleProxy();
    this.#armTimer(device.pollTimeout());
  }

  /** Leaves an earlier timer alone: when it fires too early, `handleTimeout` is harmless and re-arms. */
  #armTimer(deadline: Millis | undefined): void {
    if (deadline === undefined) return;
    if (this.#timerDeadline !== undefined && this.#timerDeadline <= deadline) return;
    this.#cancelTimer?.();
    this.#timerDeadline = deadline;
    this.#cancelTimer = systemTimers.setTimer(Math.max(0, deadline - systemClock.now()), () => {
      this.#timerDeadline = undefined;
      this.#cancelTimer = undefined;
      this.#device.handleTimeout(systemClock.now());
      this.#settle();
    });
  }
}
