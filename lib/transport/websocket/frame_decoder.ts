/**
 * Frames of WebSocket as they arrive, taken apart without being collected (RFC 6455 §5.2).
 *
 * ```
 *   FIN 1 | RSV 3 | opcode 4 | MASK 1 | length 7 | 16 or 64 more bits of length | mask 32, if MASK | payload
 * ```
 * @module
 */

/** Opcodes (RFC 6455 §11.8). */
export const Opcode = { continuation: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10 } as const;

/** Why an end closes (RFC 6455 §7.4.1). */
export const CloseCode = { normal: 1000, protocolError: 1002, unsupported: 1003, tooBig: 1009 } as const;

/** The payload of a control frame is no longer (RFC 6455 §5.5). */
export const MAX_CONTROL_BYTES = 125;

/** A longer frame is refused, though nothing collects it. */
export const MAX_FRAME_BYTES: number = 16 << 20;

const MAX_HEADER_BYTES = 14;

/** What the next bytes mean. */
export type FramePart =
  /** Bytes of a binary message, a view into what was pushed; at least one. */
  | { readonly kind: "data"; readonly bytes: Uint8Array }
  | { readonly kind: "ping" | "pong" | "close"; readonly payload: Uint8Array }
  /** The other end may not send that; nothing more can be read. */
  | { readonly kind: "violation"; readonly code: number };

/** Takes the frames of one end apart. */
export class FrameDecoder {
  readonly #isMasked: boolean;
  #input = new Uint8Array(0);
  #at = 0;
  // The header that is being read, then the frame.
  readonly #header = new Uint8Array(MAX_HEADER_BYTES);
  #headerLength = 0;
  #opcode = 0;
  #left = 0;
  readonly #mask = new Uint8Array(4);
  #maskAt = 0;
  #isInMessage = false;
  readonly #control = new Uint8Array(MAX_CONTROL_BYTES);
  #controlLength = 0;
  #isInFrame = false;
  #violation: FramePart | undefined;

  /** @param isMasked whether the other end is the client, whose frames are masked and no others (§5.1) */
  constructor(isMasked: boolean) {
    this.#isMasked = isMasked;
  }

  /** Takes bytes over, when `next` has nothing left of those before; they are changed in place. */
  push(bytes: Uint8Array<ArrayBuffer>): void {
    this.#input = bytes;
    this.#at = 0;
  }

