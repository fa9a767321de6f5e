/**
 * What members say to each other on the topic `mesh`.
 * @module
 */

import { KEY_BYTES, PublicKey, VerifyingKey } from "../../crypto/mod.ts";
import { Cidr, IpAddress } from "../../net/mod.ts";
import { MAX_NAME_LENGTH } from "../bounds.ts";
import {
  decodeMessage,
  encodeMessage,
  type MeshMessage as Wire,
  MeshMessageSchema,
} from "../../proto/mod.ts";
import {
  readSigned,
  readUpdate,
  type ReplicaUpdate,
  type Signed,
  signedToWire,
  TokenSecret,
  updateToWire,
} from "../records/mod.ts";
import { areLabels, idBytes, type NodeId, nodeIdFromBytes, sortLabels } from "../identity/mod.ts";
import {
  answerToWire,
  type MemberAnswer,
  type MemberRequest,
  readAnswer,
  readRequest,
  requestToWire,
} from "./member_request.ts";
import {
  type Digest,
  digestToWire,
  readDigest,
  readVector,
  type Vector,
  vectorToWire,
} from "../versions/mod.ts";

/** The topic of these messages on a channel. */
export const MESH_TOPIC = "mesh";
/** The longest message that is read, in bytes. */
export const MAX_MESH_MESSAGE_BYTES: number = 1 << 20;
/** The longest vector that is read, in bytes: each slot becomes an object that is many times larger. */
const MAX_VECTOR_BYTES = 384 * 1024;
const SECRET_BYTES = 32;
const MAX_CIDRS = 4;

