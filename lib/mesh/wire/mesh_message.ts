/**
 * What members send each other on the topic `mesh`.
 * @module
 */

import type { UnixMillis } from "../../base/mod.ts";
import {
  decodeMessage,
  encodeMessage,
  MeshMessageSchema,
  type MessageFields,
  RefusalReason,
} from "../../proto/mod.ts";
import { idBytes, type NodeId, nodeIdFromBytes } from "../identity/mod.ts";
import {
  complete,
  readPositive,
  readTime,
  readUpdate,
  type ReplicaUpdate,
  splitUpdate,
  updateToWire,
} from "../records/mod.ts";
import { type Digest, readDigest, readVector, type Vector, vectorToWire } from "../versions/mod.ts";
import { decodeDigestMessage, encodeDigestMessage } from "./digest_message.ts";
import { encodeVectorMessage } from "./vector_message.ts";
import {
  type Introduction,
  introductionToWire,
  type PathCall,
  pathCallToWire,
  readIntroduction,
  readPathCall,
} from "./introduction.ts";
import {
  type Admitted,
  admittedToWire,
  type JoinRequest,
  joinRequestToWire,
  readAdmitted,
  readJoinRequest,
} from "./join_message.ts";
import {
  answerToWire,
  type MemberAnswer,
  type MemberRequest,
  readAnswer,
  readRequest,
  requestToWire,
} from "./member_request.ts";

/** The topic of these messages on a channel. */
export const MESH_TOPIC = "mesh";
/** The longest message that is read, in bytes. */
export const MAX_MESH_MESSAGE_BYTES: number = 1 << 20;
/** The longest vector that is read, in bytes: each slot becomes an object that is many times larger. */
const MAX_VECTOR_BYTES = 384 * 1024;

/** Why a machine with a good token was not let in, where it is said. */
export const JOIN_REFUSALS = [
  "address-not-allowed",
  "address-taken",
  "address-not-here",
  "no-address",
  "not-approved",
  "too-many-wait",
  "clock",
] as const;

/** One of these reasons. */
export type JoinRefusal = typeof JOIN_REFUSALS[number];

const REFUSAL_NUMBERS: Readonly<Record<JoinRefusal, RefusalReason>> = {
  "address-not-allowed": RefusalReason.ADDRESS_NOT_ALLOWED,
  "address-taken": RefusalReason.ADDRESS_TAKEN,
  "address-not-here": RefusalReason.ADDRESS_NOT_HERE,
  "no-address": RefusalReason.NO_ADDRESS,
  "not-approved": RefusalReason.NOT_APPROVED,
  "too-many-wait": RefusalReason.TOO_MANY_WAIT,
  clock: RefusalReason.CLOCK,
};

/** One message, by its kind. */
export type MeshMessage =
  | { readonly kind: "join-request"; readonly request: JoinRequest }
  | { readonly kind: "admitted"; readonly admitted: Admitted }
  | {
    readonly kind: "refused";
    readonly reason?: JoinRefusal;
    /** What the leader's clock shows, where clocks are the reason. */
    readonly wallTime?: UnixMillis;
  }
  /** A leader has to approve the machine first. */
  | { readonly kind: "pending" }
  | {
    readonly kind: "roster-update";
    readonly update: ReplicaUpdate;
    /** How many items were too long to be read; none in what is sent. */
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
  }
  | { readonly kind: "path-call"; readonly call: PathCall }
  | { readonly kind: "introduction"; readonly introduction: Introduction };

/** @returns the message for the topic `mesh` */
export function encodeMeshMessage(message: MeshMessage): Uint8Array {
  if (message.kind === "digest") return encodeDigestMessage(message.digest);
  if (message.kind === "vector") return encodeVectorMessage(message.vector);
  return encodeMessage(MeshMessageSchema, { kind: toWire(message) });
}

/** @returns the update as messages of at most 256 KiB, to be sent in this order */
export function encodeUpdates(update: ReplicaUpdate): Uint8Array[] {
  return splitUpdate(update).map((part) => encodeMeshMessage({ kind: "roster-update", update: part }));
}

/** Never throws. @returns the message, signatures not checked, or undefined when `bytes` are none */
export function decodeMeshMessage(bytes: Uint8Array): MeshMessage | undefined {
  const digest = decodeDigestMessage(bytes);
  if (digest !== undefined) return { kind: "digest", digest };
  const kind = decodeMessage(MeshMessageSchema, bytes, MAX_MESH_MESSAGE_BYTES)?.kind;
  switch (kind?.case) {
    case "joinRequest":
      return complete({ kind: "join-request" as const, request: readJoinRequest(kind.value) });
    case "joinResponse": {
      const { outcome } = kind.value;
      if (outcome.case === "pending") return { kind: "pending" };
      if (outcome.case === "refused") {
        const reason = JOIN_REFUSALS.find((text) => REFUSAL_NUMBERS[text] === outcome.value.reason);
        const wallTime = outcome.value.wallTime > 0n ? readTime(outcome.value.wallTime) : undefined;
        return { kind: "refused", ...reason && { reason }, ...wallTime !== undefined && { wallTime } };
      }
      if (outcome.case !== "admitted") return undefined;
      return complete({ kind: "admitted" as const, admitted: readAdmitted(outcome.value) });
    }
    case "rosterUpdate": {
      const update = readUpdate(kind.value);
      return update && { kind: "roster-update", ...update };
    }
    case "digest":
      return complete({ kind: "digest" as const, digest: readDigest(kind.value) });
    case "vector":
      if (bytes.length > MAX_VECTOR_BYTES) return undefined;
      return complete({ kind: "vector" as const, vector: readVector(kind.value) });
    case "heartbeat":
      return { kind: "heartbeat" };
    case "request":
      return complete({
        kind: "request" as const,
        number: readPositive(kind.value.number),
        request: readRequest(kind.value.kind),
      });
    case "response":
      return complete({
        kind: "response" as const,
        number: readPositive(kind.value.number),
        answer: readAnswer(kind.value.outcome),
      });
    case "suspicion":
      return complete({ kind: "suspicion" as const, nodeId: nodeIdFromBytes(kind.value.nodeId) });
    case "pathCall":
      return complete({ kind: "path-call" as const, call: readPathCall(kind.value) });
    case "introduction":
      return complete({ kind: "introduction" as const, introduction: readIntroduction(kind.value) });
    default:
      return undefined;
  }
}

function toWire(message: MeshMessage): NonNullable<MessageFields<typeof MeshMessageSchema>["kind"]> {
  switch (message.kind) {
    case "join-request":
      return { case: "joinRequest", value: joinRequestToWire(message.request) };
    case "admitted": {
      const value = admittedToWire(message.admitted);
      return { case: "joinResponse", value: { outcome: { case: "admitted", value } } };
    }
    case "refused": {
      const { reason, wallTime = 0 } = message;
      const value = { ...reason && { reason: REFUSAL_NUMBERS[reason] }, wallTime: BigInt(wallTime) };
      return { case: "joinResponse", value: { outcome: { case: "refused", value } } };
    }
    case "pending":
      return { case: "joinResponse", value: { outcome: { case: "pending", value: {} } } };
    case "roster-update":
      return { case: "rosterUpdate", value: updateToWire(message.update) };
    case "digest":
      return { case: "digest", value: { ...message.digest, wallTime: BigInt(message.digest.wallTime) } };
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
    case "path-call":
      return { case: "pathCall", value: pathCallToWire(message.call) };
    case "introduction":
      return { case: "introduction", value: introductionToWire(message.introduction) };
  }
}
