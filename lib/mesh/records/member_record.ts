/**
 * Who is a member, signed by the network's key.
 * @module
 */

import type { UnixMillis } from "../../base/mod.ts";
import { KEY_BYTES, PublicKey, type SigningKey, VerifyingKey } from "../../crypto/mod.ts";
import { MAX_ALLOWED_IPS, MAX_KEEPALIVE_SECONDS } from "../bounds.ts";
import { Cidr, type Endpoint, IpAddress } from "../../net/mod.ts";
import {
  decodeMessage,
  encodeMessage,
  type MemberRecord as MemberRecordMessage,
  MemberRecordSchema,
  Role as RoleNumber,
} from "../../proto/mod.ts";
import {
  areLabels,
  idBytes,
  isNodeName,
  type NetworkId,
  networkIdFromBytes,
  type NodeId,
  nodeIdFromBytes,
  nodeIdOf,
  sortLabels,
} from "../identity/mod.ts";
import {
  isSignedBy,
  MAX_PAYLOAD_BYTES,
  readEndpoints,
  readPositive,
  readTime,
  type Signed,
  signPayload,
} from "./signed.ts";

/** How many overlay addresses one member may have. */
export const MAX_ADDRESSES = 16;

/** What record signatures are made under. */
export const RECORD_LABEL = "weft member record v1";

/** What a member does: `wireguard` is a device that does not run weft. */
export type Role = "leader" | "member" | "wireguard";

/** One member as the network's key has signed it. */
export interface MemberRecord {
  readonly networkId: NetworkId;
  readonly nodeId: NodeId;
  /** A DNS label. */
  readonly name: string;
  readonly publicKey: PublicKey;
  /** What verifies the member's own statements; absent for devices without weft. */
  readonly verifyingKey?: VerifyingKey;
  /** Overlay addresses. */
  readonly addresses: readonly IpAddress[];
  /** Prefixes behind this member, beside its own addresses. */
  readonly allowedIps: readonly Cidr[];
  readonly labels: Readonly<Record<string, string>>;
  readonly roles: readonly Role[];
  /** Grows with every change of this record; at least 1. */
  readonly version: number;
  readonly issuedAt: UnixMillis;
  readonly expiresAt: UnixMillis;
  /** A revoked key is never let in again. */
  readonly revoked: boolean;
  /** Where a device without weft is to be found; members state it themselves. */
  readonly endpoint?: Endpoint;
  readonly persistentKeepaliveSeconds?: number;
  /** Of a revoked record: under which id the same machine goes on, with the same name and addresses. */
  readonly successor?: NodeId;
}

const ROLE_NUMBERS: Readonly<Record<Role, RoleNumber>> = {
  leader: RoleNumber.LEADER,
  member: RoleNumber.MEMBER,
  wireguard: RoleNumber.WIREGUARD,
};
const ROLES: ReadonlyMap<RoleNumber, Role> = new Map([
  [RoleNumber.LEADER, "leader"],
  [RoleNumber.MEMBER, "member"],
  [RoleNumber.WIREGUARD, "wireguard"],
]);

/**
 * Signs a record with the network's key.
 * @throws RangeError when the record is one that nobody would accept
 */
export function signRecord(record: MemberRecord, signingKey: SigningKey): Signed {
  const payload = encodeRecord(record);
  if (decodeRecord(payload) === undefined) {
    throw new RangeError(`Cannot sign the record of ${record.name}: a field is out of bounds`);
  }
  return signPayload(RECORD_LABEL, payload, signingKey);
}

/** @returns the record, or undefined when it is malformed or not signed by the network's key */
export function verifyRecord(signed: Signed, networkKey: VerifyingKey): MemberRecord | undefined {
  // Reading costs far less than the signature, so it comes first.
  const record = decodeRecord(signed.payload);
  return record && isSignedBy(RECORD_LABEL, signed, networkKey) ? record : undefined;
}

