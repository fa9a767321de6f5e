/**
 * QR codes (ISO/IEC 18004): bytes at the lowest level of correction, which suits a screen, in the smallest of the 40 sizes.
 * @module
 */

import { utf8Bytes } from "../base/mod.ts";
import { qrErrorCorrection } from "./qr_error_correction.ts";

/** How many codewords of correction each block of a version has at level L (§7.5.1, table 9), and how many blocks. */
const CORRECTION_CODEWORDS: readonly number[] = [
  ...[7, 10, 15, 20, 26, 18, 20, 24, 30, 18, 20, 24, 26, 30, 22, 24, 28, 30, 28, 28],
  ...[28, 28, 30, 30, 26, 28, 30, 30, 30, 30, 30, 30, 30, 30, 30, 30, 30, 30, 30, 30],
];
const BLOCKS: readonly number[] = [
  ...[1, 1, 1, 1, 1, 2, 2, 2, 2, 4, 4, 4, 4, 4, 6, 6, 6, 6, 7, 8],
  ...[8, 9, 9, 10, 12, 12, 12, 13, 14, 15, 16, 17, 18, 19, 19, 20, 21, 22, 24, 25],
];
/** Modules of white around it. */
const QUIET = 4;
const MODE_BYTES = 0b0100;
const PADS = [0xec, 0x11] as const;
const LEVEL_L = 0b01;
const FORMAT_MASK = 0x5412;

/** A square of modules. */
export interface QrCode {
  readonly size: number;
  isDark(x: number, y: number): boolean;
}

/**
 * The code as text for a dark or light terminal, two modules a character, with the quiet zone (§6.3.8).
 * @returns lines in black on white, each with a line feed
 */
export function qrText(code: QrCode): string {
  const lines: string[] = [];
  const isDark = (x: number, y: number) =>
    x >= 0 && y >= 0 && x < code.size && y < code.size && code.isDark(x, y);
  for (let y = -QUIET; y < code.size + QUIET; y += 2) {
    let line = "";
    for (let x = -QUIET; x < code.size + QUIET; x++) {
      line += isDark(x, y) ? (isDark(x, y + 1) ? "█" : "▀") : isDark(x, y + 1) ? "▄" : " ";
    }
    lines.push(`\x1b[30;107m${line}\x1b[0m\n`);
  }
  return lines.join("");
}

/** @returns the code, or undefined when `text` has more than 2953 bytes */
export function encodeQr(text: string): QrCode | undefined {
  const bytes = utf8Bytes(text);
  for (let version = 1; version <= 40; version++) {
    const countBits = version < 10 ? 8 : 16;
    if (4 + countBits + 8 * bytes.length > 8 * dataCodewords(version)) continue;
    const grid = new Grid(version);
    grid.placeData(interleave(version, dataOf(version, bytes, countBits)));
    grid.mask();
    return grid;
  }
  return undefined;
}

/** §7.1: the modules that no pattern takes, in bytes. */
function rawCodewords(version: number): number {
  const size = version * 4 + 17;
  const aligned = version === 1 ? 0 : Math.floor(version / 7) + 2;
  // Finder patterns with separators and format, timing, alignment, and the version twice.
  let bits = size * size - 8 * 8 * 3 - 15 * 2 - 1 - 2 * (size - 16);
  if (aligned > 0) bits -= (aligned - 1) * (aligned - 1) * 25 + (aligned - 2) * 2 * 20;
  if (version >= 7) bits -= 18 * 2;
  return bits >> 3;
}

function dataCodewords(version: number): number {
  return rawCodewords(version) - at(CORRECTION_CODEWORDS, version - 1) * at(BLOCKS, version - 1);
}

/** §7.4: mode, count, bytes, terminator, padding. */
function dataOf(version: number, bytes: Uint8Array, countBits: number): Uint8Array {
  const out = new Uint8Array(dataCodewords(version));
  let bit = 0;
  const put = (value: number, bits: number) => {
    for (let i = bits - 1; i >= 0; i--, bit++) {
      if ((value >> i) & 1) out[bit >> 3] = at(out, bit >> 3) | (0x80 >> (bit & 7));
    }
  };
  put(MODE_BYTES, 4);
  put(bytes.length, countBits);
  for (const byte of bytes) put(byte, 8);
  // The terminator is four zeros, or as many as fit; then zeros to the end of the byte.
  const used = Math.min(out.length, (bit + 4 + 7) >> 3);
  for (let i = used; i < out.length; i++) out[i] = at(PADS, (i - used) & 1);
  return out;
}

/** §7.6: a codeword of each block in turn, first the data, then the correction; the last blocks may be one longer. */
function interleave(version: number, data: Uint8Array): Uint8Array {
  const count = at(BLOCKS, version - 1);
  const shortBytes = Math.floor(data.length / count);
  const shortBlocks = count - data.length % count;
  const blocks: { readonly data: Uint8Array; readonly correction: Uint8Array }[] = [];
  for (let i = 0, from = 0; i < count; i++) {
    const to = from + shortBytes + (i < shortBlocks ? 0 : 1);
    const part = data.subarray(from, to);
    blocks.push({ data: part, correction: qrErrorCorrection(part, at(CORRECTION_CODEWORDS, version - 1)) });
    from = to;
  }
  const out: number[] = [];
  for (let i = 0; i <= shortBytes; i++) {
    for (const block of blocks) if (i < block.data.length) out.push(at(block.data, i));
  }
  for (let i = 0; i < at(CORRECTION_CODEWORDS, version - 1); i++) {
    for (const block of blocks) out.push(at(block.correction, i));
  }
  return Uint8Array.from(out);
}

