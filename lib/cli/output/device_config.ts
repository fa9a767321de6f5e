/**
 * What a plain WireGuard device is configured with to be in the network, as text and as a QR code (ISO/IEC 18004) for the
 * terminal: at the lowest level of correction, which suits a screen.
 * @module
 */

import { encode } from "uqr";
import type { AddedDevice, DeviceRequest } from "../../api/mod.ts";
import { utf8Bytes } from "../../base/mod.ts";

/** Most routers forget a flow after 30 s or more. */
const KEEPALIVE_SECONDS = 25;
/** What wg-quick and apps take at most unless they are told. */
const USUAL_MTU_BYTES = 1420;

/** Modules of white around a QR code (§6.3.8). */
const QUIET = 4;
/** What the largest of the 40 sizes holds at level L (§7.4.10, table 7). */
const MAX_BYTES = 2953;

/** What is known of a device beside its addresses: how it was let in, and what it is told. */
export interface DeviceFacts extends Pick<DeviceRequest, "endpoint" | "presharedKey"> {
  /** The device's private key in base64, when it was made here. */
  readonly privateKey?: string;
  /** Its resolver while it is connected, and where it looks names up that have no dot. */
  readonly dns?: string;
  /** Networks that it is to reach through its hub, or the node that let it in. */
  readonly allowed?: readonly string[];
}

/**
 * @returns a file as wg-quick(8) reads it, with the device's private key only if that was made here: its hub is its one peer,
 * or every member is, because those do not pass on what is not theirs
 */
export function deviceConfig(device: AddedDevice, facts: DeviceFacts): string {
  const { hub, mtuBytes = USUAL_MTU_BYTES, peers } = device;
  // Where nobody knows it, only the device can begin, and it has to keep the way back open.
  const keepalive = facts.endpoint !== undefined ? [] : [`PersistentKeepalive = ${KEEPALIVE_SECONDS}`];
  const lines = [
    `# ${device.name} is ${device.addresses.join(", ")}. Its configuration, for wg-quick:`,
    "",
    "[Interface]",
    facts.privateKey === undefined
      ? "# PrivateKey = the device's own, which stays there"
      : `PrivateKey = ${facts.privateKey}`,
    `Address = ${device.addresses.map(alone).join(", ")}`,
    ...(facts.dns === undefined ? [] : [`DNS = ${facts.dns}`]),
    ...(mtuBytes < USUAL_MTU_BYTES ? [`MTU = ${mtuBytes}`] : []),
    ...peers.flatMap((peer, i) => [
      "",
      hub === undefined
        ? `# ${peer.name}`
        : `# ${peer.name}, through which it reaches all members with an interface`,
      "[Peer]",
      `PublicKey = ${peer.publicKey}`,
      ...(i === 0 ? presharedKeyLines(facts, device) : []),
      `AllowedIPs = ${[...peer.allowedIps, ...(i === 0 ? facts.allowed ?? [] : [])].join(", ")}`,
      ...(peer.endpoint === undefined
        ? [`# Endpoint = where ${peer.name} can be reached, which nobody knows`]
        : [`Endpoint = ${peer.endpoint}`, ...keepalive]),
    ]),
    "",
    facts.privateKey !== undefined
      ? "# Nobody else has this private key, and it is not shown again."
      : hub === undefined
      ? "# The same command prints the members again when there are more of them."
      : "# Members that come later are reached through the same peer.",
  ];
  return `${lines.join("\n")}\n`;
}

/** @returns the same in as few bytes as apps read, so that its code is small */
export function compactConfig(config: string): string {
  return config.replace(/^(#.*)?\n/gm, "").replace(/ = /g, "=").replace(/, /g, ",");
}

/** A file that is made here goes to the device as a whole, and is of no use without the key. */
function presharedKeyLines(
  { privateKey, presharedKey }: DeviceFacts,
  { hasPresharedKey = presharedKey !== undefined }: AddedDevice,
): string[] {
  if (!hasPresharedKey) return [];
  const isKnown = privateKey !== undefined && presharedKey !== undefined;
  return [isKnown ? `PresharedKey = ${presharedKey}` : "# PresharedKey = the one you gave"];
}

/** The prefix of one address. */
function alone(address: string): string {
  return `${address}/${address.includes(":") ? 128 : 32}`;
}

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
