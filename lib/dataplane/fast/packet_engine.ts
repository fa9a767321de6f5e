/**
 * The loop of the fast data plane: one thread that blocks in `poll`, then carries batches between a TUN interface, the
 * protocol and a UDP socket until nothing waits.
 *
 * ```
 *   TUN ─ superpacket ─▶ session ─▶ cut + seal in the cipher ─▶ GSO batch ─▶ UDP
 *   TUN ◀─ joined frames ◀─ check ◀─ open in the cipher ◀─ session ◀─ GRO batch ─ UDP
 *                      handshakes, keepalives, first packets: Device, one by one
 * ```
 *
 * The thread owns the device, every session and all counters of it; nothing here is shared but memory that is written
 * by one side only, unless there are further workers (`sealing`, `receiving`).
 * @module
 */

import type { Millis } from "../../base/mod.ts";
import { ERRNO, polledEvents, POLLERR, POLLFD_BYTES, POLLNVAL, writePollfd } from "../../host/mod.ts";
import type { Endpoint, IpFamily } from "../../net/mod.ts";
import type { BatchSession } from "../../wireguard/mod.ts";
import { DIRECTION } from "../../policy/mod.ts";
import { PacketGate } from "./packet_gate.ts";
import { ProxiedPackets } from "./proxied_packets.ts";
import type { WorkerSocket } from "./worker_protocol.ts";
import { readVirtioHeader, splitSuperpacket, VIRTIO_HEADER_BYTES } from "./superpacket.ts";
import { IncomingPackets } from "./incoming_packets.ts";
import { GroReceiver, GsoSender } from "./udp/mod.ts";
import {
  BATCH_AT,
  BATCH_ROOM_BYTES,
  FRAME_AT,
  FRAME_COPY_AT,
  FRAME_CUT_AT,
  FRAME_CUT_ROOM_BYTES,
  HEADROOM_BYTES,
  LINK_READER_AT,
  MAX_SUPERPACKET_BYTES,
  PACKET_AT,
  PLAIN_AT,
  POLL_AT,
  READY_AT,
  RECEIVE_AT,
  RECEIVER_AT,
  SENDER_AT,
  SINGLE_AT,
} from "./engine_memory.ts";
import type { EngineEnd, PacketEngineParts } from "./engine_parts.ts";
import { FrameEngine } from "./frames/mod.ts";
import { SessionSealer } from "./session_sealer.ts";

const NO_DESCRIPTOR = -1;

/** A turn sends about so much before it looks at what came in: more starves the acknowledgements, less costs calls. */
const EGRESS_BUDGET_BYTES = 128 * 1024;
/** Under load the control side is told so often. */
const REPORT_MS = 20;

/** One thread's work. */
export class PacketEngine {
  readonly #parts: PacketEngineParts;
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #free: number;
  #sender: GsoSender | undefined;
  #receiver: GroReceiver | undefined;
  #udpFd: number | undefined;
  readonly #sealer: SessionSealer;
  /** Frames of overlay networks. */
  readonly frames: FrameEngine;
  readonly #incoming: IncomingPackets;
  readonly #proxied: ProxiedPackets;
  readonly #gate: PacketGate;
  readonly #touched = new Set<BatchSession["peer"]>();
  #isGone = false;
  /** When the control side wants to be told again. */
  #reportBy = Infinity;