class Grid implements QrCode {
  readonly size: number;
  readonly #dark: Uint8Array;
  /** Modules of patterns, which are not masked. */
  readonly #fixed: Uint8Array;

  constructor(version: number) {
    this.size = version * 4 + 17;
    this.#dark = new Uint8Array(this.size * this.size);
    this.#fixed = new Uint8Array(this.size * this.size);
    const { size } = this;
    for (let i = 0; i < size; i++) {
      this.#fix(6, i, i % 2 === 0);
      this.#fix(i, 6, i % 2 === 0);
    }
    for (const [x, y] of [[3, 3], [size - 4, 3], [3, size - 4]] as const) this.#finder(x, y);
    const centres = alignmentCentres(version, size);
    const last = centres.length - 1;
    for (const [i, x] of centres.entries()) {
      for (const [j, y] of centres.entries()) {
        const isFinder = (i === 0 && (j === 0 || j === last)) || (i === last && j === 0);
        if (!isFinder) this.#rings(x, y, 2, (ring) => ring !== 1);
      }
    }
    this.#format(0);
    if (version >= 7) this.#version(version);
  }

  isDark(x: number, y: number): boolean {
    return this.#dark[y * this.size + x] === 1;
  }

  /** §7.7.3: in columns of two from the right, up and down in turn. */
  placeData(codewords: Uint8Array): void {
    let bit = 0;
    for (let right = this.size - 1; right >= 1; right -= 2) {
      // The vertical timing pattern is in nobody's pair.
      if (right === 6) right = 5;
      for (let step = 0; step < this.size; step++) {
        const isUp = ((right + 1) & 2) === 0;
        const y = isUp ? this.size - 1 - step : step;
        for (const x of [right, right - 1]) {
          const i = y * this.size + x;
          if (this.#fixed[i] === 1) continue;
          this.#dark[i] = (at(codewords, bit >> 3) >> (7 - (bit & 7))) & 1;
          bit++;
        }
      }
    }
  }

  /**
   * §7.8: breaks up what a text could look like.
   * DEVIATION: it is always the checkerboard, mask 0, and not the best of eight. Readers take any; from a screen they
   * read this one as well.
   */
  mask(): void {
    for (let y = 0; y < this.size; y++) {
      for (let x = 0; x < this.size; x++) {
        const i = y * this.size + x;
        if (this.#fixed[i] === 0 && (x + y) % 2 === 0) this.#dark[i] = at(this.#dark, i) ^ 1;
      }
    }
  }

  #fix(x: number, y: number, isDark: boolean): void {
    if (x < 0 || y < 0 || x >= this.size || y >= this.size) return;
    this.#dark[y * this.size + x] = isDark ? 1 : 0;
    this.#fixed[y * this.size + x] = 1;
  }

  #finder(x: number, y: number): void {
    this.#rings(x, y, 4, (ring) => ring !== 2 && ring !== 4);
  }

  #rings(x: number, y: number, radius: number, isDark: (ring: number) => boolean): void {
    for (let dy = -radius; dy <= radius; dy++) {
      for (let dx = -radius; dx <= radius; dx++) {
        this.#fix(x + dx, y + dy, isDark(Math.max(Math.abs(dx), Math.abs(dy))));
      }
    }
  }

  /** §7.9: level and mask with ten bits of a BCH code, twice. */
  #format(mask: number): void {
    const data = LEVEL_L << 3 | mask;
    const bits = (data << 10 | remainder(data, 0x537, 10)) ^ FORMAT_MASK;
    const { size } = this;
    for (let i = 0; i < 15; i++) {
      const isDark = ((bits >> i) & 1) === 1;
      this.#fix(8, i < 6 ? i : i < 8 ? i + 1 : size - 15 + i, isDark);
      this.#fix(i < 8 ? size - 1 - i : i === 8 ? 7 : 14 - i, 8, isDark);
    }
    this.#fix(8, size - 8, true);
  }

  /** §7.10: six bits with twelve of a BCH code, twice. */
  #version(version: number): void {
    const bits = version << 12 | remainder(version, 0x1f25, 12);
    for (let i = 0; i < 18; i++) {
      const isDark = ((bits >> i) & 1) === 1;
      const [a, b] = [this.size - 11 + i % 3, Math.floor(i / 3)];
      this.#fix(a, b, isDark);
      this.#fix(b, a, isDark);
    }
  }
}

/** Annex E: from 6 to the other side in even steps, but for the first. */
function alignmentCentres(version: number, size: number): number[] {
  if (version === 1) return [];
  const count = Math.floor(version / 7) + 2;
  const step = version === 32 ? 26 : Math.ceil((size - 13) / (count * 2 - 2)) * 2;
  const centres = [6];
  for (let i = count - 2; i >= 0; i--) centres.push(size - 7 - i * step);
  return centres;
}

function remainder(data: number, generator: number, bits: number): number {
  let rest = data;
  for (let i = 0; i < bits; i++) rest = rest << 1 ^ (rest >> (bits - 1)) * generator;
  return rest & ((1 << bits) - 1);
}

function at(values: ArrayLike<number>, index: number): number {
  return values[index] ?? 0;
}
