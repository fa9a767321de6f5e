/**
 * A network whose leaders are all gone: what a leader leaves for that day, and how a machine goes on from it.
 *
 *     a member   becomes a leader beside its own identity (`Leadership.recover`)
 *     any other  goes on as the leader that made the file, with its keys, name and address, so that members find it where
 *                that leader was; those behind NATs could not be found in any other way
 *
 * @module
 */

import { type StateStore, utf8Bytes } from "../base/mod.ts";
import { networkIdOf } from "./identity/mod.ts";
import { MAX_RECOVERY_MEMBER_BYTES, type RecoveryContent, SliceLedger } from "./leaders/mod.ts";
import { type MeshOptions, MeshState } from "./mesh_state.ts";
import {
  AlreadyInitializedError,
  hasSigningKey,
  keepIdentity,
  keepRecovering,
  storedNetworkId,
  writeNetwork,
} from "./network_store.ts";
import { emptyUpdate, NO_UPDATE, PLAIN_READER, type ReplicaUpdate, verifyRecord } from "./records/mod.ts";
import { MARK_KEY, MARK_KIND, type Member } from "./replica/mod.ts";

/** The kind of the entry that says that a recovery file was made, and when; the network's key alone may write it. */
export const RECOVERY_KIND = "recovery";
const EXPORTED_KEY = "exported";

/** @returns what a leader puts into a recovery file @throws TypeError on a node that is no leader */
export function recoveryContent(mesh: MeshState, now: RecoveryContent["madeAt"]): RecoveryContent {
  const { identity, network: { signingKey }, cidr, ipv6Cidr } = mesh;
  if (signingKey === undefined) throw new TypeError("Cannot do that: this node is no leader");
  const cidrs = ipv6Cidr === undefined ? [cidr] : [cidr, ipv6Cidr];
  return { signingKey, identity, cidrs, madeAt: now, roster: mostWanted(mesh) };
}

/** @returns when a recovery file was last made, in milliseconds since 1970; undefined when not in the last 90 days */
export function exportedAt({ replica: { entries }, network }: MeshState): number | undefined {
  return entries.get(RECOVERY_KIND, network.id, EXPORTED_KEY)?.issuedAt;
}

/** Has everybody know that a file was made. @returns what others are to be sent */
export function noteExport(
  { replica: { entries }, network: { id, signingKey } }: MeshState,
  { madeAt }: RecoveryContent,
): ReplicaUpdate {
  const entry = { kind: RECOVERY_KIND, key: EXPORTED_KEY, body: utf8Bytes(String(madeAt)) };
  const signed = signingKey && entries.write(id, signingKey, entry);
  return signed === undefined ? NO_UPDATE : { ...NO_UPDATE, entries: [signed] };
}

/**
 * Makes the leader of a file anew in a store that belongs to no network. Others tell it what has happened since the file
 * was made; until then it gives out no address.
 * @throws AlreadyInitializedError when the store belongs to a network
 * @returns the state, or what is wrong with the file; then nothing is stored
 */
export function restoreLeader(
  store: StateStore,
  { signingKey, identity, cidrs, roster }: RecoveryContent,
  options: MeshOptions,
): MeshState | { readonly problem: string } {
  if (storedNetworkId(store) !== undefined) throw new AlreadyInitializedError();
  const { verifyingKey } = signingKey;
  const own = roster.records.map((signed) => verifyRecord(signed, verifyingKey))
    .find((record) => record?.nodeId === identity.id);
  if (own === undefined || own.networkId !== networkIdOf(verifyingKey)) {
    return { problem: "it does not hold the record of its own leader" };
  }
  return store.transaction(() => {
    keepIdentity(store, identity);
    writeNetwork(store, { settings: { verifyingKey, cidrs }, signingKey });
    SliceLedger.begin(store);
    keepRecovering(store, "file");
    const state = MeshState.load(store, options);
    goOnMarking(state, roster);
    state.replica.merge(roster);
    // It may have expired since.
    if (state.roster.get(own.nodeId) === undefined) state.admission?.renew(own);
    // Who has which address is looked at when a leader is loaded.
    return MeshState.load(store, options);
  });
}

/**
 * A node that comes back by an older copy of its state would give out again what it has given out since: a leader keeps no
 * addresses of its own until others have told what has happened, and no token, whose uses it has forgotten. What it says
 * itself needs nothing: versions begin at the clock, see `EntryBook`.
 * @param how.keepsTokens whether tokens stay, with the uses that they had then: members that have come since, and that
 *   nobody else knows, come back by them, as does whoever else has one
 */
export function noteRestored(
  store: StateStore,
  { keepsTokens = false }: { readonly keepsTokens?: boolean } = {},
): void {
  if (!hasSigningKey(store)) return;
  const tokens = keepsTokens ? [] : ["token", "token-admission", "start-token"];
  for (const collection of ["slice", ...tokens]) {
    for (const [key] of store.entries(collection)) store.delete(collection, key);
  }
  SliceLedger.begin(store);
  keepRecovering(store, "file");
}

/** Memberships expire by the marks of leaders: the first one anew says how long there was none. */
function goOnMarking({ replica, network: { id, signingKey } }: MeshState, { entries }: ReplicaUpdate): void {
  for (const signed of entries) {
    const entry = PLAIN_READER.entry(signed.payload);
    if (entry?.kind !== MARK_KIND || entry.key !== MARK_KEY) continue;
    replica.networkClock.note(entry.origin, entry);
    const body = replica.networkClock.nextMark();
    if (body === undefined || signingKey === undefined) continue;
    replica.entries.write(id, signingKey, { kind: MARK_KIND, key: MARK_KEY, body });
  }
}

/** The leader itself, other leaders, and of other members as many as there is room for, those first that can be dialled. */
function mostWanted({ identity, roster, replica, network }: MeshState): ReplicaUpdate {
  const rank = ({ record, statement }: Member): number => {
    if (record.nodeId === identity.id) return 0;
    if (record.roles.includes("leader")) return 1;
    return statement !== undefined && statement.channelEndpoints.length > 0 ? 2 : 3;
  };
  const wanted = emptyUpdate();
  let lengthBytes = 0;
  for (const { record: { nodeId } } of roster.members().toSorted((a, b) => rank(a) - rank(b))) {
    const record = roster.signedRecord(nodeId);
    const statement = roster.signedStatement(nodeId);
    if (record === undefined) continue;
    const signed = [record, ...statement ? [statement] : []];
    lengthBytes += signed.reduce((sum, { payload, signature }) => sum + payload.length + signature.length, 0);
    if (lengthBytes > MAX_RECOVERY_MEMBER_BYTES) break;
    wanted.records.push(record);
    if (statement !== undefined) wanted.statements.push(statement);
  }
  const mark = replica.entries.signedEntry(network.id, MARK_KIND, MARK_KEY);
  if (mark !== undefined) wanted.entries.push(mark);
  return wanted;
}
