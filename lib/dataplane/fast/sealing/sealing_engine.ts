/**
 * The loop of a sealing worker: from its queue of the interface to the socket that all workers send by, and back while the
 * first worker asks for that.
 *
 * ```
 *   TUN queue ─ superpacket ─▶ shared session ─▶ cut + seal in the cipher ─▶ GSO batch ─▶ UDP
 *                    └─ no session, or more than a session is needed ─▶ handed over to the first worker
 * ```
 * @module
 */

import type { Millis } from "../../../base/mod.ts";
import type { BatchCipher } from "../../../crypto/mod.ts";
import {
  ERRNO,
  polledEvents,
  POLLERR,
  POLLFD_BYTES,
  POLLNVAL,
  type RawCalls,
  writePollfd,
} from "../../../host/mod.ts";
import type { IpFamily } from "../../../net/mod.ts";
import type { EngineEnd } from "../engine_parts.ts";
import {
  GsoSender,
  RECEIVE_ROOM_BYTES,
  RECEIVER_AREA_BYTES,
  type SendDrop,
  SENDER_AREA_BYTES,
} from "../udp/mod.ts";
import { SessionSealer } from "../session_sealer.ts";
import { VIRTIO_HEADER_BYTES } from "../superpacket.ts";
import type { WorkerSocket } from "../worker_protocol.ts";
import { type ReceivingDrop, WorkerReceiver } from "../receiving/mod.ts";
import { HandoverWriter } from "./handover.ts";
import { type SharedPeer, SharedPeers } from "./sealing_peers.ts";
import { SharedSessions } from "./shared_session.ts";

const MAX_SUPERPACKET_BYTES = 65_535;
/** After so much it looks whether it is told something, and which sessions there are now. */
const TURN_BYTES = 128 * 1024;
/** The first worker is told so often how much was sealed, in milliseconds. */
const TELL_MS = 20;

// Where things lie in the cipher's memory, from its first free byte; as in `engine_memory.ts`.
const POLL_AT = 0;
const WAKE_AT = 48;
const SENDER_AT = 64;
const PACKET_AT: number = aligned(SENDER_AT + SENDER_AREA_BYTES + VIRTIO_HEADER_BYTES);
const BATCH_AT: number = aligned(PACKET_AT + MAX_SUPERPACKET_BYTES + 64);
const BATCH_ROOM_BYTES: number = 224 * 1024;
const RECEIVER_AT: number = aligned(BATCH_AT + BATCH_ROOM_BYTES + 64);
const RECEIVE_AT: number = aligned(RECEIVER_AT + RECEIVER_AREA_BYTES);
/** How much memory the engine needs beyond the cipher's own. */
export const SEALING_BYTES: number = RECEIVE_AT + RECEIVE_ROOM_BYTES + 64;

function aligned(at: number): number {
  return Math.ceil(at / 64) * 64;
}

/** Why a packet went no further here. */
export type SealingDrop = SendDrop | ReceivingDrop | "malformed-packet" | "handover-full";

/** Descriptors, memory and callbacks of one engine; it closes none of them. */
export interface SealingEngineParts {
  readonly io: RawCalls;
  readonly cipher: BatchCipher;
  /** The address of the cipher's memory. */
  readonly base: number;
  /** Of `sharedMemory`. */
  readonly shared: SharedArrayBuffer;
  /** Its number among the workers, from 1. */
  readonly worker: number;
  /** Of `handoverMemory`. */
  readonly handover: SharedArrayBuffer;
  /** Of `receivingMemory`, and of `receiveHandoverMemory`. */
  readonly receiving: SharedArrayBuffer;
  readonly receiveHandover: SharedArrayBuffer;
  readonly mtuBytes: number;
  /** How long a session carries packets, in milliseconds. */
  readonly sessionLifeMs: number;
  /** Its queue of the interface. */
  readonly queueFd: number;
  /** Readable when there is something for `onWake`. */
  readonly wakeFd: number;
  /** Wakes the first worker. */
  readonly firstWakeFd: number;
  readonly now: () => Millis;
  /** Does what the control side asks for. @returns false to stop */
  onWake(): boolean;
  onDrop(reason: SealingDrop, count: number): void;
}

