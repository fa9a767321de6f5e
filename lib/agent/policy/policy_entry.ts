/**
 * How a policy travels: the bodies of the entries by which the network's key says what is in force, and by which each member
 * says what it enforces.
 *
 *     policy/enforced, policy/trial   PolicyHead: the revision, who applied it and when, the document if it is short
 *     policy-part/DIGEST/NUMBER       a longer document, deflated and cut
 *     policy-state/                   PolicyState, of each member
 *
 * @module
 */

import { decodeHex, encodeHex, equalBytes, type UnixMillis, unixMillis } from "../../base/mod.ts";
import { blake2s } from "../../crypto/mod.ts";
import { runtimeModule } from "../../host/mod.ts";
import { MAX_ENTRY_BODY_BYTES, type NodeId, parseNodeId } from "../../mesh/mod.ts";
import { decodePolicy, encodePolicy, MAX_POLICY_BYTES, type PolicyDocument } from "../../policy/mod.ts";
import { decodeMessage, encodeMessage, PolicyHeadSchema, PolicyStateSchema } from "../../proto/mod.ts";
import { PolicyTooLargeError } from "./errors.ts";

/** The kind of the entries that say what is in force, and what is tried. */
export const POLICY_KIND = "policy";
/** The kind of the entries that have a longer document. */
export const PART_KIND = "policy-part";
/** The kind of the entries by which members say what they enforce; their key is empty. */
export const STATE_KIND = "policy-state";

/** Whether a policy decides, or what it would deny is logged: the key of its entry. */
export type PolicyPlace = "enforced" | "trial";
/** Both. */
export const PLACES: readonly PolicyPlace[] = ["enforced", "trial"];

/** The longest part, in bytes. */
export const MAX_PART_BYTES = 3_000;
/** The longest document, deflated, in bytes. */
export const MAX_DEFLATED_BYTES: number = 384 << 10;
/** What is as long as that needs no parts. */
const MAX_INLINE_BYTES = 2_800;
const DIGEST_BYTES = 32;
const REVISION_BYTES = 8;

/** What the network's key says of a document. */
export interface PolicyHead {
  /** 16 hexadecimal digits: of the document in its canonical form. */
  readonly revision: string;
  /** 64 hexadecimal digits: of the document, deflated. */
  readonly digest: string;
  /** The document, deflated; undefined when it is in parts. */
  readonly inline: Uint8Array | undefined;
  readonly parts: number;
  /** Of the document, deflated. */
  readonly deflatedBytes: number;
  readonly appliedBy: NodeId;
  readonly appliedAt: UnixMillis;
  readonly policies: number;
  readonly rules: number;
}

/** What a member says of itself. */
export interface PolicyState {
  /** 16 hexadecimal digits; undefined for none. */
  readonly enforced: string | undefined;
  readonly trial: string | undefined;
  readonly since: UnixMillis;
}

/** A document as it travels. */
export interface PackedPolicy {
  readonly revision: string;
  readonly digest: string;
  readonly deflated: Uint8Array;
  readonly policies: number;
  readonly rules: number;
}

/** @throws PolicyTooLargeError */
export function packPolicy(document: PolicyDocument): PackedPolicy {
  const bytes = encodePolicy(document);
  const deflated = bytes.length > MAX_POLICY_BYTES ? undefined : deflate(bytes);
  if (deflated === undefined || deflated.length > MAX_DEFLATED_BYTES) {
    throw new PolicyTooLargeError(deflated?.length ?? bytes.length, MAX_DEFLATED_BYTES);
  }
  return {
    revision: revisionOf(bytes),
    digest: encodeHex(blake2s(deflated)),
    deflated,
    policies: document.policies.length,
    rules: document.policies.reduce((sum, { rules }) => sum + rules.length, 0),
  };
}

function deflate(bytes: Uint8Array): Uint8Array {
  return new Uint8Array(runtimeModule("node:zlib").deflateRawSync(bytes));
}

/**
 * Never throws.
 * @returns the document; undefined when it is not the one of that revision, or this version cannot read it
 */
export function unpackPolicy(deflated: Uint8Array, revision: string): PolicyDocument | undefined {
  let bytes: Uint8Array;
  try {
    bytes = runtimeModule("node:zlib").inflateRawSync(deflated, { maxOutputLength: MAX_POLICY_BYTES });
  } catch {
    return undefined;
  }
  return revisionOf(bytes) === revision ? decodePolicy(bytes) : undefined;
}

