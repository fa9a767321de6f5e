/**
 * Answers of the userspace API (https://www.wireguard.com/xplatform/#configuration-protocol).
 * @module
 */

import { encodeHex } from "../base/mod.ts";
import type { PresharedKey, PrivateKey, PublicKey } from "../crypto/mod.ts";
import type { Cidr, Endpoint } from "../net/mod.ts";

/** The numbers of asm-generic/errno.h that answers carry, negative as on the wire; 0 is success. */
export const UAPI_ERRNO = {
  NONE: 0,
  EPERM: -1,
  EIO: -5,
  EINVAL: -22,
  EPROTO: -71,
  EOPNOTSUPP: -95,
  EADDRINUSE: -98,
} as const;

/** One of them. */
export type UapiErrno = typeof UAPI_ERRNO[keyof typeof UAPI_ERRNO];

/** What a `get` tells of the device. */
export interface DeviceSnapshot {
  readonly privateKey: PrivateKey | undefined;
  readonly listenPort: number;
  readonly fwmark: number;
  readonly peers: readonly PeerSnapshot[];
}

/** What a `get` tells of a peer. */
export interface PeerSnapshot {
  readonly publicKey: PublicKey;
  readonly presharedKey: PresharedKey;
  readonly endpoint: Endpoint | undefined;
  /** Milliseconds since 1970. */
  readonly lastHandshakeAt: number | undefined;
  readonly rxBytes: number;
  readonly txBytes: number;
  readonly persistentKeepaliveSeconds: number;
  readonly allowedIps: readonly Cidr[];
}

/** @returns the whole answer to a `get`; it holds every secret of the device */
export function encodeGetAnswer(device: DeviceSnapshot): string {
  const lines: string[] = [];
  if (device.privateKey !== undefined) {
    lines.push(`private_key=${encodeHex(device.privateKey.exposeBytes())}`);
  }
  if (device.listenPort !== 0) lines.push(`listen_port=${device.listenPort}`);
  if (device.fwmark !== 0) lines.push(`fwmark=${device.fwmark}`);
  for (const peer of device.peers) pushPeer(lines, peer);
  lines.push("errno=0", "", "");
  return lines.join("\n");
}

/** @returns the answer to a `set`, or to what cannot be done */
export function encodeErrnoAnswer(errno: UapiErrno): string {
  return `errno=${errno === UAPI_ERRNO.NONE ? 0 : errno}\n\n`;
}

function pushPeer(lines: string[], peer: PeerSnapshot): void {
  const handshakeAt = peer.lastHandshakeAt ?? 0;
  const seconds = Math.floor(handshakeAt / 1000);
  lines.push(
    `public_key=${encodeHex(peer.publicKey.bytes)}`,
    `preshared_key=${encodeHex(peer.presharedKey.exposeBytes())}`,
    "protocol_version=1",
  );
  if (peer.endpoint !== undefined) lines.push(`endpoint=${peer.endpoint}`);
  lines.push(
    `last_handshake_time_sec=${seconds}`,
    `last_handshake_time_nsec=${Math.floor((handshakeAt - seconds * 1000) * 1e6)}`,
    `tx_bytes=${peer.txBytes}`,
    `rx_bytes=${peer.rxBytes}`,
    `persistent_keepalive_interval=${peer.persistentKeepaliveSeconds}`,
  );
  for (const cidr of peer.allowedIps) lines.push(`allowed_ip=${cidr}`);
}
