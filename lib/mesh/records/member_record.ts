/**
 * Who is a member, signed by the network's key.
 * @module
 */

import type { UnixMillis } from "../../base/mod.ts";
import type { PublicKey, SigningKey, VerifyingKey } from "../../crypto/mod.ts";
import { MAX_ALLOWED_IPS, MAX_KEEPALIVE_SECONDS } from "../bounds.ts";
import { Cidr, type Endpoint, type IpAddress } from "../../net/mod.ts";
import { decodeMessage, encodeMessage, MemberRecordSchema, Role as RoleNumber } from "../../proto/mod.ts";
import { type Grants, grantsToWire, NO_GRANTS, readGrants } from "./grants.ts";
import {
  areLabels,
  ID_BYTES,
  idBytes,
  isNodeName,
  isNumberName,
  isReservedName,
  type NetworkId,
  networkIdFromBytes,
  type NodeId,
  nodeIdFromBytes,
  nodeIdOf,
  sortLabels,
} from "../identity/mod.ts";
import { chainToWire, type KeyChain, readChain } from "./key_chain.ts";
import {
  complete,
  isSignedBy,
  MAX_PAYLOAD_BYTES,
  readAddress,
  readEndpoints,
  readList,
  readPositive,
  readPublicKey,
  readTime,
  readVerifyingKey,
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
  /** What a leader or the member's token calls it. */
  readonly labels: Readonly<Record<string, string>>;
  /** Of a record of the former release, in which members chose their labels themselves: those, until a leader confirms them. */
  readonly unconfirmedLabels?: Readonly<Record<string, string>>;
  /** What it may do beside what all may. */
  readonly grants: Grants;
  /** How long it may be away before a leader removes it; absent for ever. */
  readonly ephemeralMs?: number;
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
  /** Of a device without weft: the member that is its only peer; absent when every member is. */
  readonly hub?: NodeId;
  /** Of a revoked record: under which id the same machine goes on, with the same name and addresses. */
  readonly successor?: NodeId;
  /** Of a record under a key that took the place of another one: the keys before it. */
  readonly chain?: KeyChain;
  /** By which token the machine came in, readable for leaders alone: 16 bytes. */
  readonly admittedBy?: Uint8Array;
  /** When a leader last took labels or grants from it: older tokens give it nothing more. */
  readonly withdrawnAt?: UnixMillis;
  /** When the network gave it its name, by which two members of one name are told apart; absent for the former release. */
  readonly namedAt?: UnixMillis;
  /** What it was called before a leader took that name from it, because another member had been given it first. */
  readonly formerName?: string;
}

const ROLE_NUMBERS: Readonly<Record<Role, RoleNumber>> = {
  leader: RoleNumber.LEADER,
  member: RoleNumber.MEMBER,
  wireguard: RoleNumber.WIREGUARD,
};
const ROLES = Object.keys(ROLE_NUMBERS) as Role[];
/** Most members share these. */
const ORDINARY_ROLES: readonly Role[] = ["member"];

/**
 * Signs a record with the network's key.
 * @throws RangeError when the record is one that nobody would accept
 */
