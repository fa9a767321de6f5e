/**
 * What one member asks of another, and the answers: promotion, demotion, slices, new keys, service paths, leaving.
 * @module
 */

import { decodeHex, encodeHex } from "../../base/mod.ts";
import { type PublicKey, SIGNATURE_BYTES, type VerifyingKey } from "../../crypto/mod.ts";
import { AddressRange } from "../../net/mod.ts";
import type {
  MemberRequest as WireRequest,
  MemberRequestSchema,
  MemberResponse as WireResponse,
  MemberResponseSchema,
  MessageFields,
  SliceGrant as WireGrant,
  SliceGrantSchema,
} from "../../proto/mod.ts";
import { TOPIC_GRANT } from "../bounds.ts";
import { ID_BYTES, idBytes, type NodeId, nodeIdFromBytes, SEAL_BYTES, SEED_BYTES } from "../identity/mod.ts";
import {
  type EndpointRefusal,
  type EndpointRequest,
  endpointRequestToWire,
  readEndpointRequest,
  readRefusal,
  refusalToWire,
} from "./endpoint_request.ts";
import {
  complete,
  readList,
  readPositive,
  readPublicKey,
  readSigned,
  readUpdate,
  readVerifyingKey,
  type ReplicaUpdate,
  type Signed,
  updateToWire,
} from "../records/mod.ts";

/** How many ranges one grant may have. */
export const MAX_GRANT_RANGES = 1024;

/** Addresses that somebody may give out from now on, and nobody else. */
export interface SliceGrant {
  /** 32 hexadecimal digits; a grant that was taken before is not taken again. */
  readonly id: string;
  readonly ranges: readonly AddressRange[];
}

/** New keys for the asker. */
export interface KeyRotation {
  readonly publicKey: PublicKey;
  readonly verifyingKey: VerifyingKey;
  /** By the new signing key: 64 bytes. */
  readonly proof: Uint8Array;
  /** Where the asker is, signed by the new key. */
  readonly statement?: Signed;
}

/** What is asked. */
export type MemberRequest =
  | {
    readonly kind: "promotion";
    readonly sealedSeed: Uint8Array;
    readonly slices: SliceGrant;
    /** Of the addressee's record as the asker knows it; absent from a former release. */
    readonly recordVersion?: number;
    /** Whether the addressee leads when its record says so, and not before; absent from a former release. */
    readonly isOffer?: true;
  }
  | { readonly kind: "demotion" }
  | { readonly kind: "handover"; readonly slices: SliceGrant; readonly update: ReplicaUpdate }
  | { readonly kind: "rotation"; readonly rotation: KeyRotation }
  /** The asker wants to be who offers a service path that nobody has been given. */
  | { readonly kind: "claim"; readonly path: string }
  /** The asker, a leader, has the elected leader decide whether a member, itself or another one, gets a path. */
  | { readonly kind: "member-claim"; readonly path: string; readonly nodeId: NodeId }
  /** The asker is to be no member any more. */
  | { readonly kind: "leave" }
  /** The asker, a leader, is about to let this machine in by a token with a limit. */
  | { readonly kind: "token-use"; readonly tokenId: string; readonly publicKey: PublicKey }
  /** An endpoint of an overlay network is to be the asker's, to go, or to be another member's. */
  | { readonly kind: "endpoint"; readonly request: EndpointRequest };

/** What is answered. */
export type MemberAnswer =
  | { readonly kind: "done"; readonly slices?: SliceGrant; readonly update?: ReplicaUpdate }
  | {
    readonly kind: "refused";
    /** How long to wait before asking the same again, in milliseconds; absent when that would not help. */
    readonly retryAfterMs?: number;
    /** Of a request about an endpoint. */
    readonly reason?: EndpointRefusal;
  };

/** @returns the fields of the message */
export function requestToWire(
  number: number,
  request: MemberRequest,
): MessageFields<typeof MemberRequestSchema> {
  const fields = { number: BigInt(number) };
  switch (request.kind) {
    case "promotion": {
      const { sealedSeed, slices, recordVersion = 0, isOffer = false } = request;
      const granted = { sealedSeed, slices: grantToWire(slices) };
      const value = { ...granted, recordVersion: BigInt(recordVersion), isOffer };
      return { ...fields, kind: { case: "promotion", value } };
    }
    case "demotion":
      return { ...fields, kind: { case: "demotion", value: {} } };
    case "handover": {
      const value = { slices: grantToWire(request.slices), update: updateToWire(request.update) };
      return { ...fields, kind: { case: "handover", value } };
    }
    case "rotation": {
      const { publicKey, verifyingKey, proof, statement } = request.rotation;
      const value = {
        publicKey: publicKey.bytes,
        verifyingKey: verifyingKey.bytes,
        proof,
        ...statement && { statement },
      };
      return { ...fields, kind: { case: "rotation", value } };
    }
    case "claim":
      return { ...fields, kind: { case: "claim", value: { path: request.path } } };
    case "member-claim": {
      const value = { path: request.path, nodeId: idBytes(request.nodeId) };
      return { ...fields, kind: { case: "memberClaim", value } };
    }
    case "leave":
      return { ...fields, kind: { case: "leave", value: {} } };
    case "token-use": {
      const tokenId = decodeHex(request.tokenId) ?? new Uint8Array(0);
      return {
        ...fields,
        kind: { case: "tokenUse", value: { tokenId, publicKey: request.publicKey.bytes } },
      };
    }
    case "endpoint":
      return { ...fields, kind: { case: "endpoint", value: endpointRequestToWire(request.request) } };
  }
}

