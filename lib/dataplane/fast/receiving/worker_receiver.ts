/**
 * The receiving half of a further worker: while the first one asks it to, it receives from the socket of all, opens what
 * needs nothing but a session that is shared, and writes it to its own queue of the interface when its turn has come.
 *
 * ```
 *   UDP ─ ticket ─▶ ReceivedSession ─▶ open ─ turn ─▶ replay window ─▶ joined frames ─ turn ─▶ TUN queue
 *            └─ handshakes, other sources, sessions that are not shared ─▶ handed over, with the ticket
 * ```
 * @module
 */

import type { Millis } from "../../../base/mod.ts";
import type { BatchCipher } from "../../../crypto/mod.ts";
import { ERRNO, type RawCalls } from "../../../host/mod.ts";
import {
  clampTcpMss,
  type IpFamily,
  ipPacketLength,
  ipVersion,
  isPathDatagram,
  isStunAnswer,
} from "../../../net/mod.ts";
import { isHandshake } from "../../../wireguard/mod.ts";
import { GroBatches, isTransport, receiverIndex } from "../gro_batches.ts";
import { GroReceiver, type ReceivedBatches } from "../udp/mod.ts";
import { ReceiveHandoverWriter } from "./receive_handover.ts";
import { type ReceivedSession, ReceivedSessions } from "./received_session.ts";
import { ReceiveTickets } from "./receive_tickets.ts";
import { HEAD, LINE, lineAt } from "./receiving_memory.ts";

/** A turn receives so often before it looks at what wants to go out. */
const BUDGET_RECEIVES = 4;

/** Why something went no further here. */
export type ReceivingDrop =
  | "malformed-datagram"
  | "expired-session"
  | "replayed-datagram"
  | "wrong-tag"
  | "malformed-inner-packet"
  | "source-not-allowed"
  | "interface-full"
  | "handover-full"
  | "unknown-session";

/** What a worker receives with. */
export interface WorkerReceiverParts {
  readonly io: RawCalls;
  readonly cipher: BatchCipher;
  /** The address of the cipher's memory. */
  readonly base: number;
  /** Its number among the workers, from 1. */
  readonly worker: number;
  /** Its queue of the interface. */
  readonly queueFd: number;
  /** Wakes this worker. */
  readonly wakeFd: number;
  /** How long a session carries packets, in milliseconds. */
  readonly sessionLifeMs: number;
  /** Of `receivingMemory`. */
  readonly receiving: SharedArrayBuffer;
  /** Of `receiveHandoverMemory`. */
  readonly receiveHandover: SharedArrayBuffer;
  /** Whose addresses are whose, by their slots. */
  readonly peers: {
    senderOf(memory: Uint8Array, at: number, version: IpFamily): { readonly slot: number } | undefined;
  };
  /** Where the structures of `GroReceiver` lie, and what is received. */
  readonly area: number;
  readonly receiveAt: number;
  /** Obeys what was said to the workers. @returns whether the first worker has shown what that does */
  hasObeyed(): boolean;
  /** Wakes the first worker. */
  wakeFirst(): void;
  onDrop(reason: ReceivingDrop, count: number): void;
}

/** Belongs to the worker's thread. */
export class WorkerReceiver {
  /** Whether the interface is gone. */
  isGone = false;
  readonly #parts: WorkerReceiverParts;
  readonly #words: Int32Array;
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #line: number;
  readonly #tickets: ReceiveTickets;
  readonly #sessions: ReceivedSessions;
  readonly #handover: ReceiveHandoverWriter;
  readonly #batches: GroBatches<ReceivedSession>;
  /** Of which something was opened that is not told yet. */
  readonly #opened = new Set<ReceivedSession>();
  #receiver: GroReceiver | undefined;
  #hasHanded = false;