  constructor(parts: PacketEngineParts) {
    const { cipher, tunFd, wakeFd } = parts;
    this.#parts = parts;
    this.#bytes = new Uint8Array(cipher.memory.buffer);
    this.#view = new DataView(cipher.memory.buffer);
    this.#free = Math.ceil(cipher.freeFrom / 64) * 64;
    this.#sealer = new SessionSealer({
      ...parts,
      peers: parts.device.batches,
      at: this.#free + BATCH_AT,
      roomBytes: BATCH_ROOM_BYTES,
      send: (at, lengthBytes, segmentBytes, destination) =>
        this.#sender?.send(at, lengthBytes, segmentBytes, destination),
      onSealed: (peer) => this.#touched.add(peer),
      onSent: () => parts.coordinator?.noteSent(),
      onMalformed: () => parts.device.counters.count("malformed-packet"),
    });
    this.frames = new FrameEngine({
      ...parts,
      ...parts.frames,
      sealer: this.#sealer,
      onUnreadable: (reason) => parts.onDrop(`frames-${reason}`, 1),
      singleAt: this.#free + SINGLE_AT + HEADROOM_BYTES,
      frameAt: this.#free + FRAME_AT,
      copyAt: this.#free + FRAME_COPY_AT,
      cutAt: this.#free + FRAME_CUT_AT,
      cutRoomBytes: FRAME_CUT_ROOM_BYTES,
      readyAt: this.#free + READY_AT,
      plainAt: this.#free + PLAIN_AT,
      linkReaderAt: this.#free + LINK_READER_AT,
      receiveAt: this.#free + RECEIVE_AT,
    });
    this.#proxied = new ProxiedPackets({
      ...parts,
      bytes: this.#bytes,
      singleAt: this.#free + SINGLE_AT,
      onWriteFailed: () => parts.onDrop("interface-full", 1),
    });
    this.#gate = new PacketGate({
      ...parts,
      bytes: this.#bytes,
      singleAt: this.#free + SINGLE_AT,
      onDenied: (count) => parts.onDrop("policy-denied", count),
      onLimited: (count) => parts.onDrop("rate-limit", count),
    });
    this.#incoming = new IncomingPackets({
      ...parts,
      free: this.#free,
      frames: this.frames,
      gate: this.#gate,
      onOpened: (peer) => this.#touched.add(peer),
      passOn: (now, at, lengthBytes) => this.#takeSuperpacket(now, at, lengthBytes, false),
    });
    parts.coordinator?.connect({
      take: (now, packet) => this.#takeHanded(now, packet),
      flush: () => this.#sealer.flush(),
      onCarried: (peer) => this.#touched.add(peer),
      takeReceived: (now, batch, turn) => this.#incoming.takeHanded(now, batch, turn),
      takeControl: (now, batch) => this.#incoming.takeHandedControl(now, batch),
      wake: (fd) => this.#wake(fd),
    });
    for (const [i, fd] of [tunFd, NO_DESCRIPTOR, wakeFd].entries()) {
      writePollfd(this.#view, this.#free + POLL_AT + i * POLLFD_BYTES, fd);
    }
  }

  /** Whether batches are sent by GSO: not before there is a socket, and not on a path that refused one. */
  get hasGso(): boolean {
    return this.#sender?.hasGso ?? false;
  }

  /** Takes packets of up to `mtuBytes` from now on. */
  setMtu(mtuBytes: number): void {
    this.#sealer.mtuBytes = mtuBytes;
  }

  /** Sends and receives by another socket from now on, or by none. @returns the former one's descriptor */
  useSocket(socket: WorkerSocket | undefined): number | undefined {
    const { io, cipher, base, onDrop } = this.#parts;
    const former = this.#udpFd;
    // Without a socket there are no sessions, and none begins.
    if (socket === undefined) this.#incoming.handshakes.clear();
    this.#udpFd = socket?.fd;
    const parts = socket && { ...socket, io, memory: cipher.memory, base, onDrop };
    this.#sender = parts && new GsoSender({ ...parts, area: this.#free + SENDER_AT });
    this.#receiver = parts && new GroReceiver({
      ...parts,
      area: this.#free + RECEIVER_AT,
      receiveAt: this.#free + RECEIVE_AT,
    });
    writePollfd(this.#view, this.#free + POLL_AT + POLLFD_BYTES, socket?.fd ?? NO_DESCRIPTOR);
    return former;
  }

  /** Sends a datagram of the path protocol, or a request of STUN, by the socket of all others. */
  sendProbe(datagram: Uint8Array, destination: Endpoint): void {
    const at = this.#free + SINGLE_AT;
    this.#bytes.set(datagram, at);
    this.#parts.probes.noteOutgoing(this.#parts.now(), datagram, destination);
    this.#sender?.sendProbe(at, datagram.length, destination);
  }

  /** Runs until told to stop, or the interface is gone. */
  run(): EngineEnd {
    const { io, base, device, guards, coordinator, now, onWake } = this.#parts;
    const descriptors = base + this.#free + POLL_AT;
    const incoming = this.#incoming;
    const { handshakes } = incoming;
    let reportAt = 0;
    for (;;) {
      const frames = this.frames;
      const timeout = Math.min(device.pollTimeout() ?? Infinity, frames.pollTimeout() ?? Infinity);
      const policyTimeout = Math.min(guards.pollTimeout() ?? Infinity, this.#gate.pollTimeout() ?? Infinity);
      const sharedTimeout = coordinator?.pollTimeout(now()) ?? Infinity;
      const deadline = Math.min(this.#reportBy, timeout, policyTimeout, sharedTimeout);
      writePollfd(this.#view, this.#free + POLL_AT + 3 * POLLFD_BYTES, frames.descriptor);
      io.poll(descriptors, 4, deadline === Infinity ? -1 : Math.max(0, Math.ceil(deadline - now())));
      if (this.#events(2) !== 0) {
        io.read(this.#parts.wakeFd, base + this.#free + SINGLE_AT, 8);
        if (!onWake()) return "stopped";
      }
      let isBusy = true;
      while (isBusy) {
        const at = now();
        device.handleTimeout(at);
        guards.handleTimeout(at);
        const isPlain = guards.isIdle && frames.isIdle;
        coordinator?.setPlain(isPlain, isPlain && !device.forwarding.isOn);
        // What is handed over behind a command is sent as that says.
        if (coordinator !== undefined && !onWake()) return "stopped";
        const handed = coordinator?.takeHanded(at) ?? false;
        const sent = this.#carryOut(at);
        const switched = !frames.isIdle && this.#carryFrames(at);
        const received = incoming.carry(at, this.#receiver);
        // What is passed on waits for the next turn to be sent; its session may end before.
        this.#sealer.settle();
        handshakes.work(at);
        isBusy = handed || sent || switched || received || !handshakes.isEmpty;
        this.#transmit();
        coordinator?.publish();
        if (!isBusy || at >= reportAt) {
          this.#report(at);
          reportAt = at + REPORT_MS;
        }
        if (this.#isGone || incoming.isGone) return "interface-gone";
        // Whoever floods us must not keep us from hearing the control side.
        if (isBusy && !onWake()) return "stopped";
      }
      if ((this.#events(0) & (POLLERR | POLLNVAL)) !== 0) return "interface-gone";
    }
  }

  /** From and to the endpoints of overlay networks. @returns whether there was something, and may be more */
  #carryFrames(now: Millis): boolean {
    this.frames.handleTimeout(now);
    const carried = this.frames.carryOut(now);
    this.frames.flush(now);
    return carried;
  }

  #events(descriptor: number): number {
    return polledEvents(this.#view, this.#free + POLL_AT + descriptor * POLLFD_BYTES);
  }

  /** From the host to the peers. @returns whether there was something, and may be more */
  #carryOut(now: Millis): boolean {
    const { io, base, tunFd } = this.#parts;
    let carried = 0;
    this.#sendHeld(now);
    while (carried < EGRESS_BUDGET_BYTES) {
      const packet = this.#free + PACKET_AT;
      const length = io.read(
        tunFd,
        base + packet - VIRTIO_HEADER_BYTES,
        VIRTIO_HEADER_BYTES + MAX_SUPERPACKET_BYTES,
      );
      if (length <= 0) {
        // Nothing is the end of whatever the descriptor is; an interface never reads so.
        const errno = length === 0 ? 0 : io.errno;
        // The header has no words for a packet (Linux tun_put_user), which is lost.
        if (errno === ERRNO.EINVAL) this.#parts.device.counters.count("malformed-packet");
        else this.#isGone = errno !== ERRNO.EAGAIN && errno !== ERRNO.EINTR;
        break;
      }
      this.#takeSuperpacket(now, packet, length - VIRTIO_HEADER_BYTES, true);
      carried += length;
    }
    this.#sealer.flush();
    return carried > 0;
  }

  /** What another worker could not seal. */
  #takeHanded(now: Millis, packet: Uint8Array): void {
    const at = this.#free + PACKET_AT;
    this.#bytes.set(packet, at - VIRTIO_HEADER_BYTES);
    this.#takeSuperpacket(now, at, packet.length - VIRTIO_HEADER_BYTES, true);
  }

  /** @param isOwn whether the host sends it; else it is passed on */
  #takeSuperpacket(now: Millis, at: number, lengthBytes: number, isOwn: boolean): void {
    const { device, guards, proxy } = this.#parts;
    const version = ((this.#bytes[at] ?? 0) >> 4) as IpFamily;
    // Whoever brings the interface up makes the kernel send neighbour discovery at once: it is IPv6, and for nobody.
    if (lengthBytes < 20 || (version !== 4 && version !== 6) || (version === 6 && lengthBytes < 40)) {
      return device.counters.count("malformed-packet");
    }
    if (!this.frames.isIdle && this.frames.members.forbids(at, lengthBytes, version)) return;
    const isGuarded = isOwn && !guards.isIdle && !proxy.isOfListener(this.#bytes, at, lengthBytes);
    if (isGuarded && !this.#gate.admits(now, at, lengthBytes, DIRECTION.OUT)) return;
    const nextHop = isGuarded ? guards.nextHop(version === 4 ? 4 : 16) : undefined;
    this.#send(now, at, lengthBytes, version, nextHop);
  }

  #send(now: Millis, at: number, lengthBytes: number, version: IpFamily, nextHop?: Uint8Array): void {
    if (this.#sealer.seal(now, at, lengthBytes, version, 0, nextHop)) return;
    this.#takeOneByOne(now, at, lengthBytes, nextHop);
  }

  /** Sends what had to wait. */
  #sendHeld(now: Millis): void {
    const at = this.#free + PACKET_AT;
    for (let held = this.#gate.pollHeld(now); held !== undefined; held = this.#gate.pollHeld(now)) {
      this.#bytes.set(held.bytes, at - VIRTIO_HEADER_BYTES);
      const version = (this.#bytes[at] ?? 0) >> 4 === 4 ? 4 : 6;
      const nextHop = this.#parts.guards.nextHop(version === 4 ? 4 : 16, held.tag);
      this.#send(now, at, held.bytes.length - VIRTIO_HEADER_BYTES, version, nextHop);
    }
  }

  /** Without a session: a host without a packet plane has none; else the device begins one, or says why not. */
  #takeOneByOne(now: Millis, at: number, lengthBytes: number, nextHop: Uint8Array | undefined): void {
    if (nextHop === undefined && this.#proxied.take(now, at, lengthBytes)) return;
    const { device } = this.#parts;
    const header = readVirtioHeader(this.#bytes, at - VIRTIO_HEADER_BYTES);
    const packets = splitSuperpacket(this.#bytes.slice(at, at + lengthBytes), header);
    if (packets === undefined) return device.counters.count("malformed-packet");
    for (const packet of packets) {
      // It is so with all of them, and whoever has sent them is told once.
      if (device.handlePacket(now, packet, nextHop) === "packet-too-long") break;
    }
  }

  /** An eventfd takes a number. */
  #wake(fd: number): void {
    const at = this.#free + SINGLE_AT;
    this.#view.setBigUint64(at, 1n, true);
    this.#parts.io.write(fd, this.#parts.base + at, 8);
  }

  /** Sends what the device itself has to say, and the proxy. */
  #transmit(): void {
    this.#proxied.flush();
    const { device } = this.#parts;
    for (let out = device.pollTransmit(); out !== undefined; out = device.pollTransmit()) {
      const at = this.#free + SINGLE_AT;
      this.#bytes.set(out.datagram, at);
      this.#sender?.send(at, out.datagram.length, out.datagram.length, out.endpoint);
    }
    for (let answer = device.pollAnswer(); answer !== undefined; answer = device.pollAnswer()) {
      this.#writePacket(answer);
    }
  }

  /** Writes a packet to the host that was made here. */
  #writePacket(packet: Uint8Array): void {
    const { io, base, tunFd, onDrop } = this.#parts;
    const at = this.#free + SINGLE_AT;
    this.#bytes.fill(0, at, at + VIRTIO_HEADER_BYTES).set(packet, at + VIRTIO_HEADER_BYTES);
    if (io.write(tunFd, base + at, VIRTIO_HEADER_BYTES + packet.length) < 0) onDrop("interface-full", 1);
  }

  /** Tells the control side. */
  #report(now: Millis): void {
    this.#reportBy = now + this.#parts.onTurn(this.#touched);
    this.#touched.clear();
  }
}
