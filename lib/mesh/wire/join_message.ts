/**
 * How a caller introduces itself in a channel's handshake, and what a joiner and a leader then send each other.
 * @module
 */

import { decodeHex, encodeHex } from "../../base/mod.ts";
import { type PublicKey, SIGNATURE_BYTES, type VerifyingKey } from "../../crypto/mod.ts";
import { MAX_EPHEMERAL_MS, MAX_NAME_LENGTH, MIN_EPHEMERAL_MS } from "../bounds.ts";
import { Cidr, type IpAddress } from "../../net/mod.ts";
import {
  type Admitted as WireAdmitted,
  type AdmittedSchema,
  decodeMessage,
  encodeMessage,
  HelloSchema,
  type JoinRequest as WireJoinRequest,
  type JoinRequestSchema,
  type MessageFields,
  type NetworkSettingsSchema,
  type Succession as WireSuccession,
} from "../../proto/mod.ts";
import {
  ID_BYTES,
  idBytes,
  type NetworkId,
  networkIdFromBytes,
  type NodeId,
  nodeIdFromBytes,
} from "../identity/mod.ts";
import {
  complete,
  MAX_PAYLOAD_BYTES,
  NO_UPDATE,
  readAddress,
  readList,
  readPublicKey,
  readSigned,
  readUpdate,
  readVerifyingKey,
  type ReplicaUpdate,
  type Signed,
  TOKEN_SECRET_BYTES,
  TokenSecret,
  updateToWire,
  VERSIONS_PER_GENERATION,
} from "../records/mod.ts";
import { protocolsToWire, type ProtocolVersions, readProtocols } from "./protocols.ts";

/** A longer hello is not looked at, in bytes. */
const MAX_HELLO_BYTES = 1_024 + MAX_PAYLOAD_BYTES;
const MAX_CIDRS = 4;

/** The first payload of a handshake: a machine that holds a token, or a member. */
export type Hello =
  & (
    | { readonly kind: "join"; readonly tokenId: string }
    | {
      readonly kind: "member";
      readonly networkId: NetworkId;
      readonly nodeId: NodeId;
      readonly succession?: Succession;
    }
  )
  & {
    /** What the caller speaks; absent from the former release. */
    readonly protocols?: ProtocolVersions;
  };

/** What a caller shows that goes on as somebody under new keys; nothing of it is checked yet. */
export interface Succession {
  /** By which id it went before. */
  readonly formerId: NodeId;
  /** Its record under the new keys. */
  readonly record: Signed;
  /** By the former signing key: 64 bytes. */
  readonly endorsement: Uint8Array;
}

/** @returns the hello for the handshake's first payload */
export function encodeHello(hello: Hello): Uint8Array {
  const protocols = protocolsToWire(hello.protocols ?? {});
  if (hello.kind === "join") {
    const tokenId = decodeHex(hello.tokenId) ?? new Uint8Array(0);
    return encodeMessage(HelloSchema, { kind: { case: "join", value: { tokenId } }, protocols });
  }
  const { succession } = hello;
  const value = {
    networkId: idBytes(hello.networkId),
    nodeId: idBytes(hello.nodeId),
    ...succession && { succession: { ...succession, formerId: idBytes(succession.formerId) } },
  };
  return encodeMessage(HelloSchema, { kind: { case: "member", value }, protocols });
}

/** Never throws. @returns the hello, or undefined when `bytes` are none */
export function decodeHello(bytes: Uint8Array): Hello | undefined {
  const wire = decodeMessage(HelloSchema, bytes, MAX_HELLO_BYTES);
  const protocols = wire && readProtocols(wire.protocols);
  if (protocols === undefined) return undefined;
  const stated = Object.keys(protocols).length > 0 ? { protocols } : {};
  const kind = wire?.kind;
  if (kind?.case === "join") {
    const { tokenId } = kind.value;
    return tokenId.length === ID_BYTES ? { kind: "join", tokenId: encodeHex(tokenId), ...stated } : undefined;
  }
  if (kind?.case !== "member") return undefined;
  const networkId = networkIdFromBytes(kind.value.networkId);
  const nodeId = nodeIdFromBytes(kind.value.nodeId);
  if (networkId === undefined || nodeId === undefined) return undefined;
  const plain = { kind: "member", networkId, nodeId, ...stated } as const;
  if (kind.value.succession === undefined) return plain;
  const succession = readSuccessionFields(kind.value.succession);
  return succession && { ...plain, succession };
}

function readSuccessionFields(wire: WireSuccession): Succession | undefined {
  return complete<Succession>({
    formerId: nodeIdFromBytes(wire.formerId),
    record: readSigned(wire.record),
    endorsement: wire.endorsement.length === SIGNATURE_BYTES ? wire.endorsement.slice() : undefined,
  });
}