  constructor(parts: WorkerReceiverParts) {
    const { cipher, receiving, worker, wakeFd } = parts;
    this.#parts = parts;
    this.#words = new Int32Array(receiving);
    this.#bytes = new Uint8Array(cipher.memory.buffer);
    this.#view = new DataView(cipher.memory.buffer);
    this.#line = lineAt(worker);
    this.#tickets = new ReceiveTickets(receiving, worker);
    this.#sessions = new ReceivedSessions(receiving, cipher.aead);
    this.#handover = new ReceiveHandoverWriter(parts.receiveHandover);
    this.#batches = new GroBatches<ReceivedSession>({
      cipher,
      sessionAt: (_now, index) => this.#find(index),
      onControl: (_now, at, lengthBytes, receiver, batch) =>
        this.#takeControl(at, lengthBytes, receiver, batch),
      onOpened: (_now, session, _source, lengthBytes, hasPackets) =>
        this.#noteOpened(session, lengthBytes, hasPackets),
      onPacket: (_now, session, at, paddedBytes) => this.#takeInner(session, at, paddedBytes),
      onFrames: () => this.#writeFrames(),
      onDrop: (reason) => parts.onDrop(reason as ReceivingDrop, 1),
    });
    Atomics.store(this.#words, this.#line + LINE.WAKE, wakeFd);
  }

  /** Whether something was opened that is not told yet. */
  get hasNews(): boolean {
    return this.#opened.size > 0;
  }

  /** Whether packets that are received need nothing but a session. */
  get #isPlain(): boolean {
    return Atomics.load(this.#words, HEAD.IS_PLAIN) !== 0;
  }

  /** Whether the first worker wants help. */
  get isAsked(): boolean {
    return Atomics.load(this.#words, this.#line + LINE.ASKED) !== 0;
  }

  /** Receives by another socket from now on, or by none. */
  useSocket(fd: number | undefined): void {
    const { io, cipher: { memory }, base, area, receiveAt } = this.#parts;
    this.#receiver = fd === undefined
      ? undefined
      : new GroReceiver({ fd, io, memory, base, area, receiveAt });
  }

  /**
   * Receives while there is something, and not too often; a session that is found is good meanwhile.
   * @returns whether there may be more
   */
  carryIn(now: Millis): boolean {
    const receiver = this.#receiver;
    for (let receives = 0; receives < BUDGET_RECEIVES; receives++) {
      const batches = receiver === undefined ? 0 : this.#tickets.receive(() => receiver.receive());
      if (receiver === undefined || batches === 0) {
        Atomics.store(this.#words, this.#line + LINE.ASKED, 0);
        return false;
      }
      this.#carry(now, receiver, batches);
      if (this.isGone) return false;
    }
    return true;
  }

  /** Tells how much was opened; what finds no room is told next time. */
  tell(): void {
    const opened = [...this.#opened];
    const told = this.#handover.tell(opened.map(({ session, opened }) => ({ session, ...opened })));
    for (const session of opened.slice(0, told)) {
      session.opened.lengthBytes = 0;
      session.opened.hasPackets = false;
      this.#opened.delete(session);
    }
  }

  #find(index: number): ReceivedSession | undefined {
    const session = this.#sessions.find(index);
    // It was there a moment before.
    if (session === undefined) this.#parts.onDrop("unknown-session", 1);
    return session;
  }

  #carry(now: Millis, receiver: GroReceiver, batches: number): void {
    this.#hasHanded = false;
    if (this.#parts.hasObeyed() && this.#isPlain && this.#canOpen(now, receiver, batches)) {
      this.#batches.carry(now, receiver, batches, this.#tickets);
    } else this.#handOver(receiver, batches);
    if (this.#hasHanded) this.#parts.wakeFirst();
  }

  /** Whether every session is shared, not too old, and followed from its endpoint: else one worker decides what that means. */
  #canOpen(now: Millis, receiver: GroReceiver, batches: number): boolean {
    const view = this.#view;
    for (let batch = 0; batch < batches; batch++) {
      const end = receiver.at(batch) + receiver.lengthBytes(batch);
      const segmentBytes = receiver.segmentBytes(batch);
      let known = -1;
      for (let at = receiver.at(batch); at < end; at += segmentBytes) {
        if (!isTransport(view, at, Math.min(segmentBytes, end - at))) continue;
        const index = receiverIndex(view, at);
        if (index === known) continue;
        const session = this.#sessions.find(index);
        if (session === undefined || now - session.createdAt >= this.#parts.sessionLifeMs) return false;
        if (!session.comesFrom(receiver.source(batch))) return false;
        known = index;
      }
    }
    return true;
  }

  /** The first worker does all that is left to do, in the turn of this ticket. */
  #handOver(receiver: GroReceiver, batches: number): void {
    const { onDrop } = this.#parts;
    const tickets = this.#tickets;
    let lengthBytes = 0;
    for (let batch = 0; batch < batches; batch++) lengthBytes += receiver.lengthBytes(batch);
    if (!this.#handover.hasRoomFor(batches, lengthBytes)) {
      onDrop("handover-full", batches);
      if (!tickets.waitToAccept()) return;
      tickets.passAccept();
      if (tickets.waitToWrite()) tickets.passWrite();
      return;
    }
    for (let batch = 0; batch < batches; batch++) {
      const at = receiver.at(batch);
      this.#handover.putBatch({
        source: receiver.source(batch),
        segmentBytes: receiver.segmentBytes(batch),
        ticket: tickets.ticket,
        isLast: batch === batches - 1,
      }, this.#bytes.subarray(at, at + receiver.lengthBytes(batch)));
    }
    tickets.leave();
    this.#hasHanded = true;
  }

  /** What comes in a flood costs no copy here, as it costs none there. */
  #takeControl(at: number, lengthBytes: number, receiver: ReceivedBatches, batch: number): void {
    const { onDrop } = this.#parts;
    const bytes = this.#bytes;
    const isKnown = isHandshake(bytes, at, lengthBytes) || isPathDatagram(bytes, at, lengthBytes) ||
      isStunAnswer(bytes, at, lengthBytes);
    if (!isKnown) return onDrop("malformed-datagram", 1);
    const datagram = bytes.subarray(at, at + lengthBytes);
    if (this.#handover.putControl(receiver.source(batch), datagram)) this.#hasHanded = true;
    else onDrop("handover-full", 1);
  }

  #noteOpened(session: ReceivedSession, lengthBytes: number, hasPackets: boolean): void {
    const { opened } = session;
    const { index } = session;
    // The place was another session's.
    if (opened.lengthBytes > 0 && opened.index !== index) {
      this.tell();
      opened.lengthBytes = 0;
    }
    opened.index = index;
    opened.lengthBytes += lengthBytes;
    opened.hasPackets ||= hasPackets;
    this.#opened.add(session);
  }

  #takeInner(session: ReceivedSession, at: number, paddedBytes: number): void {
    const { cipher, peers, onDrop } = this.#parts;
    const version = ipVersion(this.#bytes, at);
    const length = ipPacketLength(this.#bytes, at, paddedBytes);
    if (length === undefined || version === 0) return onDrop("malformed-inner-packet", 1);
    // Cryptokey routing: an address belongs to one peer, both ways (paper §2).
    if (peers.senderOf(this.#bytes, at, version)?.slot !== session.slot) {
      return onDrop("source-not-allowed", 1);
    }
    const { pathMtuBytes: limit } = session;
    if (limit !== Infinity) clampTcpMss(this.#bytes, at, length, { version, mtuBytes: limit });
    cipher.addPacket(at, length);
  }

  #writeFrames(): void {
    const { io, cipher, base, queueFd, onDrop } = this.#parts;
    const frames = cipher.endFrames();
    for (let i = 0; i < frames; i++) {
      if (io.write(queueFd, base + cipher.frameAt(i), cipher.frameBytes(i)) >= 0) continue;
      if (io.errno === ERRNO.EBADFD) this.isGone = true;
      else onDrop("interface-full", 1);
    }
  }
}
