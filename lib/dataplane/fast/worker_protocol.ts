/**
 * What the control thread and the worker of the fast path say to each other, as plain data.
 *
 * ```
 *   control ── postMessage: WorkerSetup, once ─────────────────▶ worker
 *   control ── ring in shared memory, eventfd: Command ────────▶ worker, which may be blocked in poll
 *   control ◀── postMessage: WorkerReport ────────────────────── worker
 *   control ◀── shared memory: SharedPeerStats, drops ────────── worker
 * ```
 * @module
 */

import { PresharedKey, PrivateKey, PublicKey } from "../../crypto/mod.ts";
import { Cidr, Endpoint } from "../../net/mod.ts";
import {
  type DeviceEvent,
  DROP_REASONS,
  type ProtocolTimers,
  type WireGuardPeerUpdate,
} from "../../wireguard/mod.ts";

/** A socket that the worker is to use. */
export interface WorkerSocket {
  readonly fd: number;
  readonly family: 4 | 6;
  readonly hasGso: boolean;
}

/** Which cipher a worker takes: the fastest that answers right, or the one without experiments. */
export type CipherChoice = "auto" | "baseline";

/** What a worker begins with: no key, no socket, no peers. */
export interface WorkerSetup {
  readonly mtuBytes: number;
  readonly timers: Partial<ProtocolTimers>;
  readonly tunFd: number;
  readonly cipher: CipherChoice;
  /** Whether the interface takes superpackets of UDP. */
  readonly joinsUdp: boolean;
  readonly wakeFd: number;
  readonly commands: SharedArrayBuffer;
  readonly peerStats: SharedArrayBuffer;
  readonly drops: SharedArrayBuffer;
}

/** What the control thread asks for. Keys are base64, addresses text. */
export type Command =
  | {
    readonly kind: "update-peer";
    /** Where its statistics go. */
    readonly slot: number;
    readonly publicKey: string;
    readonly presharedKey: string | undefined;
    readonly endpoint: string | undefined;
    readonly replaceAllowedIps: boolean;
    readonly addAllowedIps: readonly string[];
    readonly removeAllowedIps: readonly string[];
    readonly persistentKeepaliveSeconds: number | undefined;
  }
  | { readonly kind: "remove-peer"; readonly publicKey: string }
  | { readonly kind: "set-endpoint"; readonly publicKey: string; readonly endpoint: string }
  | { readonly kind: "initiate"; readonly publicKey: string }
  | { readonly kind: "set-private-key"; readonly privateKey: string | undefined }
  | { readonly kind: "set-mtu"; readonly mtuBytes: number }
  /** Ends every session; nothing is sent until `use-socket`. */
  | { readonly kind: "suspend" }
  | { readonly kind: "use-socket"; readonly socket: WorkerSocket }
  | { readonly kind: "stop" };

/** What the worker tells unasked, in the order in which it happens. */
export type WorkerReport =
  | { readonly kind: "ready"; readonly cipher: string }
  | { readonly kind: "event"; readonly event: PlainEvent }
  /** The socket is not used any more and can be closed. */
  | { readonly kind: "socket-released"; readonly fd: number }
  /** A path has refused GSO batches, or a new socket may send them again. */
  | { readonly kind: "gso"; readonly isUsed: boolean }
  | { readonly kind: "ended"; readonly end: "stopped" | "interface-gone" };

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
      const endpoint = Endpoint.parseZoned(plain.endpoint ?? "");
      return endpoint && { kind: plain.kind, peer, endpoint };
    }
    default:
      return { kind: plain.kind, peer };
  }
}

/** So many prefixes go into one command; more go into several. */
const PREFIXES_PER_COMMAND = 4096;

/** @returns the commands that make the change, to be sent in this order */
export function updatePeerCommands(slot: number, update: WireGuardPeerUpdate): Command[] {
  const { publicKey, presharedKey, endpoint, persistentKeepaliveSeconds } = update;
  const add = (update.addAllowedIps ?? []).map(String);
  const remove = (update.removeAllowedIps ?? []).map(String);
  const commands: Command[] = [];
  do {
    const isFirst = commands.length === 0;
    const adds = add.splice(0, PREFIXES_PER_COMMAND);
    commands.push({
      kind: "update-peer",
      slot,
      publicKey: publicKey.toString(),
      presharedKey: isFirst ? presharedKey?.exposeBytes().toBase64() : undefined,
      endpoint: isFirst ? endpoint?.toString() : undefined,
      replaceAllowedIps: isFirst && (update.replaceAllowedIps ?? false),
      addAllowedIps: adds,
      // Those that are taken away come after all that are given.
      removeAllowedIps: add.length === 0 ? remove.splice(0, PREFIXES_PER_COMMAND) : [],
      persistentKeepaliveSeconds: isFirst ? persistentKeepaliveSeconds : undefined,
    });
  } while (add.length + remove.length > 0);
  return commands;
}

/** @returns the change that a command asks for, or undefined when the command is malformed */
export function parsePeerUpdate(
  command: Extract<Command, { readonly kind: "update-peer" }>,
): WireGuardPeerUpdate | undefined {
  const { persistentKeepaliveSeconds, replaceAllowedIps } = command;
  const publicKey = PublicKey.parse(command.publicKey);
  if (publicKey === undefined) return undefined;
  const presharedKey = PresharedKey.parse(command.presharedKey ?? "");
  const endpoint = Endpoint.parseZoned(command.endpoint ?? "");
  return {
    publicKey,
    ...presharedKey === undefined ? {} : { presharedKey },
    ...endpoint === undefined ? {} : { endpoint },
    replaceAllowedIps,
    addAllowedIps: parseCidrs(command.addAllowedIps),
    removeAllowedIps: parseCidrs(command.removeAllowedIps),
    ...persistentKeepaliveSeconds === undefined ? {} : { persistentKeepaliveSeconds },
  };
}

/** @returns the command that sets the key, or takes it away */
export function setPrivateKeyCommand(key: PrivateKey | undefined): Command {
  return { kind: "set-private-key", privateKey: key?.exposeBytes().toBase64() };
}

/** @returns the key of such a command */
export function parsePrivateKey(
  command: Extract<Command, { readonly kind: "set-private-key" }>,
): PrivateKey | undefined {
  return PrivateKey.parse(command.privateKey ?? "");
}

function parseCidrs(texts: readonly string[]): Cidr[] {
  return texts.map((text) => Cidr.parse(text)).filter((cidr) => cidr !== undefined);
}
