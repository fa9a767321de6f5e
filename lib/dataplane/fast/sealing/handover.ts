/**
 * What a sealing worker hands over to the first one: packets that it can't seal, and how much it has sealed for whom.
 *
 * A worker that has handed a packet over hands over all that follow until the first worker has done with them: so the
 * packets of a flow, which all come to one worker, leave in the order in which they came.
 * @module
 */

import { commandMemory, CommandReader, CommandWriter } from "../command_ring.ts";

const PACKET = 0;
const NOTES = 1;
/** A slot and a number of bytes, 64-bit floats. */
const NOTE_BYTES = 16;
/** So many go into one message. */
const MAX_NOTES = 1024;

/** A peer, and how many bytes of datagrams were sealed for it since that was told. */
export interface SentBytes {
  /** As in `SharedPeerStats`. */
  readonly slot: number;
  sentBytes: number;
}

/** @returns memory for one worker's packets */
export function handoverMemory(): SharedArrayBuffer {
  return commandMemory();
}

/** The sealing worker's end. */
export class HandoverWriter {
  readonly #ring: CommandWriter;
  #handed = 0;

  constructor(memory: SharedArrayBuffer) {
    this.#ring = new CommandWriter(memory);
  }

  /** @param taken how many packets were taken over @returns whether some are under way */
  isBusy(taken: number): boolean {
    return taken !== this.#handed;
  }

  /** Hands over a packet with its virtio header. @returns false when there is no room, and it is lost */
  put(bytes: Uint8Array, at: number, lengthBytes: number): boolean {
    const message = new Uint8Array(1 + lengthBytes);
    message[0] = PACKET;
    message.set(bytes.subarray(at, at + lengthBytes), 1);
    if (!this.#ring.tryWrite(message)) return false;
    this.#handed = (this.#handed + 1) | 0;
    return true;
  }

  /** Tells how much was sealed, and empties `sent`; what finds no room is told next time. */
  tell(sent: Set<SentBytes>): void {
    while (sent.size > 0) {
      const some = [...sent.values().take(MAX_NOTES)];
      const message = new DataView(new ArrayBuffer(1 + some.length * NOTE_BYTES));
      message.setUint8(0, NOTES);
      for (const [i, { slot, sentBytes }] of some.entries()) {
        message.setFloat64(1 + i * NOTE_BYTES, slot);
        message.setFloat64(1 + i * NOTE_BYTES + 8, sentBytes);
      }
      if (!this.#ring.tryWrite(new Uint8Array(message.buffer))) return;
      for (const peer of some) {
        peer.sentBytes = 0;
        sent.delete(peer);
      }
    }
  }
}

/** Who takes what was handed over. */
export interface HandoverTaker {
  /** @param packet with its virtio header */
  takePacket(packet: Uint8Array): void;
  /** Others have sealed so many bytes for the peer at `slot`. */
  noteSealed(slot: number, lengthBytes: number): void;
}

/** The first worker's end. */
export class HandoverReader {
  readonly #ring: CommandReader;

  constructor(memory: SharedArrayBuffer) {
    this.#ring = new CommandReader(memory);
  }

  /** Takes what waits, and at most `maxBytes` of packets. @returns how many packets there were */
  take(maxBytes: number, taker: HandoverTaker): number {
    let packets = 0;
    for (let taken = 0; taken < maxBytes;) {
      const message = this.#ring.read();
      if (message === undefined) return packets;
      if (message[0] === PACKET) {
        taken += message.length;
        packets++;
        taker.takePacket(message.subarray(1));
      } else this.#takeNotes(new DataView(message.buffer, message.byteOffset + 1), taker);
    }
    return packets;
  }

  #takeNotes(notes: DataView, taker: HandoverTaker): void {
    for (let at = 0; at + NOTE_BYTES <= notes.byteLength; at += NOTE_BYTES) {
      taker.noteSealed(notes.getFloat64(at), notes.getFloat64(at + 8));
    }
  }
}
