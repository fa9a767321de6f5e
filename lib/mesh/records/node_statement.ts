/**
 * Where a node is to be found, as it says itself and signs.
 * @module
 */

import { type Clock, decodeHex, encodeHex, isPrintable, type UnixMillis } from "../../base/mod.ts";
import type { SigningKey, VerifyingKey } from "../../crypto/mod.ts";
import type { Endpoint, WebAddress } from "../../net/mod.ts";
import { decodeMessage, encodeMessage, NodeStatementSchema } from "../../proto/mod.ts";
import {
  areLabels,
  idBytes,
  type NodeId,
  type NodeIdentity,
  nodeIdFromBytes,
  sortLabels,
} from "../identity/mod.ts";
import {
  complete,
  isReachable,
  isSignedBy,
  MAX_PAYLOAD_BYTES,
  readEndpoints,
  readPositive,
  readTime,
  readUrls,
  type Signed,
  signPayload,
} from "./signed.ts";

/** How many endpoints of each plane a node may state. */
export const MAX_STATED_ENDPOINTS = 8;

/** How many URLs a node may state. */
export const MAX_STATED_URLS = 4;

/** How long what a process draws at its start is, in bytes. */
export const INSTANCE_BYTES = 8;

/** The longest name of a release or a system, in characters. */
const MAX_SOFTWARE_LENGTH = 32;

/** What statement signatures are made under. */
export const STATEMENT_LABEL = "weft node statement v1";

/** How often a node says the same again, so that everybody knows whose last word is older: a day. */
export const RESTATE_MS = 86_400_000;

/** What a node says of itself. */
export interface OwnStatement {
  /** Of the packet plane (UDP), the best first. */
  readonly endpoints: readonly Endpoint[];
  /** Of the message plane (TCP), the best first. */
  readonly channelEndpoints: readonly Endpoint[];
  /** Of the message plane by WebSocket, the best first; absent for none. */
  readonly urls?: readonly WebAddress[];
  /** What it calls itself. They help to choose; nobody is let do anything for them. */
  readonly labels: Readonly<Record<string, string>>;
  /** Whether it has no packet plane: it is reached over the message plane alone. */
  readonly isRootless?: boolean;
  /** Whether it carries sealed packets between other members, when one of them asks. */
  readonly relays?: boolean;
  /** The release of weft that it runs, and on which system; absent when a former release has stated it. */
  readonly release?: string;
  readonly system?: string;
  /** 16 hexadecimal digits that its process has drawn when it started; absent when a former release has stated it. */
  readonly instance?: string;
}

/** Where a node is, as it says itself. */
export interface NodeStatement extends OwnStatement {
  readonly nodeId: NodeId;
  /** Grows with every statement of this node; at least 1. */
  readonly version: number;
  readonly issuedAt: UnixMillis;
}

/**
 * Signs a statement with the node's own key.
 * @throws RangeError when the statement is one that nobody would accept
 */
export function signStatement(statement: NodeStatement, signingKey: SigningKey): Signed {
  const payload = encodeMessage(NodeStatementSchema, {
    nodeId: idBytes(statement.nodeId),
    endpoints: statement.endpoints.map(String),
    channelEndpoints: statement.channelEndpoints.map(String),
    version: BigInt(statement.version),
    issuedAt: BigInt(statement.issuedAt),
    labels: sortLabels(statement.labels),
    rootless: statement.isRootless ?? false,
    relays: statement.relays ?? false,
    release: statement.release ?? "",
    system: statement.system ?? "",
    urls: statement.urls?.map(String) ?? [],
    instance: decodeHex(statement.instance ?? "") ?? new Uint8Array(0),
  });
  if (decodeStatement(payload) === undefined) {
    throw new RangeError(`Cannot sign a statement of ${statement.nodeId}: a field is out of bounds`);
  }
  return signPayload(STATEMENT_LABEL, payload, signingKey);
}

/** @returns the statement, or undefined when it is malformed or not signed by `nodeKey` */
export function verifyStatement(signed: Signed, nodeKey: VerifyingKey): NodeStatement | undefined {
  const statement = decodeStatement(signed.payload);
  return statement && isSignedBy(STATEMENT_LABEL, signed, nodeKey) ? statement : undefined;
}