/** One sealing worker's work. */
export class SealingEngine {
  /** Whose prefixes are whose. */
  readonly peers: SharedPeers;
  readonly #parts: SealingEngineParts;
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #free: number;
  readonly #sessions: SharedSessions;
  readonly #handover: HandoverWriter;
  readonly #sealer: SessionSealer<SharedPeer>;
  readonly #receiver: WorkerReceiver;
  /** For whom something was sealed that is not told yet. */
  readonly #sent = new Set<SharedPeer>();
  #sender: GsoSender | undefined;
  #udpFd: number | undefined;
  #tellAt = -Infinity;
  /** So many commands are obeyed here. */
  #obeyed = 0;
  #isGone = false;
  #isStopped = false;

  constructor(parts: SealingEngineParts) {
    const { cipher, shared, worker, queueFd, wakeFd } = parts;
    this.#parts = parts;
    this.#bytes = new Uint8Array(cipher.memory.buffer);
    this.#view = new DataView(cipher.memory.buffer);
    this.#free = aligned(cipher.freeFrom);
    const sessions = this.#sessions = new SharedSessions(shared, worker, cipher.aead);
    this.peers = new SharedPeers(sessions, parts.sessionLifeMs);
    this.#handover = new HandoverWriter(parts.handover);
    this.#sealer = new SessionSealer({
      ...parts,
      peers: this.peers,
      at: this.#free + BATCH_AT,
      roomBytes: BATCH_ROOM_BYTES,
      send: (at, lengthBytes, segmentBytes, destination) =>
        this.#sender?.send(at, lengthBytes, segmentBytes, destination),
      onSealed: (peer) => this.#sent.add(peer),
      onSent: () => sessions.noteSent(),
      onMalformed: () => parts.onDrop("malformed-packet", 1),
    });
    this.#receiver = new WorkerReceiver({
      ...parts,
      peers: this.peers,
      area: this.#free + RECEIVER_AT,
      receiveAt: this.#free + RECEIVE_AT,
      hasObeyed: () => this.#hasObeyed(),
      wakeFirst: () => this.#wakeFirst(),
    });
    for (const [i, fd] of [queueFd, wakeFd].entries()) {
      writePollfd(this.#view, this.#free + POLL_AT + i * POLLFD_BYTES, fd);
    }
    // What wakes the first worker: an eventfd takes a number.
    this.#view.setBigUint64(this.#free + WAKE_AT, 1n, true);
  }

  /** Takes packets of up to `mtuBytes` from now on. */
  setMtu(mtuBytes: number): void {
    this.#sealer.mtuBytes = mtuBytes;
  }

  /** Sends by another socket from now on, or by none. @returns the former one's descriptor */
  useSocket(socket: WorkerSocket | undefined): number | undefined {
    const { io, cipher, base, onDrop } = this.#parts;
    const former = this.#udpFd;
    this.#udpFd = socket?.fd;
    const parts = socket && { ...socket, io, memory: cipher.memory, base, onDrop };
    this.#sender = parts && new GsoSender({ ...parts, area: this.#free + SENDER_AT });
    this.#receiver.useSocket(socket?.fd);
    return former;
  }

  /** Runs until told to stop, or the interface is gone. */
  run(): EngineEnd {
    try {
      return this.#run();
    } finally {
      this.#sessions.leave();
      this.#sessions.noteSent();
    }
  }

  #run(): EngineEnd {
    const { io, base, now, onWake } = this.#parts;
    for (;;) {
      const hasNews = this.#sent.size > 0 || this.#receiver.hasNews;
      const timeoutMs = hasNews ? Math.max(0, Math.ceil(this.#tellAt - now())) : -1;
      io.poll(base + this.#free + POLL_AT, 2, timeoutMs);
      if (this.#events(1) !== 0) {
        io.read(this.#parts.wakeFd, base + this.#free + PACKET_AT, 8);
        if (!onWake()) return "stopped";
      }
      for (let isBusy = true; isBusy;) {
        const at = now();
        this.#sessions.enter();
        isBusy = this.#carryOut(at);
        const isAsked = this.#receiver.isAsked;
        const receives = isAsked && this.#receiver.carryIn(at);
        isBusy ||= receives;
        this.#sessions.leave();
        // Whoever asks how much has come looks when nothing comes any more.
        if (isAsked && !receives || at >= this.#tellAt) this.#tell(at);
        if (this.#isGone || this.#receiver.isGone) return "interface-gone";
        if (this.#isStopped || isBusy && !onWake()) return "stopped";
      }
      if ((this.#events(0) & (POLLERR | POLLNVAL)) !== 0) return "interface-gone";
    }
  }

  #events(descriptor: number): number {
    return polledEvents(this.#view, this.#free + POLL_AT + descriptor * POLLFD_BYTES);
  }

  /** From the host to the peers. @returns whether there was something, and may be more */
  #carryOut(now: Millis): boolean {
    const { io, base, queueFd, onDrop } = this.#parts;
    const packet = this.#free + PACKET_AT;
    let carried = 0;
    while (carried < TURN_BYTES) {
      const length = io.read(
        queueFd,
        base + packet - VIRTIO_HEADER_BYTES,
        VIRTIO_HEADER_BYTES + MAX_SUPERPACKET_BYTES,
      );
      if (length <= 0) {
        const errno = length === 0 ? 0 : io.errno;
        // The header has no words for a packet (Linux tun_put_user), which is lost.
        if (errno === ERRNO.EINVAL) onDrop("malformed-packet", 1);
        else this.#isGone = errno !== ERRNO.EAGAIN && errno !== ERRNO.EINTR;
        break;
      }
      this.#take(now, packet, length - VIRTIO_HEADER_BYTES);
      carried += length;
    }
    this.#sealer.flush();
    return carried > 0;
  }

  #take(now: Millis, at: number, lengthBytes: number): void {
    const { onDrop } = this.#parts;
    const version = ((this.#bytes[at] ?? 0) >> 4) as IpFamily;
    if (lengthBytes < 20 || (version !== 4 && version !== 6) || (version === 6 && lengthBytes < 40)) {
      return onDrop("malformed-packet", 1);
    }
    if (this.#isOwn() && this.#sealer.seal(now, at, lengthBytes, version, 0)) return;
    const header = at - VIRTIO_HEADER_BYTES;
    // What was sealed of the same flow goes first.
    this.#sealer.flush();
    if (!this.#handover.put(this.#bytes, header, VIRTIO_HEADER_BYTES + lengthBytes)) {
      onDrop("handover-full", 1);
    }
    this.#wakeFirst();
  }

  /** Whether packets may be sealed here, by all that was said before they came. */
  #isOwn(): boolean {
    const sessions = this.#sessions;
    return this.#hasObeyed() && sessions.isPlain && !this.#handover.isBusy(sessions.taken);
  }

  /** Obeys what was said. @returns whether the first worker has shown what that does */
  #hasObeyed(): boolean {
    const { given, shown } = this.#sessions;
    if (given !== this.#obeyed) {
      // A packet may come behind a command; whether to stop is asked for at the end of the turn.
      this.#isStopped = !this.#parts.onWake();
      this.#obeyed = given;
    }
    return given === shown;
  }

  #tell(now: Millis): void {
    if (this.#sent.size === 0 && !this.#receiver.hasNews) return;
    this.#handover.tell(this.#sent);
    this.#receiver.tell();
    this.#tellAt = now + TELL_MS;
    this.#wakeFirst();
  }

  #wakeFirst(): void {
    const { io, base, firstWakeFd } = this.#parts;
    io.write(firstWakeFd, base + this.#free + WAKE_AT, 8);
  }
}