/** What a machine asks for that holds a token. */
export interface JoinRequest {
  readonly secret: TokenSecret;
  /** The name that is asked for; the record has the name that was given. */
  readonly name: string;
  readonly publicKey: PublicKey;
  readonly verifyingKey: VerifyingKey;
  /** Where the machine is and what it calls itself, signed by itself. */
  readonly statement?: Signed;
  /** The overlay address that is asked for, which its token has to allow; absent for any. */
  readonly address?: IpAddress;
  /** For how long it may be away before it is removed, in milliseconds; it counts when the token says no less. */
  readonly ephemeralMs?: number;
  /** Of the record that it has of a leader that others have not heard of: what is signed now comes after it. */
  readonly knownVersion?: number;
}

/** What is the same for all members. */
export interface NetworkSettings {
  /** Verifies every record. */
  readonly verifyingKey: VerifyingKey;
  /** The overlay: the block that addresses are allocated from, then any other. */
  readonly cidrs: readonly Cidr[];
}

/** What a leader answers to a machine that it lets in. */
export interface Admitted {
  readonly record: Signed;
  readonly settings: NetworkSettings;
  readonly roster: ReplicaUpdate;
  /** Where the leader saw the machine. */
  readonly observedAddress?: IpAddress;
}

/** @returns the fields of the message */
export function joinRequestToWire(request: JoinRequest): MessageFields<typeof JoinRequestSchema> {
  const { secret, name, publicKey, verifyingKey, statement, address, ephemeralMs, knownVersion } = request;
  return {
    secret: secret.exposeBytes(),
    name,
    publicKey: publicKey.bytes,
    verifyingKey: verifyingKey.bytes,
    ...statement && { statement },
    ...address && { address: address.bytes },
    ...ephemeralMs !== undefined && { ephemeralMs: BigInt(ephemeralMs) },
    ...knownVersion !== undefined && { knownVersion: BigInt(knownVersion) },
  };
}

/** @returns the request, or undefined when it is malformed */
export function readJoinRequest(wire: WireJoinRequest): JoinRequest | undefined {
  const { secret, name, statement, address, ephemeralMs } = wire;
  if (secret.length !== TOKEN_SECRET_BYTES || name.length > MAX_NAME_LENGTH) return undefined;
  const isTerm = ephemeralMs >= BigInt(MIN_EPHEMERAL_MS) && ephemeralMs <= BigInt(MAX_EPHEMERAL_MS);
  if (ephemeralMs !== 0n && !isTerm) return undefined;
  if (wire.knownVersion >= BigInt(VERSIONS_PER_GENERATION)) return undefined;
  return complete<JoinRequest>({
    secret: TokenSecret.fromBytes(secret),
    name,
    publicKey: readPublicKey(wire.publicKey),
    verifyingKey: readVerifyingKey(wire.verifyingKey),
    ...statement && { statement: readSigned(statement) },
    ...address.length > 0 && { address: readAddress(address) },
    ...isTerm && { ephemeralMs: Number(ephemeralMs) },
    ...wire.knownVersion > 0n && { knownVersion: Number(wire.knownVersion) },
  });
}

/** @returns the fields of the message */
export function admittedToWire(admitted: Admitted): MessageFields<typeof AdmittedSchema> {
  const { record, settings, roster, observedAddress } = admitted;
  return {
    record,
    settings: settingsToWire(settings),
    roster: updateToWire(roster),
    observedAddress: observedAddress?.bytes ?? new Uint8Array(0),
  };
}

/** @returns the answer, or undefined when it is malformed */
export function readAdmitted(wire: WireAdmitted): Admitted | undefined {
  const { settings, roster, observedAddress } = wire;
  return complete<Admitted>({
    record: readSigned(wire.record),
    settings: settings && readSettings(settings),
    roster: roster ? readUpdate(roster)?.update : NO_UPDATE,
    ...observedAddress.length > 0 && { observedAddress: readAddress(observedAddress) },
  });
}

/** @returns the fields of the message */
export function settingsToWire({ verifyingKey, cidrs }: NetworkSettings): MessageFields<
  typeof NetworkSettingsSchema
> {
  return { verifyingKey: verifyingKey.bytes, cidrs: cidrs.map(String) };
}

/** @returns the settings, or undefined when they are malformed */
export function readSettings(
  wire: { readonly verifyingKey: Uint8Array; readonly cidrs: readonly string[] },
): NetworkSettings | undefined {
  const cidrs = readList(wire.cidrs, MAX_CIDRS, Cidr.parse);
  const verifyingKey = readVerifyingKey(wire.verifyingKey);
  return verifyingKey && cidrs && cidrs.length > 0 ? { verifyingKey, cidrs } : undefined;
}