/** @returns the fields of the message */
export function answerToWire(
  number: number,
  answer: MemberAnswer,
): MessageFields<typeof MemberResponseSchema> {
  const fields = { number: BigInt(number) };
  if (answer.kind === "refused") {
    const retryAfter = BigInt(Math.ceil(answer.retryAfterMs ?? 0));
    const reason = refusalToWire(answer.reason);
    return { ...fields, outcome: { case: "refused", value: { retryAfter, reason } } };
  }
  const { slices, update } = answer;
  const value = {
    ...slices && { slices: grantToWire(slices) },
    ...update && { update: updateToWire(update) },
  };
  return { ...fields, outcome: { case: "done", value } };
}

/** @returns the answer, or undefined when it is malformed */
export function readAnswer(outcome: WireResponse["outcome"]): MemberAnswer | undefined {
  if (outcome.case === "refused") {
    const retryAfterMs = readPositive(outcome.value.retryAfter);
    const reason = readRefusal(outcome.value.reason);
    return { kind: "refused", ...retryAfterMs !== undefined && { retryAfterMs }, ...reason && { reason } };
  }
  if (outcome.case === undefined) return undefined;
  const { slices, update } = outcome.value;
  return complete<Extract<MemberAnswer, { kind: "done" }>>({
    kind: "done",
    ...slices && { slices: readGrant(slices) },
    ...update && { update: readUpdate(update)?.update },
  });
}

/** @returns the request, or undefined when it is malformed */
export function readRequest(kind: WireRequest["kind"]): MemberRequest | undefined {
  switch (kind.case) {
    case "promotion": {
      const { sealedSeed, slices, recordVersion, isOffer } = kind.value;
      if (sealedSeed.length !== SEED_BYTES + SEAL_BYTES) return undefined;
      return complete({
        kind: "promotion" as const,
        sealedSeed: sealedSeed.slice(),
        slices: readGrant(slices),
        ...recordVersion > 0n && { recordVersion: readPositive(recordVersion) },
        ...isOffer && { isOffer },
      });
    }
    case "demotion":
      return { kind: "demotion" };
    case "handover": {
      const { slices, update } = kind.value;
      return complete({
        kind: "handover" as const,
        slices: readGrant(slices),
        update: update && readUpdate(update)?.update,
      });
    }
    case "rotation": {
      const { publicKey, verifyingKey, proof, statement } = kind.value;
      const rotation = complete<KeyRotation>({
        publicKey: readPublicKey(publicKey),
        verifyingKey: readVerifyingKey(verifyingKey),
        proof: proof.length === SIGNATURE_BYTES ? proof.slice() : undefined,
        ...statement && { statement: readSigned(statement) },
      });
      return rotation && { kind: "rotation", rotation };
    }
    case "claim": {
      const { path } = kind.value;
      return TOPIC_GRANT.test(path) ? { kind: "claim", path } : undefined;
    }
    case "memberClaim": {
      const { path } = kind.value;
      if (!TOPIC_GRANT.test(path)) return undefined;
      return complete({ kind: "member-claim" as const, path, nodeId: nodeIdFromBytes(kind.value.nodeId) });
    }
    case "leave":
      return { kind: "leave" };
    case "tokenUse": {
      const { tokenId, publicKey } = kind.value;
      if (tokenId.length !== ID_BYTES) return undefined;
      return complete({
        kind: "token-use" as const,
        tokenId: encodeHex(tokenId),
        publicKey: readPublicKey(publicKey),
      });
    }
    case "endpoint":
      return complete({ kind: "endpoint" as const, request: readEndpointRequest(kind.value) });
    default:
      return undefined;
  }
}

function grantToWire({ id, ranges }: SliceGrant): MessageFields<typeof SliceGrantSchema> {
  return { id: decodeHex(id) ?? new Uint8Array(0), ranges: ranges.map(String) };
}

function readGrant(wire: WireGrant | undefined): SliceGrant | undefined {
  if (wire?.id.length !== ID_BYTES) return undefined;
  return complete<SliceGrant>({
    id: encodeHex(wire.id),
    ranges: readList(wire.ranges, MAX_GRANT_RANGES, AddressRange.parse),
  });
}
