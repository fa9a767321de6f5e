/**
 * What a leader does for members beside letting them in: new keys, what must not lapse, who is gone for good.
 * @module
 */

import type { Logger } from "../../base/mod.ts";
import {
  type AdmissionRefusal,
  DEFAULT_GRANTS_KEY,
  GRANT_ENTRY_KIND,
  type KeyRotation,
  MARK_KEY,
  MARK_KIND,
  MAX_ENTRY_LIFETIME_MS,
  type MemberRecord,
  type MeshState,
  NO_UPDATE,
  type NodeId,
  type ReplicaUpdate,
  type Signed,
} from "../../mesh/mod.ts";

/** What all may do must not lapse into what is usual. @returns the entry, when it was written anew */
export function renewDefaults(
  { network: { id, signingKey }, replica: { entries } }: Pick<MeshState, "network" | "replica">,
): readonly Signed[] {
  const known = entries.get(GRANT_ENTRY_KIND, id, DEFAULT_GRANTS_KEY);
  if (known === undefined || signingKey === undefined) return [];
  const { kind, key, body } = known;
  const written = entries.write(id, signingKey, { kind, key, body, lifetimeMs: MAX_ENTRY_LIFETIME_MS });
  return written === undefined ? [] : [written];
}

/** Memberships expire by these marks, one a day. @returns the entry, when it was written anew */
export function leaveMark(
  { network: { id, signingKey }, replica: { entries, networkClock } }: Pick<MeshState, "network" | "replica">,
): readonly Signed[] {
  const body = networkClock.nextMark();
  if (body === undefined || signingKey === undefined) return [];
  const written = entries.write(id, signingKey, { kind: MARK_KIND, key: MARK_KEY, body });
  return written === undefined ? [] : [written];
}

/**
 * Removes machines that this leader let in and nobody has seen since; on the elected leader also ephemeral members that have
 * been away for too long. Everybody is told.
 */
export function removeGone(
  { admission, leadership: { arrivals, ephemerals, audit }, replica }: Pick<
    MeshState,
    "admission" | "leadership" | "replica"
  >,
  isHere: (nodeId: NodeId) => boolean,
  { isElected, log }: { readonly isElected: boolean; readonly log: Logger },
): void {
  const remove = ({ name, publicKey }: MemberRecord, hasLeft: boolean, why: string): void => {
    const removed = admission?.revoke(publicKey, hasLeft);
    if (removed === undefined) return;
    replica.publish({ ...NO_UPDATE, records: [removed.signed] });
    log.info(`removed ${why}`, { name });
  };
  for (const record of arrivals?.look(isHere) ?? []) {
    // As of one that has left: there is nothing that it could come back for.
    const body = () => remove(record, true, "a member that nobody has seen since it was let in");
    const detail = { reason: "nobody has seen it since it was let in" };
    if (audit === undefined) body();
    else audit.as({ kind: "agent" }, body, detail);
  }
  if (!isElected) return ephemerals?.rest();
  for (const record of ephemerals?.look(isHere) ?? []) {
    remove(record, false, "an ephemeral member that was away for too long");
  }
}

/** @returns both records and the statement under the new keys, or why not */
export function signRotation(
  admission: NonNullable<MeshState["admission"]>,
  record: MemberRecord,
  rotation: KeyRotation,
): ReplicaUpdate | AdmissionRefusal | { readonly retryAfterMs: number } {
  const both = admission.rotate(record, rotation);
  if (typeof both === "string" || "retryAfterMs" in both) return both;
  const statements = rotation.statement === undefined ? [] : [rotation.statement];
  return { ...NO_UPDATE, records: both.map(({ signed }) => signed), statements };
}

/** Notes what a member signs itself, because it was asked to, as done by the word of this leader's operator. */
export async function attributed<T>(
  { leadership: { audit } }: Pick<MeshState, "leadership">,
  { nodeId }: MemberRecord,
  ask: () => Promise<T>,
): Promise<T> {
  audit?.attribute(nodeId, { kind: "operator" });
  try {
    return await ask();
  } catch (error) {
    audit?.attribute(nodeId, undefined);
    throw error;
  }
}

/** @returns what a leader has to confirm after an upgrade from a release in which members chose their labels themselves */
export function unconfirmedLabelsText(
  { role, roster }: Pick<MeshState, "role" | "roster">,
): string | undefined {
  if (role !== "leader") return undefined;
  const members = roster.liveRecords().filter(({ unconfirmedLabels }) => unconfirmedLabels !== undefined);
  const count = members.toArray().length;
  if (count === 0) return undefined;
  return `labels of ${
    count === 1 ? "1 member" : `${count} members`
  } were chosen by themselves under a former ` +
    "release and authorise nothing: weft label --confirm NAME";
}
