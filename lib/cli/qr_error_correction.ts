/**
 * The Reed-Solomon code of QR codes (ISO/IEC 18004 §7.5).
 * @module
 */

/** The field of 256 elements: x⁸ + x⁴ + x³ + x² + 1. */
const FIELD = 0x11d;

/**
 * @param data one block
 * @param count how many codewords of correction
 * @returns them
 */
export function qrErrorCorrection(data: Uint8Array, count: number): Uint8Array {
  const divisor = generator(count);
  const rest = new Uint8Array(count);
  for (const byte of data) {
    const factor = byte ^ (rest[0] ?? 0);
    rest.copyWithin(0, 1);
    rest[count - 1] = 0;
    for (let i = 0; i < count; i++) rest[i] = (rest[i] ?? 0) ^ multiply(divisor[i] ?? 0, factor);
  }
  return rest;
}

/** (x - 1)(x - 2)(x - 4)… without its leading 1. */
function generator(count: number): Uint8Array {
  const out = new Uint8Array(count);
  out[count - 1] = 1;
  for (let i = 0, root = 1; i < count; i++, root = multiply(root, 2)) {
    for (let j = 0; j < count; j++) out[j] = multiply(out[j] ?? 0, root) ^ (out[j + 1] ?? 0);
  }
  return out;
}

function multiply(a: number, b: number): number {
  let product = 0;
  for (let i = 7; i >= 0; i--) {
    product = product << 1 ^ (product >> 7) * FIELD;
    product ^= (b >> i & 1) * a;
  }
  return product;
}