/** @returns the record in a payload, its signature not checked, or undefined when it is malformed */
export function decodeRecord(payload: Uint8Array): MemberRecord | undefined {
  const message = decodeMessage(MemberRecordSchema, payload, MAX_PAYLOAD_BYTES);
  if (message === undefined) return undefined;
  const networkId = networkIdFromBytes(message.networkId);
  const nodeId = nodeIdFromBytes(message.nodeId);
  const keys = readKeys(message);
  const addresses = readAddresses(message.addresses);
  const allowedIps = readCidrs(message.allowedIps);
  const roles = readRoles(message.roles);
  const version = readPositive(message.version);
  const issuedAt = readTime(message.issuedAt);
  const expiresAt = readTime(message.expiresAt);
  const successor = message.successor.length === 0 ? undefined : nodeIdFromBytes(message.successor);
  const endpoints = readEndpoints(message.endpoint === "" ? [] : [message.endpoint], 1);
  if (
    networkId === undefined || nodeId === undefined || keys === undefined || addresses === undefined ||
    allowedIps === undefined || roles === undefined || version === undefined || issuedAt === undefined ||
    expiresAt === undefined || endpoints === undefined || !isNodeName(message.name) ||
    !areLabels(message.labels) || message.persistentKeepalive > MAX_KEEPALIVE_SECONDS ||
    (successor === undefined) !== (message.successor.length === 0) || (successor && !message.revoked) ||
    // The id must be that of the keys, or one member could act in the name of another.
    nodeIdOf(keys.publicKey, keys.verifyingKey) !== nodeId ||
    roles.includes("wireguard") !== (keys.verifyingKey === undefined)
  ) return undefined;
  return {
    networkId,
    nodeId,
    name: message.name,
    ...keys,
    addresses,
    allowedIps,
    labels: { ...message.labels },
    roles,
    version,
    issuedAt,
    expiresAt,
    revoked: message.revoked,
    ...endpoints[0] && { endpoint: endpoints[0] },
    ...message.persistentKeepalive > 0 && { persistentKeepaliveSeconds: message.persistentKeepalive },
    ...successor && { successor },
  };
}

function encodeRecord(record: MemberRecord): Uint8Array {
  return encodeMessage(MemberRecordSchema, {
    networkId: idBytes(record.networkId),
    nodeId: idBytes(record.nodeId),
    name: record.name,
    publicKey: record.publicKey.bytes,
    verifyingKey: record.verifyingKey?.bytes ?? new Uint8Array(0),
    addresses: record.addresses.map((address) => address.bytes),
    allowedIps: record.allowedIps.map(String),
    labels: sortLabels(record.labels),
    roles: record.roles.map((role) => ROLE_NUMBERS[role]),
    version: BigInt(record.version),
    issuedAt: BigInt(record.issuedAt),
    expiresAt: BigInt(record.expiresAt),
    revoked: record.revoked,
    endpoint: record.endpoint?.toString() ?? "",
    persistentKeepalive: record.persistentKeepaliveSeconds ?? 0,
    successor: record.successor ? idBytes(record.successor) : new Uint8Array(0),
  });
}

function readKeys(
  message: MemberRecordMessage,
): Pick<MemberRecord, "publicKey" | "verifyingKey"> | undefined {
  if (message.publicKey.length !== KEY_BYTES) return undefined;
  const publicKey = PublicKey.fromBytes(message.publicKey);
  if (message.verifyingKey.length === 0) return { publicKey };
  if (message.verifyingKey.length !== KEY_BYTES) return undefined;
  return { publicKey, verifyingKey: VerifyingKey.fromBytes(message.verifyingKey) };
}

function readAddresses(all: readonly Uint8Array[]): IpAddress[] | undefined {
  if (all.length > MAX_ADDRESSES || all.some(({ length }) => length !== 4 && length !== 16)) return undefined;
  return all.map((bytes) => IpAddress.fromBytes(bytes));
}

function readCidrs(texts: readonly string[]): Cidr[] | undefined {
  if (texts.length > MAX_ALLOWED_IPS) return undefined;
  const cidrs = texts.map(Cidr.parse).filter((cidr) => cidr !== undefined);
  return cidrs.length === texts.length ? cidrs : undefined;
}

function readRoles(numbers: readonly RoleNumber[]): Role[] | undefined {
  if (numbers.length === 0 || numbers.length > ROLES.size) return undefined;
  const roles: Role[] = [];
  for (const number of numbers) {
    const role = ROLES.get(number);
    if (role === undefined || roles.includes(role)) return undefined;
    roles.push(role);
  }
  return roles;
}
