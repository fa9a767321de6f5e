/**
 * The messages of the Mainline DHT (BEP 5 "KRPC") that a node needs which only asks: `get_peers` and `announce_peer`,
 * and what is answered. Every query says that it comes from a node that answers none (BEP 43 "ro"), so that others keep
 * no record of it and send it nothing.
 *
 * ```
 *   get_peers      { t, y: "q", q, ro: 1, a: { id, info_hash } }
 *   announce_peer  { t, y: "q", q, ro: 1, a: { id, info_hash, port, implied_port: 0, token } }
 *   response       { t, y: "r", r: { id, nodes?, values?, token? } }
 *   error          { t, y: "e", e: [code, text] }
 *
 *   nodes    26 bytes each: node id (20), IPv4 address (4), port (2)
 *   values   a list of strings of 6 bytes: IPv4 address (4), port (2)
 * ```
 *
 * @module
 */

import { encodeHex, equalBytes, utf8Bytes } from "../base/mod.ts";
import { Endpoint, IpAddress } from "../net/mod.ts";
import { type BencodeValue, decodeBencode, encodeBencode } from "./bencode.ts";

/** Length of a DHT node's id and of what is looked for, in bytes. */
export const DHT_ID_BYTES = 20;
/** Length of a transaction id in bytes, so that who does not see a query can't guess it. */
export const TRANSACTION_BYTES = 4;

const CONTACT_BYTES = DHT_ID_BYTES + 6;
const PEER_BYTES = 6;
/** Of one answer; nodes give 8. */
const MAX_CONTACTS = 16;
/** A datagram has room for fewer than 200. */
const MAX_PEERS = 256;
/** Usual are 4 to 20 bytes; longer ones would make our query longer than the answer that it came with. */
const MAX_TOKEN_BYTES = 64;

/** A node of the DHT, as another one names it. */
export interface DhtContact {
  /** 20 bytes. */
  readonly id: Uint8Array;
  readonly endpoint: Endpoint;
}

/** What every query has. */
export interface DhtQuery {
  /** 4 bytes that come back with the answer. */
  readonly transaction: Uint8Array;
  /** The asking node's own id, 20 bytes. */
  readonly nodeId: Uint8Array;
  /** What it is about, 20 bytes. */
  readonly infoHash: Uint8Array;
}

/** A message from a node of the DHT. */
export type KrpcMessage =
  | {
    readonly kind: "response";
    /** As it was asked with, in hexadecimal digits. */
    readonly transaction: string;
    readonly nodeId: Uint8Array;
    /** Nodes that are nearer, at most 16. */
    readonly contacts: readonly DhtContact[];
    /** Who was announced. */
    readonly peers: readonly Endpoint[];
    /** What an announcement to this node has to carry, at most 64 bytes. */
    readonly token?: Uint8Array;
  }
  | { readonly kind: "error"; readonly transaction: string }
  | { readonly kind: "query" };

/** @returns the question who was announced for an info hash */
export function encodeGetPeers(query: DhtQuery): Uint8Array {
  return encodeQuery("get_peers", query, []);
}

/**
 * @param port where this node's peers are to dial, 1 to 65535
 * @param token what the asked node has answered to `get_peers`
 * @returns the announcement that this host listens there
 */
export function encodeAnnouncePeer(query: DhtQuery, port: number, token: Uint8Array): Uint8Array {
  return encodeQuery("announce_peer", query, [["implied_port", 0], ["port", port], ["token", token]]);
}

/** @returns the message, or undefined when it is no message of the DHT, or a response without what each must have */
export function decodeKrpc(datagram: Uint8Array): KrpcMessage | undefined {
  const message = decodeBencode(datagram);
  if (!(message instanceof Map)) return undefined;
  const kind = message.get("y");
  const transaction = message.get("t");
  if (!(transaction instanceof Uint8Array) || !(kind instanceof Uint8Array)) return undefined;
  if (isText(kind, "q")) return { kind: "query" };
  if (transaction.length !== TRANSACTION_BYTES) return undefined;
  if (isText(kind, "e")) return { kind: "error", transaction: encodeHex(transaction) };
  const body = message.get("r");
  if (!isText(kind, "r") || !(body instanceof Map)) return undefined;
  return decodeResponse(encodeHex(transaction), body);
}

function decodeResponse(
  transaction: string,
  body: ReadonlyMap<string, BencodeValue>,
): KrpcMessage | undefined {
  const nodeId = body.get("id");
  const nodes = body.get("nodes") ?? new Uint8Array(0);
  const values = body.get("values") ?? [];
  const token = body.get("token");
  if (!(nodeId instanceof Uint8Array) || nodeId.length !== DHT_ID_BYTES) return undefined;
  if (!(nodes instanceof Uint8Array) || nodes.length % CONTACT_BYTES !== 0) return undefined;
  if (!Array.isArray(values)) return undefined;
  const hasToken = token instanceof Uint8Array && token.length <= MAX_TOKEN_BYTES;
  return {
    kind: "response",
    transaction,
    nodeId,
    contacts: decodeContacts(nodes),
    peers: values.slice(0, MAX_PEERS).map(decodePeer).filter((peer) => peer !== undefined),
    ...hasToken ? { token } : {},
  };
}

function decodeContacts(nodes: Uint8Array): DhtContact[] {
  const contacts: DhtContact[] = [];
  for (let at = 0; at < nodes.length && contacts.length < MAX_CONTACTS; at += CONTACT_BYTES) {
    const endpoint = decodePeer(nodes.subarray(at + DHT_ID_BYTES, at + CONTACT_BYTES));
    if (endpoint !== undefined) contacts.push({ id: nodes.slice(at, at + DHT_ID_BYTES), endpoint });
  }
  return contacts;
}

/** Nobody is at a group, at nowhere, or at port 0; whoever is at an IPv6 address (18 bytes, BEP 32) is not asked. */
function decodePeer(value: BencodeValue): Endpoint | undefined {
  if (!(value instanceof Uint8Array) || value.length !== PEER_BYTES) return undefined;
  const address = IpAddress.fromBytes(value.slice(0, 4));
  const port = (value[4] ?? 0) << 8 | (value[5] ?? 0);
  const isReserved = (value[0] ?? 0) === 0 || (value[0] ?? 0) >= 240;
  return port === 0 || address.isMulticast || isReserved ? undefined : new Endpoint(address, port);
}

function encodeQuery(
  name: "get_peers" | "announce_peer",
  { transaction, nodeId, infoHash }: DhtQuery,
  more: readonly (readonly [string, BencodeValue])[],
): Uint8Array {
  return encodeBencode(
    new Map<string, BencodeValue>([
      ["t", transaction],
      ["y", utf8Bytes("q")],
      ["q", utf8Bytes(name)],
      ["ro", 1],
      ["a", new Map<string, BencodeValue>([["id", nodeId], ["info_hash", infoHash], ...more])],
    ]),
  );
}

function isText(bytes: Uint8Array, expected: string): boolean {
  return equalBytes(bytes, utf8Bytes(expected));
}
