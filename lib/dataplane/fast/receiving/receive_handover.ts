/**
 * What a worker that receives hands over to the first one: batches that it can't open, datagrams that carry no packet, and
 * how much it has opened of which session.
 *
 * ```
 *   batch, control  kind | last of its ticket | bytes of the source | of the address called | ticket | segment size
 *                   | source, 28 bytes | address called, 16 bytes | datagrams
 *   notes           kind | 7 unused | for each: session | index | bytes of datagrams | 1 when there were packets; 64-bit
 *                   floats
 * ```
 * @module
 */

import type { ReceivedEndpoint } from "../../../host/mod.ts";
import { commandMemory, CommandReader, CommandWriter } from "../command_ring.ts";

const BATCH = 0;
const CONTROL = 1;
const NOTES = 2;
const LAST_AT = 1;
const SOURCE_BYTES_AT = 2;
const CALLED_BYTES_AT = 3;
const TICKET_AT = 4;
const SEGMENT_AT = 8;
const SOURCE_AT = 12;
const CALLED_AT = 40;
const DATAGRAMS_AT = 56;
const NOTES_AT = 8;
const NOTE_WORDS = 4;
/** So many go into one message. */
const MAX_NOTES = 1024;
/** Datagrams that carry no packet leave so much of the memory to others, however many of them come. */
const RESERVED_BYTES: number = 512 * 1024;

/** @returns memory for one worker's messages */
export function receiveHandoverMemory(): SharedArrayBuffer {
  return commandMemory();
}

/** Datagrams of one source, and where they came to. */
export interface HandedBatch {
  readonly source: ReceivedEndpoint;
  readonly segmentBytes: number;
  readonly ticket: number;
  /** Whether nothing more is handed over for the ticket. */
  readonly isLast: boolean;
}

/** How much of a session was opened since that was told. */
export interface OpenedNote {
  /** Its place, and its index there. */
  readonly session: number;
  readonly index: number;
  readonly lengthBytes: number;
  readonly hasPackets: boolean;
}

/** The receiving worker's end. */
export class ReceiveHandoverWriter {
  readonly #ring: CommandWriter;

  constructor(memory: SharedArrayBuffer) {
    this.#ring = new CommandWriter(memory);
  }

  /** @returns whether so many batches, of so many bytes in all, can be handed over now */
  hasRoomFor(batches: number, lengthBytes: number): boolean {
    return this.#ring.roomBytes >= lengthBytes + batches * (DATAGRAMS_AT + CommandWriter.overheadBytes);
  }

  /** Hands over a batch, for which there is room. */
  putBatch(batch: HandedBatch, datagrams: Uint8Array): void {
    this.#ring.tryWrite(encodeBatch(BATCH, batch, datagrams));
  }

  /** Hands over a datagram that carries no packet. @returns false when there is no room, and it is lost */
  putControl(source: ReceivedEndpoint, datagram: Uint8Array): boolean {
    if (this.#ring.roomBytes < RESERVED_BYTES) return false;
    const batch = { source, segmentBytes: datagram.length, ticket: 0, isLast: false };
    return this.#ring.tryWrite(encodeBatch(CONTROL, batch, datagram));
  }

  /** Tells what was opened. @returns how many notes found room, from the first on */
  tell(notes: readonly OpenedNote[]): number {
    let told = 0;
    while (told < notes.length) {
      const some = notes.slice(told, told + MAX_NOTES);
      const message = new DataView(new ArrayBuffer(NOTES_AT + some.length * NOTE_WORDS * 8));
      message.setUint8(0, NOTES);
      for (const [i, { session, index, lengthBytes, hasPackets }] of some.entries()) {
        for (const [word, value] of [session, index, lengthBytes, hasPackets ? 1 : 0].entries()) {
          message.setFloat64(NOTES_AT + (i * NOTE_WORDS + word) * 8, value);
        }
      }
      if (!this.#ring.tryWrite(new Uint8Array(message.buffer))) break;
      told += some.length;
    }
    return told;
  }
}

function encodeBatch(
  kind: number,
  { source, segmentBytes, ticket, isLast }: HandedBatch,
  datagrams: Uint8Array,
): Uint8Array {
  const message = new Uint8Array(DATAGRAMS_AT + datagrams.length);
  const view = new DataView(message.buffer);
  const { socketAddress, called } = source;
  message[0] = kind;
  message[LAST_AT] = isLast ? 1 : 0;
  message[SOURCE_BYTES_AT] = socketAddress.length;
  message[CALLED_BYTES_AT] = called?.length ?? 0;
  view.setInt32(TICKET_AT, ticket);
  view.setUint32(SEGMENT_AT, segmentBytes);
  message.set(socketAddress, SOURCE_AT);
  message.set(called ?? [], CALLED_AT);
  message.set(datagrams, DATAGRAMS_AT);
  return message;
}

/** A batch as it was handed over. */
export class TakenBatch {
  readonly #message: Uint8Array;
  readonly #view: DataView;

  constructor(message: Uint8Array) {
    this.#message = message;
    this.#view = new DataView(message.buffer, message.byteOffset);
  }

  get ticket(): number {
    return this.#view.getInt32(TICKET_AT);
  }

  get isLast(): boolean {
    return this.#message[LAST_AT] !== 0;
  }

  get segmentBytes(): number {
    return this.#view.getUint32(SEGMENT_AT);
  }

  /** As the kernel wrote it. */
  get source(): Uint8Array {
    return this.#message.subarray(SOURCE_AT, SOURCE_AT + (this.#message[SOURCE_BYTES_AT] ?? 0));
  }

  /** The address of this host that was called; empty when it is not known. */
  get called(): Uint8Array {
    return this.#message.subarray(CALLED_AT, CALLED_AT + (this.#message[CALLED_BYTES_AT] ?? 0));
  }

  get datagrams(): Uint8Array {
    return this.#message.subarray(DATAGRAMS_AT);
  }
}

/** Who takes what was handed over. */
export interface ReceiveHandoverTaker {
  takeControl(batch: TakenBatch): void;
  noteOpened(note: OpenedNote): void;
}

/** The first worker's end. */
export class ReceiveHandoverReader {
  readonly #ring: CommandReader;
  #waiting: TakenBatch | undefined;

  constructor(memory: SharedArrayBuffer) {
    this.#ring = new CommandReader(memory);
  }

  /** The batch whose turn is next, if one was handed over; all before it is taken first. */
  peek(taker: ReceiveHandoverTaker): TakenBatch | undefined {
    while (this.#waiting === undefined) {
      const message = this.#ring.read();
      if (message === undefined) return undefined;
      if (message[0] === BATCH) this.#waiting = new TakenBatch(message);
      else if (message[0] === CONTROL) taker.takeControl(new TakenBatch(message));
      else takeNotes(new DataView(message.buffer, message.byteOffset), taker);
    }
    return this.#waiting;
  }

  /** The batch that `peek` has shown is done with. */
  next(): void {
    this.#waiting = undefined;
  }
}

function takeNotes(notes: DataView, taker: ReceiveHandoverTaker): void {
  for (let at = NOTES_AT; at + NOTE_WORDS * 8 <= notes.byteLength; at += NOTE_WORDS * 8) {
    taker.noteOpened({
      session: notes.getFloat64(at),
      index: notes.getFloat64(at + 8),
      lengthBytes: notes.getFloat64(at + 16),
      hasPackets: notes.getFloat64(at + 24) !== 0,
    });
  }
}
