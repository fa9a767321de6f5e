/**
 * What may be asked of a running agent, whoever asks: the control socket, the library, a test.
 * @module
 */

import type { StatusReport } from "./report.ts";

/** A token as it may be shown again: without its secret. */
export interface TokenReport {
  readonly id: string;
  /** Milliseconds since 1970. */
  readonly createdAt: number;
  readonly expiresAt: number;
  /** How many admissions are left; null when unlimited. */
  readonly usesLeft: number | null;
  /** How many machines were admitted by it. */
  readonly used: number;
  readonly labels: Readonly<Record<string, string>>;
  readonly state: "usable" | "expired" | "used" | "revoked";
}

/** What a new token shall allow. */
export interface TokenRequest {
  /** Admissions; undefined means any number. */
  readonly uses?: number;
  /** Milliseconds until it expires. */
  readonly lifetimeMs: number;
  /** Labels of whoever joins with it. */
  readonly labels?: Readonly<Record<string, string>>;
}

/** A WireGuard device that does not run weft. */
export interface DeviceRequest {
  readonly name: string;
  /** Base64, as `wg pubkey` prints it. */
  readonly publicKey: string;
  /** Base64; absent for none. */
  readonly presharedKey?: string;
  /** `address:port`, when it can be reached from here. */
  readonly endpoint?: string;
  /** Further prefixes behind the device, in CIDR notation. */
  readonly allowedIps?: readonly string[];
  readonly persistentKeepaliveSeconds?: number;
}

/** An answered probe. */
export interface PingReport {
  /** Milliseconds there and back. */
  readonly rttMs: number;
  /** Which way the answer came: through the tunnel, or by a channel of the message plane. */
  readonly path: "direct" | "channel";
  /** Milliseconds since the last WireGuard handshake; null when there was none. */
  readonly lastHandshakeAgeMs: number | null;
}

/**
 * The operations of a running agent. Failures are WeftErrors: `NotLeader`, `UnknownPeer`, `UnknownToken`,
 * `InvalidRequest`, `Unreachable`.
 */
export interface AgentControl {
  status(): StatusReport;
  /** Leaders only. @returns the secret string, shown this once, and its report */
  createToken(request: TokenRequest): { readonly token: string; readonly report: TokenReport };
  listTokens(): readonly TokenReport[];
  /** @throws WeftError with code `UnknownToken` */
  revokeToken(id: string): void;
  /** Leaders only. @returns the address that the device was given */
  addDevice(request: DeviceRequest): { readonly name: string; readonly addresses: readonly string[] };
  /** Leaders only: revokes a member or device by name, id or public key. */
  removePeer(peer: string): void;
  /** Probes a member through the tunnel and over the message plane, by name, id or address. */
  ping(peer: string): Promise<PingReport>;
}
