/**
 * From GRO batches to packets for the host: datagrams of one session and one source are gathered, and opened together.
 *
 * ```
 *   gathered ─▶ opened ─▶ accepted: replay window, session ─▶ checked and joined to frames ─▶ written
 *                         └─ in turn, where there are several workers ─┘                     └─ in turn
 * ```
 * @module
 */

import type { Millis } from "../../base/mod.ts";
import type { ReceivedEndpoint } from "../../host/mod.ts";
import { type AeadKey, type BatchCipher, MAX_BATCH } from "../../crypto/mod.ts";
import type { DropReason, ReplayWindow } from "../../wireguard/mod.ts";
import type { ReceivedBatches } from "./udp/mod.ts";

const TRANSPORT = 4;
/** What stands before the packet of a transport message. */
export const TRANSPORT_HEADER_BYTES = 16;
const TAG_BYTES = 16;

/** Where several workers receive: the turns of what one has received. */
export interface ReceiveTurn {
  /** Waits until all is accepted that was received before. @returns false when it never will be */
  waitToAccept(): boolean;
  passAccept(): void;
  /** Waits until all is written that was received before. @returns false when it never will be */
  waitToWrite(): boolean;
  passWrite(): void;
}

/** What a session is received by, as `Keypair` is one. */
export interface OpeningKeypair {
  readonly receiveKey: AeadKey;
  readonly receiving: ReplayWindow;
}

/** A session to open with, as `BatchSession` is one. */
export interface OpeningSession {
  readonly keypair: OpeningKeypair;
}

/** Who opens batches, and who takes what carries no packet. */
export interface GroBatchesParts<Session extends OpeningSession> {
  readonly cipher: BatchCipher;
  /** @returns the session at the receiver's index of a transport message; undefined, and counted, when there is none */
  sessionAt(now: Millis, index: number): Session | undefined;
  /** Takes a datagram of a batch that carries no packet, at `at` in the cipher's memory; sessions stay as they are. */
  onControl(now: Millis, at: number, lengthBytes: number, receiver: ReceivedBatches, batch: number): void;
  /** Sees that datagrams of a session were accepted, in all `lengthBytes`; not only keepalives when `hasPackets`. */
  onOpened(
    now: Millis,
    session: Session,
    source: ReceivedEndpoint,
    lengthBytes: number,
    hasPackets: boolean,
  ): void;
  /** Hands a packet that is perhaps padded to the joining of frames, unless it is none or another's. */
  onPacket(now: Millis, session: Session, at: number, paddedBytes: number): void;
  /** Takes the frames that were joined; the session says nothing more about them. */
  onFrames(now: Millis): void;
  onDrop(reason: DropReason): void;
}

/** Whether what begins at `at` may be a transport message. */
export function isTransport(memory: DataView, at: number, lengthBytes: number): boolean {
  return lengthBytes >= TRANSPORT_HEADER_BYTES + TAG_BYTES && memory.getUint32(at, true) === TRANSPORT;
}

/** @returns the receiver's index of the transport message at `at` */
export function receiverIndex(memory: DataView, at: number): number {
  return memory.getUint32(at + 4, true);
}

/** Opens batches in the order in which they came, and has the cipher join their packets to frames. */
export class GroBatches<Session extends OpeningSession> {
  readonly #parts: GroBatchesParts<Session>;
  readonly #view: DataView;
  // What was gathered, datagram by datagram; 0 or less of plaintext for what carries no packet.
  readonly #at = new Int32Array(MAX_BATCH);
  readonly #lengthBytes = new Int32Array(MAX_BATCH);
  readonly #counters = new Float64Array(MAX_BATCH);
  readonly #plaintextBytes = new Int32Array(MAX_BATCH);
  #gathered = 0;
  // Runs of datagrams of one session and one source, that are opened together: who, and where each ends.
  readonly #sessions: Session[] = [];
  readonly #sources: ReceivedEndpoint[] = [];
  readonly #ends: number[] = [];

  constructor(parts: GroBatchesParts<Session>) {
    this.#parts = parts;
    this.#view = new DataView(parts.cipher.memory.buffer);
  }

  /** Opens what a call has received, and hands on its packets. @param turn where several workers receive */
  carry(now: Millis, receiver: ReceivedBatches, batches: number, turn?: ReceiveTurn): void {
    const { cipher, onFrames } = this.#parts;
    for (let batch = 0; batch < batches;) {
      const first = batch;
      let datagrams = 0;
      for (; batch < batches; batch++) {
        datagrams += receiver.datagrams(batch);
        if (datagrams > MAX_BATCH && batch > first) break;
        this.#gather(now, receiver, batch);
      }
      const isLast = batch === batches;
      this.#open();
      if (turn !== undefined && first === 0 && !turn.waitToAccept()) return this.#forget();
      this.#accept(now);
      if (isLast) turn?.passAccept();
      cipher.beginFrames();
      this.#join(now);
      this.#forget();
      if (turn !== undefined && first === 0 && !turn.waitToWrite()) return;
      onFrames(now);
      if (isLast) turn?.passWrite();
    }
  }

