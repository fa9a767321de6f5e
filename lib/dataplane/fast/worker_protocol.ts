/**
 * What the control thread and the worker of the fast path say to each other, as plain data.
 *
 * ```
 *   control ── postMessage: WorkerSetup, once ─────────────────▶ worker
 *   control ── ring in shared memory, eventfd: Command ────────▶ worker, which may be blocked in poll
 *   control ◀── postMessage: WorkerReport ────────────────────── worker
 *   control ◀── shared memory: figures of peers, counters ────── worker
 * ```
 * @module
 */

import { PresharedKey, PublicKey } from "../../crypto/mod.ts";
import { Cidr, Endpoint } from "../../net/mod.ts";
import {
  type DeviceEvent,
  DROP_REASONS,
  type ProtocolTimers,
  type WireGuardPeerConfig,
} from "../../wireguard/mod.ts";

/** What a worker begins with. */
export interface WorkerSetup {
  readonly privateKey: Uint8Array;
  readonly mtuBytes: number;
  readonly timers: Partial<ProtocolTimers>;
  readonly tunFd: number;
  readonly udp: { readonly fd: number; readonly family: 4 | 6; readonly hasGso: boolean };
  readonly wakeFd: number;
  readonly commands: SharedArrayBuffer;
  readonly board: SharedArrayBuffer;
  readonly drops: SharedArrayBuffer;
}

/** What the control thread asks for. Keys are base64, addresses text. */
export type Command =
  | {
    readonly kind: "set-peer";
    /** The peer's place on the board. */
    readonly slot: number;
    readonly publicKey: string;
    readonly presharedKey?: string;
    readonly endpoint?: string;
    readonly allowedIps: readonly string[];
    readonly persistentKeepaliveSeconds: number;
  }
  | { readonly kind: "remove-peer"; readonly publicKey: string }
  | { readonly kind: "set-endpoint"; readonly publicKey: string; readonly endpoint: string }
  | { readonly kind: "initiate"; readonly publicKey: string }
  | { readonly kind: "stop" };

/** What the worker tells by itself. */
export type WorkerReport =
  | { readonly kind: "ready"; readonly kernel: string }
  | { readonly kind: "event"; readonly event: PlainEvent }
  | { readonly kind: "ended"; readonly end: "stopped" | "interface-gone" }
  | { readonly kind: "failed"; readonly message: string };

/** A `DeviceEvent` as plain data. */
export interface PlainEvent {
  readonly kind: DeviceEvent["kind"];
  readonly peer: string;
  readonly role?: "initiator" | "responder";
  readonly attempt?: number;
  readonly endpoint?: string;
}

/** What is counted, in the order of the shared memory: the protocol's reasons, then the engine's own. */
export const COUNTED_DROPS: readonly string[] = [
  ...DROP_REASONS,
  "no-route",
  "too-large",
  "socket-full",
  "send-failed",
  "interface-full",
];

/** @returns memory for the counters */
export function dropMemory(): SharedArrayBuffer {
  return new SharedArrayBuffer(COUNTED_DROPS.length * 8);
}

/** @returns the event as plain data */
export function plainEvent(event: DeviceEvent): PlainEvent {
  return {
    kind: event.kind,
    peer: event.peer.toString(),
    ...event.kind === "handshake-completed" ? { role: event.role } : {},
    ...event.kind === "handshake-retry" ? { attempt: event.attempt } : {},
    ...event.kind === "endpoint-changed" ? { endpoint: event.endpoint.toString() } : {},
  };
}

/** @returns the event, or undefined when it is none */
export function parseEvent(plain: PlainEvent): DeviceEvent | undefined {
  const peer = PublicKey.parse(plain.peer);
  if (peer === undefined) return undefined;
  switch (plain.kind) {
    case "handshake-completed":
      return { kind: plain.kind, peer, role: plain.role ?? "initiator" };
    case "handshake-retry":
      return { kind: plain.kind, peer, attempt: plain.attempt ?? 1 };
    case "endpoint-changed": {
      const endpoint = Endpoint.parse(plain.endpoint ?? "");
      return endpoint && { kind: plain.kind, peer, endpoint };
    }
    default:
      return { kind: plain.kind, peer };
  }
}

/** @returns the command that sets a peer */
export function setPeerCommand(slot: number, config: WireGuardPeerConfig): Command {
  const { publicKey, presharedKey, endpoint, allowedIps, persistentKeepaliveSeconds = 0 } = config;
  return {
    kind: "set-peer",
    slot,
    publicKey: publicKey.toString(),
    ...presharedKey === undefined ? {} : { presharedKey: presharedKey.exposeBytes().toBase64() },
    ...endpoint === undefined ? {} : { endpoint: endpoint.toString() },
    allowedIps: allowedIps.map(String),
    persistentKeepaliveSeconds,
  };
}

/** @returns the peer that a command sets, or undefined when the command is malformed */
export function parsePeer(
  command: Extract<Command, { readonly kind: "set-peer" }>,
): WireGuardPeerConfig | undefined {
  const publicKey = PublicKey.parse(command.publicKey);
  if (publicKey === undefined) return undefined;
  const presharedKey = command.presharedKey === undefined
    ? undefined
    : PresharedKey.parse(command.presharedKey);
  const endpoint = command.endpoint === undefined ? undefined : Endpoint.parse(command.endpoint);
  return {
    publicKey,
    ...presharedKey === undefined ? {} : { presharedKey },
    ...endpoint === undefined ? {} : { endpoint },
    allowedIps: command.allowedIps.map((text) => Cidr.parse(text)).filter((cidr) => cidr !== undefined),
    persistentKeepaliveSeconds: command.persistentKeepaliveSeconds,
  };
}