export function signRecord(record: MemberRecord, signingKey: SigningKey): Signed {
  const payload = encodeMessage(MemberRecordSchema, {
    networkId: idBytes(record.networkId),
    nodeId: idBytes(record.nodeId),
    name: record.name,
    publicKey: record.publicKey.bytes,
    verifyingKey: record.verifyingKey?.bytes ?? new Uint8Array(0),
    addresses: record.addresses.map((address) => address.bytes),
    allowedIps: record.allowedIps.map(String),
    labels: sortLabels(record.labels),
    unconfirmedLabels: sortLabels(record.unconfirmedLabels ?? {}),
    grants: grantsToWire(record.grants),
    ephemeralMs: BigInt(record.ephemeralMs ?? 0),
    roles: record.roles.map((role) => ROLE_NUMBERS[role]),
    version: BigInt(record.version),
    issuedAt: BigInt(record.issuedAt),
    expiresAt: BigInt(record.expiresAt),
    revoked: record.revoked,
    endpoint: record.endpoint?.toString() ?? "",
    persistentKeepalive: record.persistentKeepaliveSeconds ?? 0,
    ...record.hub && { hub: idBytes(record.hub) },
    successor: record.successor ? idBytes(record.successor) : new Uint8Array(0),
    ...record.chain && { chain: chainToWire(record.chain) },
    ...record.admittedBy && { admittedBy: record.admittedBy },
    withdrawnAt: BigInt(record.withdrawnAt ?? 0),
    namedAt: BigInt(record.namedAt ?? 0),
    formerName: record.formerName ?? "",
  });
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

/**
 * The one order by which all nodes tell who of several members keeps a name: who was given it first, then the lowest id,
 * by which the former release tells it of all.
 * @returns below 0 when `a` keeps it
 */
export function compareNaming(a: MemberRecord, b: MemberRecord): number {
  return (a.namedAt ?? 0) - (b.namedAt ?? 0) || (a.nodeId < b.nodeId ? -1 : 1);
}

/** @returns the record in a payload, its signature not checked, or undefined when it is malformed */
export function decodeRecord(payload: Uint8Array): MemberRecord | undefined {
  const message = decodeMessage(MemberRecordSchema, payload, MAX_PAYLOAD_BYTES);
  if (message === undefined) return undefined;
  const { name, revoked, persistentKeepalive, ephemeralMs, admittedBy, withdrawnAt, namedAt } = message;
  const { formerName } = message;
  const isFormer = message.grants === undefined;
  const labels = isFormer ? {} : { ...message.labels };
  const unconfirmedLabels = isFormer ? { ...message.labels } : { ...message.unconfirmedLabels };
  const verifyingKey = readVerifyingKey(message.verifyingKey);
  const endpoint = readEndpoints([message.endpoint], 1)?.[0];
  const hub = nodeIdFromBytes(message.hub);
  const successor = nodeIdFromBytes(message.successor);
  const chain = message.chain && readChain(message.chain);
  const record = complete<MemberRecord>({
    networkId: networkIdFromBytes(message.networkId),
    nodeId: nodeIdFromBytes(message.nodeId),
    name,
    publicKey: readPublicKey(message.publicKey),
    ...verifyingKey && { verifyingKey },
    addresses: readList(message.addresses, MAX_ADDRESSES, readAddress),
    allowedIps: readList(message.allowedIps, MAX_ALLOWED_IPS, Cidr.parse),
    labels,
    ...Object.keys(unconfirmedLabels).length > 0 && { unconfirmedLabels },
    grants: message.grants === undefined ? NO_GRANTS : readGrants(message.grants),
    ...ephemeralMs > 0n && { ephemeralMs: readPositive(ephemeralMs) },
    roles: readRoles(message.roles),
    version: readPositive(message.version),
    issuedAt: readTime(message.issuedAt),
    expiresAt: readTime(message.expiresAt),
    revoked,
    ...endpoint && { endpoint },
    ...persistentKeepalive > 0 && { persistentKeepaliveSeconds: persistentKeepalive },
    ...hub && { hub },
    ...successor && { successor },
    ...chain && { chain },
    ...admittedBy.length > 0 && { admittedBy: admittedBy.slice() },
    ...withdrawnAt > 0n && { withdrawnAt: readTime(withdrawnAt) },
    ...namedAt > 0n && { namedAt: readTime(namedAt) },
    ...formerName !== "" && { formerName },
  });
  if (
    record === undefined || !isNodeName(name) || (formerName !== "" && !isNodeName(formerName)) ||
    !areLabels(labels) || !areLabels(unconfirmedLabels) ||
    // Records of former releases may have such a name, under which nobody finds them; it goes when they are renewed.
    (isReservedName(name) && !isNumberName(name) && !isFormer && !revoked) ||
    persistentKeepalive > MAX_KEEPALIVE_SECONDS || (successor && !revoked) ||
    // What is there but cannot be read.
    (verifyingKey === undefined && message.verifyingKey.length > 0) ||
    (endpoint === undefined && message.endpoint !== "") ||
    (hub === undefined && message.hub.length > 0) ||
    (successor === undefined && message.successor.length > 0) ||
    (chain === undefined && message.chain !== undefined) ||
    (admittedBy.length > 0 && admittedBy.length !== ID_BYTES) ||
    // Members have peers of their own.
    (hub !== undefined && verifyingKey !== undefined) ||
    // The id must be that of the keys, or one member could act in the name of another.
    nodeIdOf(record.publicKey, verifyingKey) !== record.nodeId ||
    record.roles.includes("wireguard") !== (verifyingKey === undefined)
  ) return undefined;
  return record;
}

function readRoles(numbers: readonly RoleNumber[]): readonly Role[] | undefined {
  const roles = readList(
    numbers,
    ROLES.length,
    (number) => ROLES.find((role) => ROLE_NUMBERS[role] === number),
  );
  if (roles?.length === 1 && roles[0] === "member") return ORDINARY_ROLES;
  return roles && roles.length > 0 && new Set(roles).size === roles.length ? roles : undefined;
}
