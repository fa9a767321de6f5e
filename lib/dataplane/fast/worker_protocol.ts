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

import { PresharedKey, PublicKey } from "../../crypto/mod.ts";
import { Cidr, Endpoint, IpAddress } from "../../net/mod.ts";
import {
  type DeviceEvent,
  DROP_REASONS,
  type ProtocolTimers,
  type WireGuardPeerUpdate,
} from "../../wireguard/mod.ts";
import type { PolicyCommand } from "../policy/mod.ts";
import { PROBE_DROPS, type ProbeIdChange } from "../probes/mod.ts";
import { PROXY_DROPS, type ProxyAnswer, type ProxyChange, type ProxyQuestion } from "../proxy/mod.ts";
import type { CipherChoice } from "../packet_plane.ts";
import type { PolicyReport } from "../policy/mod.ts";
import type { FrameCounts, PortEvent } from "../frames/mod.ts";
import { DECODE_FAILURES, type FrameCommand } from "./frames/mod.ts";
import type { GsoSenderParts } from "./udp/mod.ts";

/** The same as data that goes to another thread: keys in base64, addresses as text. */
export type Plain<T> = T extends PublicKey | PresharedKey | Endpoint | Cidr | IpAddress ? string
  : T extends object ? { readonly [Key in keyof T]: Plain<T[Key]> }
  : T;

/** A socket that the worker is to use. */
export type WorkerSocket = Pick<GsoSenderParts, "fd" | "family" | "hasGso">;

/** What the first worker shares with others. */
export interface SharedWithFirst {
  /** Sessions, and who uses them. */
  readonly memory: SharedArrayBuffer;
  /** Of each other worker, in their order: what that hands over. */
  readonly handovers: readonly SharedArrayBuffer[];
  /** The same of what is received. */
  readonly receiving: {
    readonly memory: SharedArrayBuffer;
    readonly handovers: readonly SharedArrayBuffer[];
  };
}

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
  /** A 64-bit float for each of `COUNTED_DROPS`. */
  readonly drops: SharedArrayBuffer;
  /** How many packets for channels are under way. */
  readonly channelRoom: SharedArrayBuffer;
  /** What is shared with other workers, where there are some. */
  readonly sealing: SharedWithFirst | undefined;
}

/** What the control thread asks for; the slot says where a peer's statistics go. */
export type Command =
  | { readonly kind: "update-peer"; readonly slot: number; readonly update: Plain<WireGuardPeerUpdate> }
  | { readonly kind: "remove-peer"; readonly publicKey: string }
  | { readonly kind: "set-endpoint"; readonly publicKey: string; readonly endpoint: string }
  | { readonly kind: "set-path"; readonly publicKey: string; readonly endpoint: string | undefined }
  | { readonly kind: "set-path-mtu"; readonly publicKey: string; readonly mtuBytes: number | undefined }
  | { readonly kind: "send-probe"; readonly datagram: string; readonly endpoint: string }
  | { readonly kind: "change-probe-ids"; readonly change: ProbeIdChange }
  | { readonly kind: "initiate"; readonly publicKey: string }
  | { readonly kind: "set-private-key"; readonly privateKey: string | undefined }
  | { readonly kind: "set-mtu"; readonly mtuBytes: number }
  /** Ends every session; nothing is sent until `use-socket`. */
  | { readonly kind: "suspend" }
  | { readonly kind: "use-socket"; readonly socket: WorkerSocket }
  | { readonly kind: "change-proxy"; readonly change: Plain<ProxyChange> }
  | { readonly kind: "answer-proxy"; readonly id: number; readonly answer: ProxyAnswer }
  | { readonly kind: "frames"; readonly command: FrameCommand }
  | { readonly kind: "policy"; readonly command: PolicyCommand }
  | { readonly kind: "stop" };

/** What the worker tells unasked, in the order in which it happens. */
export type WorkerReport =
  /** `nativeProblem` says why machine code does not seal, where it was to. */
  | { readonly kind: "ready"; readonly cipher: string; readonly nativeProblem?: string | undefined }
  | { readonly kind: "event"; readonly event: Plain<DeviceEvent> }
  | { readonly kind: "proxy"; readonly question: ProxyQuestion }
  /** The socket is not used any more and can be closed. */
  | { readonly kind: "socket-released"; readonly fd: number }
  /** A path has refused GSO batches, or a new socket may send them again. */
  | { readonly kind: "gso"; readonly isUsed: boolean }
  /** Packets need nothing but a session, so that other workers may seal them, or no longer. */
  | { readonly kind: "plain"; readonly isPlain: boolean }
  /** At a port of an overlay network. */
  | { readonly kind: "port"; readonly event: PortEvent }
  /** All that overlay networks have carried, by the numbers of networks and ports. */
  | {
    readonly kind: "frame-counts";
    readonly networks: ReadonlyMap<number, FrameCounts>;
    readonly ports: ReadonlyMap<number, FrameCounts>;
  }
  /** Something of the path protocol came. */
  | { readonly kind: "probe"; readonly datagram: Uint8Array; readonly source: string }
  /** What policies have decided. */
  | { readonly kind: "policy"; readonly report: PolicyReport }
  | { readonly kind: "ended"; readonly end: "stopped" | "interface-gone" };

