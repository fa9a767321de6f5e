/**
 * QR codes (ISO/IEC 18004) for the terminal: at the lowest level of correction, which suits a screen.
 * @module
 */

import { encode } from "uqr";
import { utf8Bytes } from "../../base/mod.ts";

/** Modules of white around it (§6.3.8). */
const QUIET = 4;
/** What the largest of the 40 sizes holds at level L (§7.4.10, table 7). */
const MAX_BYTES = 2953;

/** A square of modules. */
export interface QrCode {
  readonly size: number;
  isDark(x: number, y: number): boolean;
}

/** @returns the smallest code, or undefined when `text` has more than 2953 bytes */
export function encodeQr(text: string): QrCode | undefined {
  const bytes = utf8Bytes(text);
  if (bytes.length > MAX_BYTES) return undefined;
  const { size, data } = encode([...bytes], { ecc: "L", border: 0 });
  return { size, isDark: (x, y) => data[y]?.[x] ?? false };
}

/**
 * The code as text for a dark or light terminal, two modules a character, with the quiet zone.
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