/** What a machine asks for that holds a token. */
export interface JoinRequest {
  readonly secret: TokenSecret;
  /** The name that is asked for; the record has the name that was given. */
  readonly name: string;
  readonly publicKey: PublicKey;
  readonly verifyingKey: VerifyingKey;
  readonly labels: Readonly<Record<string, string>>;
  /** Where the machine is, signed by itself. */
  readonly statement?: Signed;
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

/** One message, by its kind. */
export type MeshMessage =
  | { readonly kind: "join-request"; readonly request: JoinRequest }
  | { readonly kind: "admitted"; readonly admitted: Admitted }
  | { readonly kind: "refused" }
  | {
    readonly kind: "roster-update";
    readonly update: ReplicaUpdate;
    /** How many items were too long to be looked at; none in what is sent. */
    readonly oversized?: number;
  }
  | { readonly kind: "digest"; readonly digest: Digest }
  | { readonly kind: "vector"; readonly vector: Vector }
  | { readonly kind: "heartbeat" }
  | { readonly kind: "request"; readonly number: number; readonly request: MemberRequest }
  | { readonly kind: "response"; readonly number: number; readonly answer: MemberAnswer }
  | {
    readonly kind: "suspicion";
    /** Whom the sender's own probes miss. */
    readonly nodeId: NodeId;
  };

/** @returns the message for the topic `mesh` */
export function encodeMeshMessage(message: MeshMessage): Uint8Array {
  return encodeMessage(MeshMessageSchema, { kind: toWire(message) });
}

/** Never throws. @returns the message, signatures not checked, or undefined when `bytes` are none */
export function decodeMeshMessage(bytes: Uint8Array): MeshMessage | undefined {
  const kind = decodeMessage(MeshMessageSchema, bytes, MAX_MESH_MESSAGE_BYTES)?.kind;
  switch (kind?.case) {
    case "joinRequest": {
      const request = readJoinRequest(kind.value);
      return request && { kind: "join-request", request };
    }
    case "joinResponse": {
      const { outcome } = kind.value;
      if (outcome.case === "refused") return { kind: "refused" };
      const admitted = outcome.case === "admitted" ? readAdmitted(outcome.value) : undefined;
      return admitted && { kind: "admitted", admitted };
    }
    case "rosterUpdate": {
      const update = readUpdate(kind.value);
      return update && { kind: "roster-update", ...update };
    }
    case "digest": {
      const digest = readDigest(kind.value);
      return digest && { kind: "digest", digest };
    }
    case "vector": {
      const vector = bytes.length <= MAX_VECTOR_BYTES ? readVector(kind.value) : undefined;
      return vector && { kind: "vector", vector };
    }
    case "heartbeat":
      return { kind: "heartbeat" };
    case "request": {
      const read = readRequest(kind.value);
      return read && { kind: "request", ...read };
    }
    case "response": {
      const read = readAnswer(kind.value);
      return read && { kind: "response", ...read };
    }
    case "suspicion": {
      const nodeId = nodeIdFromBytes(kind.value.nodeId);
      return nodeId && { kind: "suspicion", nodeId };
    }
    default:
      return undefined;
  }
}

type WireKind = Wire["kind"];
type WireOf<Case extends WireKind["case"]> = Extract<WireKind, { case: Case }> extends { value: infer Value }
  ? Value
  : never;
type WireAdmitted = Extract<WireOf<"joinResponse">["outcome"], { case: "admitted" }>["value"];

/** What `encodeMessage` takes. */
type WireFields = NonNullable<Parameters<typeof encodeMessage<typeof MeshMessageSchema>>[1]["kind"]>;

function toWire(message: MeshMessage): WireFields {
  switch (message.kind) {
    case "join-request": {
      const { secret, name, publicKey, verifyingKey, labels, statement } = message.request;
      return {
        case: "joinRequest",
        value: {
          secret: secret.exposeBytes(),
          name,
          publicKey: publicKey.bytes,
          verifyingKey: verifyingKey.bytes,
          labels: sortLabels(labels),
          ...statement && { statement: signedToWire(statement) },
        },
      };
    }
    case "admitted": {
      const { record, settings, roster, observedAddress } = message.admitted;
      const value = {
        record: signedToWire(record),
        settings: { verifyingKey: settings.verifyingKey.bytes, cidrs: settings.cidrs.map(String) },
        roster: updateToWire(roster),
        observedAddress: observedAddress?.bytes ?? new Uint8Array(0),
      };
      return { case: "joinResponse", value: { outcome: { case: "admitted", value } } };
    }
    case "refused":
      return { case: "joinResponse", value: { outcome: { case: "refused", value: {} } } };
    case "roster-update":
      return { case: "rosterUpdate", value: updateToWire(message.update) };
    case "digest":
      return { case: "digest", value: digestToWire(message.digest) };
    case "vector":
      return { case: "vector", value: vectorToWire(message.vector) };
    case "heartbeat":
      return { case: "heartbeat", value: {} };
    case "request":
      return { case: "request", value: requestToWire(message.number, message.request) };
    case "response":
      return { case: "response", value: answerToWire(message.number, message.answer) };
    case "suspicion":
      return { case: "suspicion", value: { nodeId: idBytes(message.nodeId) } };
  }
}

function readJoinRequest(wire: WireOf<"joinRequest">): JoinRequest | undefined {
  const statement = readSigned(wire.statement);
  if (
    wire.secret.length !== SECRET_BYTES || wire.publicKey.length !== KEY_BYTES ||
    wire.verifyingKey.length !== KEY_BYTES || wire.name.length > MAX_NAME_LENGTH || !areLabels(wire.labels) ||
    (statement === undefined) !== (wire.statement === undefined)
  ) return undefined;
  return {
    secret: TokenSecret.fromBytes(wire.secret),
    name: wire.name,
    publicKey: PublicKey.fromBytes(wire.publicKey),
    verifyingKey: VerifyingKey.fromBytes(wire.verifyingKey),
    labels: { ...wire.labels },
    ...statement && { statement },
  };
}

function readAdmitted(wire: WireAdmitted): Admitted | undefined {
  const record = readSigned(wire.record);
  const settings = wire.settings && readSettings(wire.settings);
  const roster = wire.roster ? readUpdate(wire.roster)?.update : { records: [], statements: [], entries: [] };
  const { observedAddress } = wire;
  if (
    record === undefined || settings === undefined || roster === undefined ||
    ![0, 4, 16].includes(observedAddress.length)
  ) return undefined;
  return {
    record,
    settings,
    roster,
    ...observedAddress.length > 0 && { observedAddress: IpAddress.fromBytes(observedAddress) },
  };
}

/** @returns the settings, or undefined when they are malformed */
export function readSettings(
  wire: { readonly verifyingKey: Uint8Array; readonly cidrs: readonly string[] },
): NetworkSettings | undefined {
  const cidrs = wire.cidrs.map(Cidr.parse).filter((cidr) => cidr !== undefined);
  if (
    wire.verifyingKey.length !== KEY_BYTES || cidrs.length !== wire.cidrs.length || cidrs.length === 0 ||
    cidrs.length > MAX_CIDRS
  ) return undefined;
  return { verifyingKey: VerifyingKey.fromBytes(wire.verifyingKey), cidrs };
}
