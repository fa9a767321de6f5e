/**
 * What a leader's act and what a token make of a member's record.
 * @module
 */

import type { UnixMillis } from "../../base/mod.ts";
import { IpAddress } from "../../net/mod.ts";
import { areLabels } from "../identity/mod.ts";
import {
  addGrants,
  areGrants,
  decodeStatement,
  GRANT_KINDS,
  type Grants,
  type KeyChain,
  keyTagOf,
  MAX_CLOCK_AHEAD_MS,
  type MemberRecord,
  type Signed,
  versionOfAct,
} from "../records/mod.ts";
import type { Roster } from "../replica/mod.ts";
import type { AdmissionRefusal, NewRecord } from "./enrolment.ts";
import type { JoinAsker } from "./join_approvals.ts";
import type { TokenGift } from "./token_book.ts";

/** What leaders change of a record. */
export type MemberChanges = Partial<
  Pick<MemberRecord, "name" | "addresses" | "labels" | "unconfirmedLabels" | "grants" | "roles" | "hub">
>;

/**
 * @param wall when labels or grants are taken away, if any are
 * @returns the record with the changes; with labels, those that nobody has confirmed yet are gone
 */
export function amended(record: MemberRecord, changes: MemberChanges, wall: UnixMillis): MemberRecord {
  const { unconfirmedLabels, formerName, ...others } = record;
  const isLess = isWithout(record, changes);
  return {
    ...others,
    ...changes.labels === undefined && unconfirmedLabels && { unconfirmedLabels },
    // Whoever names it says what it is called from now on.
    ...changes.name === undefined ? formerName !== undefined && { formerName } : { namedAt: wall },
    ...changes,
    version: versionOfAct(record.version),
    ...isLess && { withdrawnAt: wall },
  };
}

/** Of who asks to be let in, what its record is made of. */
export type NewMemberAsker =
  & Pick<
    JoinAsker,
    "tokenId" | "name" | "publicKey" | "verifyingKey" | "address"
  >
  & { readonly ephemeralMs?: number; readonly knownVersion?: number };

/** @returns what a token makes of a newcomer, and the address that it is to have; any free one when absent */
export function newMember(
  { name, publicKey, verifyingKey, address, ephemeralMs, knownVersion }: NewMemberAsker,
  { labels, grants, ephemeralMs: allowedMs, address: allowed }: TokenGift,
): { readonly fields: NewRecord; readonly wanted: IpAddress | undefined } | AdmissionRefusal {
  const fixed = allowed === undefined ? undefined : IpAddress.parse(allowed);
  if (address !== undefined && allowed !== "any" && fixed?.equals(address) !== true) {
    return "refused:address-not-allowed";
  }
  const given = { name, publicKey, verifyingKey, labels, grants, roles: ["member"] as const };
  const version = knownVersion === undefined ? {} : { version: knownVersion + 1 };
  return {
    fields: {
      ...given,
      ...version,
      ...shorterTerm(presentTerm(allowedMs), ephemeralMs) ?? presentTerm(allowedMs),
    },
    wanted: address ?? fixed,
  };
}

/**
 * Whoever asks may shorten its own life, and nobody else's.
 * @returns for how long a member may be away from now on; undefined when that is no less than before
 */
export function shorterTerm(
  { ephemeralMs }: Pick<MemberRecord, "ephemeralMs">,
  wishedMs: number | undefined,
): { readonly ephemeralMs: number } | undefined {
  const isShorter = wishedMs !== undefined && (ephemeralMs === undefined || wishedMs < ephemeralMs);
  return isShorter ? { ephemeralMs: wishedMs } : undefined;
}

/**
 * Whether a machine's clock is near enough to this one: what is signed by another is believed by nobody.
 * @param statement what it has just said of itself; one that can't be read says nothing
 */
export function isInTime(statement: Signed | undefined, wall: UnixMillis): boolean {
  const issuedAt = statement && decodeStatement(statement.payload)?.issuedAt;
  return issuedAt === undefined || Math.abs(issuedAt - wall) <= MAX_CLOCK_AHEAD_MS;
}

function presentTerm(ephemeralMs: number | undefined): Pick<MemberRecord, "ephemeralMs"> {
  return ephemeralMs === undefined ? {} : { ephemeralMs };
}

/**
 * Adds what a token gives to what a member has. What a leader has said of it since it came stays: a label that it has, it
 * keeps, and once a leader has taken something away, older tokens give nothing more.
 * @returns undefined when the token adds nothing, or too much
 */
export function withGift(
  known: MemberRecord,
  gift: TokenGift,
): Pick<MemberRecord, "labels" | "grants"> | undefined {
  if (known.withdrawnAt !== undefined && gift.createdAt < known.withdrawnAt) return undefined;
  const both = { ...gift.labels, ...known.labels };
  const labels = areLabels(both) ? both : known.labels;
  const more = addGrants(known.grants, gift.grants);
  const grants = areGrants(more) ? more : known.grants;
  const isSame = Object.keys(labels).length === Object.keys(known.labels).length &&
    sizeOf(grants) === sizeOf(known.grants);
  return isSame ? undefined : { labels, grants };
}

/** @returns the record of whoever asks, expired or not; undefined for a newcomer */
export function knownAs(
  roster: Roster,
  { publicKey, verifyingKey }: Pick<JoinAsker, "publicKey" | "verifyingKey">,
): MemberRecord | AdmissionRefusal | undefined {
  // Also a key that the member had before, under which it was removed or not.
  if (roster.isRevoked(publicKey)) return "refused:revoked";
  const known = roster.recordByKey(publicKey);
  // One key under two ids would be two members with the same WireGuard peer.
  return known === undefined || known.verifyingKey?.equals(verifyingKey) ? known : "refused:other-identity";
}

/** @returns what another leader has said of the keys before, of those that a member has now */
export function underKeysOf(head: MemberRecord, missed: MemberRecord): MemberRecord {
  const { nodeId, publicKey, verifyingKey, version, issuedAt, expiresAt, chain } = head;
  const keys = { nodeId, publicKey, ...verifyingKey && { verifyingKey } };
  return { ...missed, ...keys, version, issuedAt, expiresAt, ...chain && { chain } };
}

/** @returns the chain that goes on from what was missed, too */
export function chainAfter(chain: KeyChain, { publicKey, version }: MemberRecord): KeyChain {
  const key = keyTagOf(publicKey);
  const formerVersions = chain.formerVersions.map((known, i) =>
    chain.formerKeys[i] === key ? Math.max(known, version) : known
  );
  return { ...chain, formerVersions };
}

function isWithout(record: MemberRecord, { labels = record.labels, grants = record.grants }: MemberChanges) {
  return Object.keys(record.labels).some((key) => !Object.hasOwn(labels, key)) ||
    GRANT_KINDS.some((kind) => record.grants[kind].some((text) => !grants[kind].includes(text)));
}

/** @returns how many patterns there are, each counted once */
function sizeOf(grants: Grants): number {
  return GRANT_KINDS.reduce((sum, kind) => sum + new Set(grants[kind]).size, 0);
}