  #gather(now: Millis, receiver: ReceivedBatches, batch: number): void {
    const { sessionAt, onControl, onDrop } = this.#parts;
    const view = this.#view;
    const start = receiver.at(batch);
    const lengthBytes = receiver.lengthBytes(batch);
    const segmentBytes = receiver.segmentBytes(batch);
    // Looked up when it is needed: for a flood of garbage that would be most of the work.
    let source: ReceivedEndpoint | undefined;
    let session: Session | undefined;
    let sessionIndex = -1;
    if (lengthBytes === 0) onDrop("malformed-datagram");
    for (let at = start; at < start + lengthBytes; at += segmentBytes) {
      const datagramBytes = Math.min(segmentBytes, start + lengthBytes - at);
      if (!isTransport(view, at, datagramBytes)) {
        onControl(now, at, datagramBytes, receiver, batch);
        continue;
      }
      const index = receiverIndex(view, at);
      if (index !== sessionIndex || session === undefined) {
        sessionIndex = index;
        session = sessionAt(now, index);
      }
      if (session === undefined) continue;
      const high = view.getUint32(at + 12, true);
      // Beyond every counter that is accepted.
      if (high >= 0x1f_ffff) {
        onDrop("expired-session");
        continue;
      }
      const counter = high * 0x1_0000_0000 + view.getUint32(at + 8, true);
      if (!session.keypair.receiving.isFresh(counter)) {
        onDrop("replayed-datagram");
        continue;
      }
      source ??= receiver.source(batch);
      this.#add(session, source, at, datagramBytes, counter);
    }
  }

  #add(session: Session, source: ReceivedEndpoint, at: number, lengthBytes: number, counter: number): void {
    const run = this.#ends.length - 1;
    const i = this.#gathered++;
    this.#at[i] = at;
    this.#lengthBytes[i] = lengthBytes;
    this.#counters[i] = counter;
    if (run >= 0 && this.#sessions[run] === session && this.#sources[run] === source) {
      this.#ends[run] = i + 1;
    } else {
      this.#sessions.push(session);
      this.#sources.push(source);
      this.#ends.push(i + 1);
    }
  }

  #open(): void {
    const { cipher } = this.#parts;
    const { openTable: table } = cipher;
    let start = 0;
    for (let run = 0; run < this.#ends.length; run++) {
      const end = this.#ends[run] ?? 0;
      const session = this.#sessions[run];
      if (session === undefined) continue;
      for (let i = start; i < end; i++) {
        table.at[i - start] = this.#at[i] ?? 0;
        table.lengthBytes[i - start] = this.#lengthBytes[i] ?? 0;
        table.counters[i - start] = this.#counters[i] ?? 0;
      }
      cipher.openBatch(session.keypair.receiveKey, end - start);
      for (let i = start; i < end; i++) this.#plaintextBytes[i] = table.plaintextBytes[i - start] ?? -1;
      start = end;
    }
  }

  #accept(now: Millis): void {
    const { onOpened, onDrop } = this.#parts;
    let i = 0;
    for (let run = 0; run < this.#ends.length; run++) {
      const end = this.#ends[run] ?? 0;
      const session = this.#sessions[run];
      const source = this.#sources[run];
      if (session === undefined || source === undefined) continue;
      const { receiving } = session.keypair;
      let authenticBytes = 0;
      let hasPackets = false;
      for (; i < end; i++) {
        const plaintext = this.#plaintextBytes[i] ?? -1;
        if (plaintext < 0) {
          onDrop("wrong-tag");
          continue;
        }
        const counter = this.#counters[i] ?? 0;
        // Twice in the same batch, or somebody else has accepted it meanwhile.
        if (!receiving.isFresh(counter)) {
          onDrop("replayed-datagram");
          this.#plaintextBytes[i] = -1;
          continue;
        }
        receiving.accept(counter);
        authenticBytes += this.#lengthBytes[i] ?? 0;
        hasPackets ||= plaintext > 0;
      }
      if (authenticBytes > 0) onOpened(now, session, source, authenticBytes, hasPackets);
    }
  }

  #join(now: Millis): void {
    const { onPacket } = this.#parts;
    let i = 0;
    for (let run = 0; run < this.#ends.length; run++) {
      const end = this.#ends[run] ?? 0;
      const session = this.#sessions[run];
      if (session === undefined) continue;
      for (; i < end; i++) {
        const plaintext = this.#plaintextBytes[i] ?? -1;
        if (plaintext > 0) onPacket(now, session, (this.#at[i] ?? 0) + TRANSPORT_HEADER_BYTES, plaintext);
      }
    }
  }

  /** Holds no session beyond a call. */
  #forget(): void {
    this.#gathered =
      this.#sessions.length =
      this.#sources.length =
      this.#ends.length =
        0;
  }
}
