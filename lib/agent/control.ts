/**
 * What may be asked of a running agent, whoever asks: the control socket, the library, a test.
 * @module
 */

import type { StatusReport } from "./report.ts";
import type { ServiceControl } from "./service_control.ts";

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
  /** Whether it says nothing of where the leader is; whoever joins with it finds the leader on its own network. */
  readonly withoutEndpoints?: boolean;
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

/** A record of a name. */
export interface DnsRecordRequest {
  /** Below the zone unless it ends with a dot; the first label may be `*`. */
  readonly name: string;
  /** A, AAAA, CNAME, TXT, SRV, MX or PTR. */
  readonly type: string;
  /** As master files have it: an address, a name, `0 0 80 web-1`, text. */
  readonly data: string;
  /** 300 unless told. */
  readonly ttlSeconds?: number;
}

/** Which records are meant: all of a name, or those of one type, or one. */
export interface DnsRemoval {
  readonly name: string;
  readonly type?: string;
  readonly data?: string;
}

/** A record as it is served. */
export interface DnsRecordReport {
  /** With its final dot. */
  readonly name: string;
  readonly type: string;
  readonly data: string;
  readonly ttlSeconds: number;
  /**
   * `zone`: SOA and NS; `network`: what follows from addresses and roles; `member` and `service`: their names; `custom`:
   * what was added.
   */
  readonly source: "zone" | "network" | "member" | "service" | "custom";
}

/** What the name server has answered. */
export interface DnsAnswerReport {
  /** `NOERROR`, `NXDOMAIN`, … */
  readonly code: string;
  /** Whether it is from the node's own zones. */
  readonly isAuthoritative: boolean;
  readonly answers: readonly DnsAnswerRecord[];
  readonly authority: readonly DnsAnswerRecord[];
}

/** A record of an answer. */
export type DnsAnswerRecord = Omit<DnsRecordReport, "source">;

/**
 * The operations of a running agent. Failures are WeftErrors: `NotLeader`, `UnknownPeer`, `UnknownToken`,
 * `InvalidRequest`, `InvalidRecord`, `UnknownName`, `Unreachable`.
 */
export interface AgentControl {
  /** Services: what there is, calls, events. */
  readonly services: ServiceControl;
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
  /** Leaders only: makes a member a leader, by name, id or address. */
  promoteLeader(node: string): Promise<void>;
  /** Leaders only: makes a leader an ordinary member. */
  demoteLeader(node: string): Promise<void>;
  /** Lets this node go on under new keys. @returns the new WireGuard key in base64, and the new id */
  rotateKey(): Promise<{ readonly publicKey: string; readonly id: string }>;
  /** Probes a member through the tunnel and over the message plane, by name, id or address. */
  ping(peer: string): Promise<PingReport>;
  /** @returns everything in the zones that this node serves */
  listNames(): readonly DnsRecordReport[];
  /** Adds a record on every node. @returns it as it is served */
  addName(request: DnsRecordRequest): DnsAnswerRecord;
  /** Removes what this node has added. @returns how many records @throws WeftError with code `UnknownName` when there is none */
  removeName(removal: DnsRemoval): number;
  /** Asks this node's name server. @param name below the zone unless it ends with a dot @param type `A` unless told */
  resolveName(name: string, type?: string): Promise<DnsAnswerReport>;
}