  /** @returns the next part, or undefined when more bytes are needed */
  next(): FramePart | undefined {
    for (;;) {
      if (this.#violation !== undefined) return this.#violation;
      if (!this.#isInFrame) {
        const code = this.#readHeader();
        if (code === "incomplete") return undefined;
        if (code !== undefined) return this.#violation = { kind: "violation", code };
      }
      const bytes = this.#payload();
      if (this.#opcode < Opcode.close) {
        if (this.#left === 0) this.#isInFrame = false;
        if (bytes.length > 0) return { kind: "data", bytes };
        if (this.#isInFrame) return undefined;
        continue;
      }
      this.#control.set(bytes, this.#controlLength);
      this.#controlLength += bytes.length;
      if (this.#left > 0) return undefined;
      this.#isInFrame = false;
      return this.#controlPart(this.#control.slice(0, this.#controlLength));
    }
  }

  #controlPart(payload: Uint8Array): FramePart {
    if (this.#opcode === Opcode.ping) return { kind: "ping", payload };
    if (this.#opcode === Opcode.pong) return { kind: "pong", payload };
    // A status code is two bytes, if there is a payload (§5.5.1).
    if (payload.length === 1) return this.#violation = { kind: "violation", code: CloseCode.protocolError };
    return { kind: "close", payload };
  }

  /** @returns undefined when the header is whole and sound, or the code to close with */
  #readHeader(): "incomplete" | number | undefined {
    const header = this.#header;
    while (this.#headerLength < this.#neededLength()) {
      const byte = this.#input[this.#at];
      if (byte === undefined) return "incomplete";
      this.#at++;
      header[this.#headerLength++] = byte;
      if (this.#headerLength === 2) {
        const code = this.#checkStart();
        if (code !== undefined) return code;
      }
    }
    const length = this.#length();
    if (length === undefined) return CloseCode.protocolError;
    if (length > MAX_FRAME_BYTES) return CloseCode.tooBig;
    if (this.#isMasked) this.#mask.set(header.subarray(this.#headerLength - 4, this.#headerLength));
    this.#maskAt = 0;
    this.#left = length;
    this.#headerLength = 0;
    this.#controlLength = 0;
    this.#isInFrame = true;
    return undefined;
  }

  /** How long the header is, as far as it can be told. */
  #neededLength(): number {
    if (this.#headerLength < 2) return 2;
    const length = (this.#header[1] ?? 0) & 0x7f;
    return 2 + (length === 126 ? 2 : length === 127 ? 8 : 0) + (this.#isMasked ? 4 : 0);
  }

  #checkStart(): number | undefined {
    const [first = 0, second = 0] = this.#header;
    const opcode = first & 0x0f;
    const isLast = (first & 0x80) !== 0;
    // No extension was agreed on that would give the reserved bits a meaning (§5.2).
    if ((first & 0x70) !== 0 || (second & 0x80) !== 0 !== this.#isMasked) return CloseCode.protocolError;
    this.#opcode = opcode;
    switch (opcode) {
      case Opcode.text:
        return CloseCode.unsupported;
      case Opcode.binary:
      case Opcode.continuation:
        // A message is not begun within another one (§5.4).
        if ((opcode === Opcode.continuation) !== this.#isInMessage) return CloseCode.protocolError;
        this.#isInMessage = !isLast;
        return undefined;
      case Opcode.close:
      case Opcode.ping:
      case Opcode.pong:
        // Control frames are short and whole (§5.5).
        return isLast && (second & 0x7f) <= MAX_CONTROL_BYTES ? undefined : CloseCode.protocolError;
      default:
        return CloseCode.protocolError;
    }
  }

  /** @returns the length of the payload, or undefined when it is not told in as few bytes as can be (§5.2) */
  #length(): number | undefined {
    const view = new DataView(this.#header.buffer);
    const short = view.getUint8(1) & 0x7f;
    if (short < 126) return short;
    if (short === 126) return view.getUint16(2) >= 126 ? view.getUint16(2) : undefined;
    const length = view.getBigUint64(2);
    return length >= 0x1_0000n && length < 1n << 63n ? Number(length) : undefined;
  }

  /** @returns what there is of the frame's payload, unmasked */
  #payload(): Uint8Array {
    const bytes = this.#input.subarray(this.#at, this.#at + this.#left);
    this.#at += bytes.length;
    this.#left -= bytes.length;
    if (this.#isMasked) this.#maskAt = applyMask(bytes, this.#mask, this.#maskAt);
    return bytes;
  }
}

/** Masks or unmasks bytes in place (RFC 6455 §5.3). @param at how far the mask was used @returns how far it is now */
export function applyMask(bytes: Uint8Array, mask: Uint8Array, at: number): number {
  for (let i = 0; i < bytes.length; i++) bytes[i] = (bytes[i] as number) ^ (mask[(at + i) & 3] as number);
  return (at + bytes.length) & 3;
}

/**
 * Writes a whole frame.
 * @param mask four bytes when this end is the client
 */
export function encodeFrame(opcode: number, payload: Uint8Array, mask?: Uint8Array): Uint8Array<ArrayBuffer> {
  const { length } = payload;
  const lengthBytes = length < 126 ? 0 : length < 0x1_0000 ? 2 : 8;
  const start = 2 + lengthBytes + (mask === undefined ? 0 : 4);
  const out = new Uint8Array(start + length);
  const view = new DataView(out.buffer);
  out[0] = 0x80 | opcode;
  out[1] = (mask === undefined ? 0 : 0x80) | (lengthBytes === 0 ? length : lengthBytes === 2 ? 126 : 127);
  if (lengthBytes === 2) view.setUint16(2, length);
  if (lengthBytes === 8) view.setBigUint64(2, BigInt(length));
  out.set(payload, start);
  if (mask !== undefined) {
    out.set(mask, start - 4);
    applyMask(out.subarray(start), mask, 0);
  }
  return out;
}