/** @returns the statement in a payload, its signature not checked, or undefined when it is malformed */
export function decodeStatement(payload: Uint8Array): NodeStatement | undefined {
  const message = decodeMessage(NodeStatementSchema, payload, MAX_PAYLOAD_BYTES);
  if (message === undefined || !areLabels(message.labels)) return undefined;
  const endpoints = readEndpoints(message.endpoints, MAX_STATED_ENDPOINTS);
  // Both planes have ports of the same numbers, so that most nodes state the same twice: a third of what is kept of them.
  const isSame = message.endpoints.length === message.channelEndpoints.length &&
    message.endpoints.every((text, i) => text === message.channelEndpoints[i]);
  const statement = complete<NodeStatement>({
    nodeId: nodeIdFromBytes(message.nodeId),
    endpoints,
    channelEndpoints: isSame ? endpoints : readEndpoints(message.channelEndpoints, MAX_STATED_ENDPOINTS),
    labels: { ...message.labels },
    ...message.rootless && { isRootless: true },
    ...message.relays && { relays: true },
    version: readPositive(message.version),
    issuedAt: readTime(message.issuedAt),
    ...message.urls.length > 0 && { urls: readUrls(message.urls, MAX_STATED_URLS) },
  });
  const { release, system, instance } = message;
  return statement && {
    ...statement,
    ...isShort(release) && { release },
    ...isShort(system) && { system },
    ...instance.length === INSTANCE_BYTES && { instance: encodeHex(instance) },
  };
}

/** What is none says nothing, and makes the rest no worse. */
function isShort(text: string): boolean {
  return text !== "" && text.length <= MAX_SOFTWARE_LENGTH && isPrintable(text);
}

/**
 * Signs the first eight endpoints of each plane that can be reached at all.
 *
 * @param previous the node's last statement, as far as it remembers
 * @returns undefined when `previous` says the same, and not from the future
 */
export function signOwnStatement(
  identity: NodeIdentity,
  own: OwnStatement,
  options: {
    readonly clock: Clock;
    readonly previous: NodeStatement | undefined;
    /** Whether it says the same again. */
    readonly isAnew?: boolean;
  },
): Signed | undefined {
  const { clock, previous, isAnew = false } = options;
  const endpoints = presentable(own.endpoints);
  const channelEndpoints = presentable(own.channelEndpoints);
  const labels = sortLabels(own.labels);
  const isRootless = own.isRootless ?? false;
  if (
    // What was stated by a clock that was ahead is not believed by others until it is stated anew.
    !isAnew && previous !== undefined && previous.issuedAt <= clock.wall() &&
    clock.wall() - previous.issuedAt < RESTATE_MS &&
    endpoints.join() === previous.endpoints.join() &&
    channelEndpoints.join() === previous.channelEndpoints.join() &&
    isRootless === (previous.isRootless ?? false) &&
    (own.relays ?? false) === (previous.relays ?? false) &&
    (own.urls ?? []).join() === (previous.urls ?? []).join() &&
    own.release === previous.release && own.system === previous.system &&
    (own.instance === undefined || own.instance === previous.instance) &&
    JSON.stringify(labels) === JSON.stringify(sortLabels(previous.labels))
  ) return undefined;
  const issuedAt = clock.wall();
  // The wall clock, so that a node whose state was restored from a copy is not behind itself.
  const version = Math.max((previous?.version ?? 0) + 1, issuedAt);
  return signStatement(
    { ...own, nodeId: identity.id, endpoints, channelEndpoints, labels, version, issuedAt },
    identity.signingKey,
  );
}

function presentable(endpoints: readonly Endpoint[]): Endpoint[] {
  const byText = new Map(endpoints.filter(isReachable).map((endpoint) => [endpoint.toString(), endpoint]));
  return [...byText.values()].slice(0, MAX_STATED_ENDPOINTS);
}

/** Whether two statements of a node say that it is in the same places, and is reached in the same ways. */
export function areSameEndpoints(a: NodeStatement, b: NodeStatement): boolean {
  return (a.isRootless ?? false) === (b.isRootless ?? false) &&
    (a.urls ?? []).join() === (b.urls ?? []).join() &&
    a.endpoints.join() === b.endpoints.join() && a.channelEndpoints.join() === b.channelEndpoints.join();
}