/** What is counted, in the order of the shared memory: the protocol's reasons, then the engine's own. */
export const COUNTED_DROPS: readonly string[] = [
  ...DROP_REASONS,
  ...PROXY_DROPS,
  ...PROBE_DROPS,
  "no-route",
  "too-large",
  "socket-full",
  "send-failed",
  "interface-full",
  "handover-full",
  "policy-denied",
  ...DECODE_FAILURES.map((failure) => `frames-${failure}`),
  "frames-unknown-network",
];

/** @returns the event as plain data */
export function plainEvent(event: DeviceEvent): Plain<DeviceEvent> {
  const peer = event.peer.toString();
  if (event.kind !== "endpoint-changed") return { ...event, peer };
  return { ...event, peer, endpoint: event.endpoint.toString() };
}

/** @returns the event, or undefined when it is none */
export function parseEvent(plain: Plain<DeviceEvent>): DeviceEvent | undefined {
  const peer = PublicKey.parse(plain.peer);
  if (peer === undefined) return undefined;
  if (plain.kind !== "endpoint-changed") return { ...plain, peer };
  const endpoint = Endpoint.parseZoned(plain.endpoint);
  return endpoint && { ...plain, peer, endpoint };
}

/** So many prefixes, or ids, go into one command; more go into several. */
const PREFIXES_PER_COMMAND = 4096;

/** @returns the commands that make the change, to be sent in this order */
export function updatePeerCommands(slot: number, update: WireGuardPeerUpdate): Command[] {
  const { presharedKey, endpoint, addAllowedIps = [], removeAllowedIps = [], ...others } = update;
  const publicKey = update.publicKey.toString();
  const add = addAllowedIps.map(String);
  const remove = removeAllowedIps.map(String);
  const first = {
    ...others,
    ...presharedKey && { presharedKey: presharedKey.exposeBytes().toBase64() },
    ...endpoint && { endpoint: endpoint.toString() },
  };
  const commands: Command[] = [];
  do {
    const part: Plain<WireGuardPeerUpdate> = {
      ...commands.length === 0 ? first : {},
      publicKey,
      addAllowedIps: add.splice(0, PREFIXES_PER_COMMAND),
      // Those that are taken away come after all that are given.
      removeAllowedIps: add.length === 0 ? remove.splice(0, PREFIXES_PER_COMMAND) : [],
    };
    commands.push({ kind: "update-peer", slot, update: part });
  } while (add.length + remove.length > 0);
  return commands;
}

/** @returns the change that a command asks for, or undefined when it is malformed */
export function parsePeerUpdate(plain: Plain<WireGuardPeerUpdate>): WireGuardPeerUpdate | undefined {
  const { presharedKey: secret = "", endpoint: way = "", addAllowedIps, removeAllowedIps, ...others } = plain;
  const publicKey = PublicKey.parse(plain.publicKey);
  const presharedKey = PresharedKey.parse(secret);
  const endpoint = Endpoint.parseZoned(way);
  return publicKey && {
    ...others,
    publicKey,
    ...presharedKey && { presharedKey },
    ...endpoint && { endpoint },
    addAllowedIps: parseCidrs(addAllowedIps),
    removeAllowedIps: parseCidrs(removeAllowedIps),
  };
}

/** @returns the commands that make the change, to be sent in this order */
export function changeProxyCommands({ listeners, add = [], remove = [] }: ProxyChange): Command[] {
  const commands: Command[] = [];
  const added = add.map(String);
  const removed = remove.map(String);
  do {
    const part = {
      add: added.splice(0, PREFIXES_PER_COMMAND),
      remove: removed.splice(0, PREFIXES_PER_COMMAND),
    };
    const first = commands.length === 0 && listeners !== undefined && { listeners: listeners.map(String) };
    commands.push({ kind: "change-proxy", change: { ...first, ...part } });
  } while (added.length + removed.length > 0);
  return commands;
}

/** @returns the commands that make the change, to be sent in this order */
export function changeProbeIdsCommands({ add = [], remove = [] }: ProbeIdChange): Command[] {
  const commands: Command[] = [];
  for (let i = 0; i < Math.max(add.length, remove.length); i += PREFIXES_PER_COMMAND) {
    const end = i + PREFIXES_PER_COMMAND;
    commands.push({
      kind: "change-probe-ids",
      change: { add: add.slice(i, end), remove: remove.slice(i, end) },
    });
  }
  return commands;
}

/** @returns the change that a command asks for */
export function parseProxyChange({ listeners, add = [], remove = [] }: Plain<ProxyChange>): ProxyChange {
  const addresses = (texts: readonly string[]) =>
    texts.map((text) => IpAddress.parse(text)).filter((address) => address !== undefined);
  return {
    ...listeners && {
      listeners: listeners.map((text) => Endpoint.parse(text)).filter((endpoint) => endpoint !== undefined),
    },
    add: addresses(add),
    remove: addresses(remove),
  };
}

function parseCidrs(texts: readonly string[] = []): Cidr[] {
  return texts.map((text) => Cidr.parse(text)).filter((cidr) => cidr !== undefined);
}
