/**
 * What a leader does for members beside letting them in: new keys, what must not lapse, who is gone for good.
 * @module
 */

import {
  type AdmissionRefusal,
  DEFAULT_GRANTS_KEY,
  GRANT_ENTRY_KIND,
  type KeyRotation,
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

/** Removes ephemeral members that have been away for too long, and tells everybody. @returns who they were */
export function removeAbsent(
  { admission, leadership, replica }: Pick<MeshState, "admission" | "leadership" | "replica">,
  isHere: (nodeId: NodeId) => boolean,
): readonly MemberRecord[] {
  return (leadership.ephemerals?.look(isHere) ?? []).filter(({ publicKey }) => {
    const removed = admission?.revoke(publicKey);
    if (removed !== undefined) replica.publish({ ...NO_UPDATE, records: [removed.signed] });
    return removed !== undefined;
  });
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
