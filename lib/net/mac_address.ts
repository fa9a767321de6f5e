/**
 * The addresses of Ethernet (IEEE 802-2014 §8).
 * @module
 */

const TEXT = /^[0-9a-f]{2}(?:([:-])[0-9a-f]{2})(?:\1[0-9a-f]{2}){4}$/i;

/** How long an address is. */
export const MAC_BYTES = 6;

/** An address of 48 bits. */
export class MacAddress {
  /** The address of everybody. */
  static readonly BROADCAST: MacAddress = new MacAddress(0xffff, 0xffff_ffff);
  /** The first 16 bits. */
  readonly high: number;
  /** The last 32 bits. */
  readonly low: number;

  private constructor(high: number, low: number) {
    this.high = high;
    this.low = low;
  }

  /** @param text six bytes in hexadecimal, all with colons or all with hyphens between them */
  static parse(text: string): MacAddress | undefined {
    if (!TEXT.test(text)) return undefined;
    return MacAddress.fromBytes(Uint8Array.fromHex(text.replaceAll(/[:-]/g, "")));
  }

  /** @param at where the address begins @throws RangeError when six bytes are not there */
  static fromBytes(bytes: Uint8Array, at = 0): MacAddress {
    const view = new DataView(bytes.buffer, bytes.byteOffset + at, MAC_BYTES);
    return new MacAddress(view.getUint16(0), view.getUint32(2));
  }

  /** Whether it is a group's: multicast or broadcast (IEEE 802-2014 §8.2.2). */
  get isGroup(): boolean {
    return (this.high & 0x0100) !== 0;
  }

  /** Whether an administrator, and no manufacturer, has chosen it (IEEE 802-2014 §8.2.2). */
  get isLocal(): boolean {
    return (this.high & 0x0200) !== 0;
  }

  /** @returns six bytes */
  toBytes(): Uint8Array<ArrayBuffer> {
    const bytes = new Uint8Array(MAC_BYTES);
    const view = new DataView(bytes.buffer);
    view.setUint16(0, this.high);
    view.setUint32(2, this.low);
    return bytes;
  }

  /** Whether it is the same address. */
  equals(other: MacAddress): boolean {
    return this.high === other.high && this.low === other.low;
  }

  /** @returns it in lower case with colons */
  toString(): string {
    return Array.from(this.toBytes(), (byte) => byte.toString(16).padStart(2, "0")).join(":");
  }

  /** @returns the same as `toString` */
  toJSON(): string {
    return this.toString();
  }
}
