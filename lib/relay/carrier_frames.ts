/**
 * Datagrams over a stream, for where UDP is blocked.
 *
 * ```text
 *    0                   2
 *   +-------------------+--------------------
 *   | length, u16 BE    | the datagram …      one behind the other; a length of 0 says nothing
 *   +-------------------+--------------------
 * ```
 *
 * @module
 */

/** The longest datagram of UDP over IPv4, in bytes. */
export const MAX_CARRIED_BYTES = 65_507;
const LENGTH_BYTES = 2;

/** How much may wait for a stream. */
export interface FrameQueueBounds {
  /** So much has room however long it waits: a burst of a sender that has just begun. */
  readonly slackBytes: number;
  /** So much at most. */
  readonly mostBytes: number;
  /** Beyond the slack nothing is taken while the oldest has waited for so long, in milliseconds. */
  readonly mostMs: number;
}

/**
 * Datagrams that wait for a stream: one buffer is being written while the other one fills. What does not fit is dropped, the
 * newest: a stream that carries streams must not hold back what those would rather send again. A stream that is fast may
 * have much of it, for no longer than a slow one has little.
 */
export class FrameQueue {
  readonly #bounds: FrameQueueBounds;
  #filling: Uint8Array<ArrayBuffer>;
  #writing: Uint8Array<ArrayBuffer>;
  #length = 0;
  #since = 0;

  constructor(bounds: FrameQueueBounds) {
    this.#bounds = bounds;
    this.#filling = new Uint8Array(bounds.slackBytes);
    this.#writing = new Uint8Array(bounds.slackBytes);
  }

  /** Whether nothing waits. */
  get isEmpty(): boolean {
    return this.#length === 0;
  }

  /** Copies a datagram. @param now monotonic milliseconds @returns false when there is no room, or it has no bytes */
  push(now: number, datagram: Uint8Array): boolean {
    const { length } = datagram;
    const end = this.#length + LENGTH_BYTES + length;
    if (length === 0 || length > MAX_CARRIED_BYTES || !this.#hasRoom(now, end)) return false;
    if (this.#length === 0) this.#since = now;
    this.#filling[this.#length] = length >> 8;
    this.#filling[this.#length + 1] = length & 255;
    this.#filling.set(datagram, this.#length + LENGTH_BYTES);
    this.#length = end;
    return true;
  }

  /** @returns all that waits, as it goes over the stream; valid until the next call */
  take(): Uint8Array {
    const taken = this.#filling.subarray(0, this.#length);
    [this.#filling, this.#writing] = [this.#writing, this.#filling];
    this.#length = 0;
    return taken;
  }

  #hasRoom(now: number, lengthBytes: number): boolean {
    const { slackBytes, mostBytes, mostMs } = this.#bounds;
    if (lengthBytes > slackBytes && (lengthBytes > mostBytes || now - this.#since > mostMs)) return false;
    if (lengthBytes <= this.#filling.length) return true;
    const wider = new Uint8Array(Math.min(mostBytes, 2 * lengthBytes));
    wider.set(this.#filling.subarray(0, this.#length));
    this.#filling = wider;
    return true;
  }
}

/** Reads datagrams out of the pieces in which a stream comes. */
export class FrameReader {
  /** What of a frame has come already, its length first. */
  #part: Uint8Array | undefined;
  #partLength = 0;

  /**
   * Takes the next piece.
   * @param onDatagram is handed each datagram that is complete, a view that is valid until it returns
   * @returns false when the stream is none of datagrams: nothing more can be read
   */
  read(piece: Uint8Array, onDatagram: (datagram: Uint8Array) => void): boolean {
    let at = 0;
    while (at < piece.length) {
      if (this.#partLength > 0) {
        const taken = this.#complete(piece, at, onDatagram);
        if (taken === undefined) return false;
        at += taken;
        continue;
      }
      if (at + LENGTH_BYTES > piece.length) return this.#keep(piece, at);
      const length = lengthAt(piece, at);
      if (length > MAX_CARRIED_BYTES) return false;
      const end = at + LENGTH_BYTES + length;
      if (end > piece.length) return this.#keep(piece, at);
      if (length > 0) onDatagram(piece.subarray(at + LENGTH_BYTES, end));
      at = end;
    }
    return true;
  }

  #keep(piece: Uint8Array, at: number): true {
    this.#part ??= new Uint8Array(LENGTH_BYTES + MAX_CARRIED_BYTES);
    this.#part.set(piece.subarray(at));
    this.#partLength = piece.length - at;
    return true;
  }

  /** @returns how many bytes the frame took that had begun before, undefined when it is none */
  #complete(piece: Uint8Array, at: number, onDatagram: (datagram: Uint8Array) => void): number | undefined {
    const part = this.#part ?? piece;
    let taken = 0;
    for (; this.#partLength < LENGTH_BYTES && at + taken < piece.length; taken++) {
      part[this.#partLength++] = piece[at + taken] ?? 0;
    }
    if (this.#partLength < LENGTH_BYTES) return taken;
    const length = lengthAt(part, 0);
    if (length > MAX_CARRIED_BYTES) return undefined;
    const wanted = Math.min(LENGTH_BYTES + length - this.#partLength, piece.length - at - taken);
    part.set(piece.subarray(at + taken, at + taken + wanted), this.#partLength);
    this.#partLength += wanted;
    if (this.#partLength < LENGTH_BYTES + length) return taken + wanted;
    this.#partLength = 0;
    if (length > 0) onDatagram(part.subarray(LENGTH_BYTES, LENGTH_BYTES + length));
    return taken + wanted;
  }
}

function lengthAt(bytes: Uint8Array, at: number): number {
  return ((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0);
}
