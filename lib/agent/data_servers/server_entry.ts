/**
 * How the decision travels which members run servers of collections: the bodies of entries of the network's key.
 *
 *     data-servers/nats       DataServers: the members, and for each of them the secret of the servers, sealed
 *     data-servers/former     DataServers: those that ran them last, and keep something, while nobody runs any
 *
 * @module
 */

import { decodeHex, encodeHex, type UnixMillis, unixMillis } from "../../base/mod.ts";
import { blake2sMac } from "../../crypto/mod.ts";
import {
  MAX_ENTRY_BODY_BYTES,
  type MeshState,
  type NodeId,
  parseNodeId,
  PLAIN_READER,
} from "../../mesh/mod.ts";
import { DataServersSchema, decodeMessage, encodeMessage } from "../../proto/mod.ts";

/** The kind of the entry; only the network's key writes it. */
export const SERVERS_KIND = "data-servers";
/** The key of what is decided. */
export const SERVERS_KEY = "nats";
/** The key of what was decided before the servers were stopped. */
export const FORMER_KEY = "former";
/** The most members that run one. */
export const MAX_HOSTS = 5;
/** The length of the servers' secret in bytes. */
export const SECRET_BYTES = 32;
/** The length of the name of what they keep in bytes. */
export const KEEPS_BYTES = 8;

const MAX_PROGRAM_LENGTH = 512;
const MAX_SEALED_BYTES = 128;
const encoder = new TextEncoder();

/** A member that runs a server. */
export interface ServerHost {
  /** As it was when that was decided; who has changed its keys since is its successor. */
  readonly nodeId: NodeId;
  /** The secret, for this member alone. */
  readonly sealed: Uint8Array;
  /** Whether it was given `data/>` to offer for this. */
  readonly isGranted: boolean;
}

/** What the network's key says of servers. */
export interface ServersDecision {
  readonly hosts: readonly ServerHost[];
  /** An absolute path; undefined for what each member finds on its `PATH`. */
  readonly program?: string;
  readonly decidedBy: NodeId;
  readonly decidedAt: UnixMillis;
  /** Names what they keep, in hexadecimal: who has what is called otherwise begins with nothing. Undefined for whatever is there. */
  readonly keeps?: string;
}

/** @returns the body of the entry */
export function encodeServers(
  { hosts, program = "", decidedBy, decidedAt, keeps = "" }: ServersDecision,
): Uint8Array {
  return encodeMessage(DataServersSchema, {
    hosts: hosts.map(({ nodeId, sealed, isGranted }) => ({
      node: decodeHex(nodeId) ?? new Uint8Array(0),
      sealed,
      granted: isGranted,
    })),
    program,
    decidedBy: decodeHex(decidedBy) ?? new Uint8Array(0),
    decidedAt: BigInt(decidedAt),
    keeps: decodeHex(keeps) ?? new Uint8Array(0),
  });
}

/** Never throws. @returns what was decided; undefined when the body is malformed */
export function decodeServers(body: Uint8Array): ServersDecision | undefined {
  const wire = decodeMessage(DataServersSchema, body, MAX_ENTRY_BODY_BYTES);
  const decidedBy = wire && parseNodeId(encodeHex(wire.decidedBy));
  if (wire === undefined || decidedBy === undefined || wire.decidedAt > BigInt(Number.MAX_SAFE_INTEGER)) {
    return undefined;
  }
  const hosts: ServerHost[] = [];
  for (const { node, sealed, granted } of wire.hosts) {
    const nodeId = parseNodeId(encodeHex(node));
    if (nodeId === undefined || sealed.length > MAX_SEALED_BYTES) return undefined;
    hosts.push({ nodeId, sealed, isGranted: granted });
  }
  const isOne = hosts.length > 0 && hosts.length <= MAX_HOSTS &&
    new Set(hosts.map(({ nodeId }) => nodeId)).size === hosts.length;
  if (!isOne || (wire.program !== "" && !isProgramPath(wire.program))) return undefined;
  const { keeps } = wire;
  if (keeps.length !== 0 && keeps.length !== KEEPS_BYTES) return undefined;
  return {
    hosts,
    ...wire.program !== "" && { program: wire.program },
    decidedBy,
    decidedAt: unixMillis(Number(wire.decidedAt)),
    ...keeps.length > 0 && { keeps: encodeHex(keeps) },
  };
}

/** @returns what an entry of the network says; "none" when it was taken back, undefined when there is none or it is malformed */
export function readServers(
  entries: MeshState["replica"]["entries"],
  key: string,
): ServersDecision | "none" | undefined {
  const signed = entries.signedEntry(entries.networkOrigin(SERVERS_KIND, key), SERVERS_KIND, key);
  const entry = signed && PLAIN_READER.entry(signed.payload);
  return entry?.isDeleted === true ? "none" : entry && decodeServers(entry.body);
}

/** Whether that may be the path of a server's program: what is run there may be nothing else. */
export function isProgramPath(text: string): boolean {
  return text.length <= MAX_PROGRAM_LENGTH && /^\/(?:[^/\0\n]+\/)*nats-server[A-Za-z0-9._-]*$/.test(text) &&
    !text.split("/").includes("..");
}

/** What follows from the secret: what lets programs in, servers to each other, and hosts to say who belongs to the cluster. */
export interface ServerPasswords {
  readonly client: string;
  readonly cluster: string;
  readonly system: string;
}

/** @returns the passwords, in hexadecimal @param secret of `SECRET_BYTES` */
export function passwordsOf(secret: Uint8Array): ServerPasswords {
  const password = (of: string) => encodeHex(blake2sMac(secret, 32, encoder.encode(`weft data ${of}`)));
  return { client: password("client"), cluster: password("cluster"), system: password("system") };
}