/** @returns the entry that says what is in force, and the parts that it needs by their keys */
export function headOf(
  packed: PackedPolicy,
  { appliedBy, appliedAt }: Pick<PolicyHead, "appliedBy" | "appliedAt">,
): { readonly body: Uint8Array; readonly parts: ReadonlyMap<string, Uint8Array> } {
  const { revision, digest, deflated, policies, rules } = packed;
  const isInline = deflated.length <= MAX_INLINE_BYTES;
  const parts = isInline ? 0 : Math.ceil(deflated.length / MAX_PART_BYTES);
  const body = encodeMessage(PolicyHeadSchema, {
    digest: decodeHex(digest) ?? new Uint8Array(0),
    revision: decodeHex(revision) ?? new Uint8Array(0),
    ...isInline && { document: deflated },
    parts,
    deflatedBytes: deflated.length,
    appliedBy: decodeHex(appliedBy) ?? new Uint8Array(0),
    appliedAt: BigInt(appliedAt),
    policies,
    rules,
  });
  const cut = Array.from({ length: parts }, (_, number) => {
    const at = number * MAX_PART_BYTES;
    return [partKey(digest, number), deflated.subarray(at, at + MAX_PART_BYTES)] as const;
  });
  return { body, parts: new Map(cut) };
}

/** Never throws. @returns the head, or undefined when the body is none */
export function decodeHead(body: Uint8Array): PolicyHead | undefined {
  const wire = decodeMessage(PolicyHeadSchema, body, MAX_ENTRY_BODY_BYTES);
  if (wire === undefined) return undefined;
  const { digest, revision, document, parts, deflatedBytes, policies, rules } = wire;
  const appliedBy = parseNodeId(encodeHex(wire.appliedBy));
  const appliedAt = readTime(wire.appliedAt);
  const isInline = parts === 0;
  const expectedBytes = isInline ? document.length : deflatedBytes;
  if (
    digest.length !== DIGEST_BYTES || revision.length !== REVISION_BYTES || appliedBy === undefined ||
    appliedAt === undefined || deflatedBytes === 0 || deflatedBytes > MAX_DEFLATED_BYTES ||
    expectedBytes !== deflatedBytes || (!isInline && document.length > 0) ||
    parts !== (isInline ? 0 : Math.ceil(deflatedBytes / MAX_PART_BYTES))
  ) return undefined;
  return {
    revision: encodeHex(revision),
    digest: encodeHex(digest),
    inline: isInline ? document : undefined,
    parts,
    deflatedBytes,
    appliedBy,
    appliedAt,
    policies,
    rules,
  };
}

/** @returns the key of a part's entry */
export function partKey(digest: string, number: number): string {
  return `${digest}/${number}`;
}

/** @returns of which document a part is, as its key says */
export function digestOfPart(key: string): string {
  return key.slice(0, key.indexOf("/"));
}

/** @returns the document, deflated, when the parts are those that the head means */
export function joinParts(head: PolicyHead, parts: readonly Uint8Array[]): Uint8Array | undefined {
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  if (length !== head.deflatedBytes) return undefined;
  const deflated = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    deflated.set(part, at);
    at += part.length;
  }
  return equalBytes(blake2s(deflated), decodeHex(head.digest) ?? new Uint8Array(0)) ? deflated : undefined;
}

/** @returns the body of the entry */
export function encodeState({ enforced = "", trial = "", since }: PolicyState): Uint8Array {
  return encodeMessage(PolicyStateSchema, {
    enforced: decodeHex(enforced) ?? new Uint8Array(0),
    trial: decodeHex(trial) ?? new Uint8Array(0),
    since: BigInt(since),
  });
}

/** Never throws. @returns what a member says, or undefined when the body is malformed */
export function decodeState(body: Uint8Array): PolicyState | undefined {
  const wire = decodeMessage(PolicyStateSchema, body, MAX_ENTRY_BODY_BYTES);
  const since = wire && readTime(wire.since);
  if (wire === undefined || since === undefined) return undefined;
  const lengths = [wire.enforced.length, wire.trial.length];
  if (lengths.some((length) => length !== 0 && length !== REVISION_BYTES)) return undefined;
  const [enforced, trial] = [encodeHex(wire.enforced), encodeHex(wire.trial)];
  return { enforced: enforced || undefined, trial: trial || undefined, since };
}

function revisionOf(bytes: Uint8Array): string {
  return encodeHex(blake2s(bytes).subarray(0, REVISION_BYTES));
}

function readTime(value: bigint): UnixMillis | undefined {
  return value > 0n && value <= BigInt(Number.MAX_SAFE_INTEGER) ? unixMillis(Number(value)) : undefined;
}
