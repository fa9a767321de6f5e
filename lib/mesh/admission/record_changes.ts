/**
 * What has become of a member, by its record before and after.
 * @module
 */

import { GRANT_KINDS, type Grants, isActAfter, type MemberRecord } from "../records/mod.ts";
import type { NodeId } from "../identity/mod.ts";

/** What happened. */
export type AuditKind =
  | "joined"
  | "removed"
  | "left"
  | "expired"
  | "rotated"
  | "renamed"
  | "relabelled"
  | "readdressed"
  | "rerouted"
  | "promoted"
  | "demoted"
  | "granted"
  | "ungranted"
  | "claimed"
  | "refused"
  | "token-created"
  | "token-revoked"
  | "defaults-changed"
  | "network-created"
  | "network-changed"
  | "network-deleted"
  | "endpoint-added"
  | "endpoint-moved"
  | "endpoint-removed"
  | "route-approved"
  | "route-rejected"
  | "route-removed"
  | "policy-applied"
  | "policy-tried"
  | "policy-removed"
  | "data-servers-started"
  | "data-server-replaced"
  | "data-servers-stopped";

/** One thing that happened. */
export interface AuditEvent {
  readonly kind: AuditKind;
  /** The member that it is about. */
  readonly node?: { readonly id: NodeId; readonly name: string };
  /** What has changed, in words. */
  readonly detail?: Readonly<Record<string, string>>;
}

/**
 * @param before undefined for one that was not known
 * @returns what has changed for anybody; nothing when a record was only signed anew
 */
export function recordChanges(before: MemberRecord | undefined, after: MemberRecord): AuditEvent[] {
  const node = { id: after.nodeId, name: after.name };
  const events: AuditEvent[] = [];
  const add = (kind: AuditKind, detail: Readonly<Record<string, string>> = {}) =>
    void events.push({ kind, node, ...Object.keys(detail).length > 0 && { detail } });
  if (before === undefined || before.nodeId !== after.nodeId) {
    // The keys before it are named in the record of the new ones.
    if (!after.revoked && after.chain !== undefined) add("rotated");
    else if (!after.revoked) {
      add("joined", { address: String(after.addresses[0] ?? ""), ...labelsText(after) });
    }
    return events;
  }
  if (after.revoked) {
    // A key that was replaced: the record of the new one says so.
    if (!before.revoked && after.successor === undefined) {
      add(after.expiresAt <= after.issuedAt ? "left" : "removed");
    }
    return events;
  }
  if (before.name !== after.name) add("renamed", { from: before.name, to: after.name });
  if (before.addresses.join() !== after.addresses.join()) {
    add("readdressed", { from: String(before.addresses[0] ?? ""), to: String(after.addresses[0] ?? "") });
  }
  if (before.hub !== after.hub) add("rerouted", { hub: after.hub ?? "" });
  const [was, is] = [before, after].map(({ roles }) => roles.includes("leader"));
  if (was !== is) add(is ? "promoted" : "demoted");
  const labels = pairsText(after.labels);
  const wasConfirmed = before.unconfirmedLabels !== undefined && after.unconfirmedLabels === undefined;
  if (pairsText(before.labels) !== labels || wasConfirmed) add("relabelled", { labels });
  const gained = lacking(after.grants, before.grants);
  const lost = lacking(before.grants, after.grants);
  const { claimed, ...granted } = gained;
  if (claimed !== undefined) add("claimed", { path: claimed });
  if (Object.keys(granted).length > 0) add("granted", granted);
  if (Object.keys(lost).length > 0) add("ungranted", lost);
  return events;
}

/**
 * Whether an operator has changed a record, or removed its member: so much can be told of what other leaders sign. That an
 * ephemeral member was removed, time may have caused.
 */
export function isAct(before: MemberRecord | undefined, after: MemberRecord): boolean {
  if (after.revoked) return after.ephemeralMs === undefined;
  return before !== undefined && isActAfter(after.version, before.version);
}

/** @returns of each kind what the first has and the second has not */
function lacking(grants: Grants, others: Grants): Record<string, string> {
  const kinds = [...GRANT_KINDS, "claimed"] as const;
  const pairs = kinds.map((kind) =>
    [kind, grants[kind].filter((text) => !others[kind].includes(text)).join(" ")] as const
  );
  return Object.fromEntries(pairs.filter(([, text]) => text !== ""));
}

function labelsText({ labels }: MemberRecord): Record<string, string> {
  return Object.keys(labels).length === 0 ? {} : { labels: pairsText(labels) };
}

function pairsText(labels: Readonly<Record<string, string>>): string {
  return Object.entries(labels).map((pair) => pair.join("=")).sort().join(" ");
}
