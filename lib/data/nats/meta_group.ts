/**
 * Who belongs to a cluster of JetStream: its servers decide together where streams are kept, and wait for one that is gone
 * until they are told that it does not come back.
 * @module
 */

import type { NatsCredentials, NatsServer } from "./nats_server.ts";

/** How one server of the cluster is reached. */
export interface MetaGroupAccess {
  readonly server: NatsServer;
  /** Of its system account. */
  readonly credentials: NatsCredentials;
}

/** What has come of it. */
export interface Forgotten {
  /** How many servers were forgotten just now. */
  readonly count: number;
  /** Whether nothing is left to be done here: also where another server leads, which is the one that does it. */
  readonly isSettled: boolean;
}

/** One of the cluster, as its leader sees it. */
interface Peer {
  /** Its server's name, or a sentence while it was not heard since the leader's start. */
  readonly name: string;
  /** What it is called inside of the group; none in servers before 2.9.10. */
  readonly peer?: string;
  readonly offline?: boolean;
}

const REQUEST_MS = 5_000;

/**
 * Has the cluster forget servers that are away and belong to it no more: what they kept is copied to those that have no
 * copy yet. Does so only where the server that is reached leads the cluster, and when each member is there to copy.
 * @param members all servers that belong to it, by their own names
 * @throws what the client throws
 */
export async function forgetServers(
  { server, credentials }: MetaGroupAccess,
  members: ReadonlySet<string>,
): Promise<Forgotten> {
  const { connectNats } = await import("./connect.ts");
  const connection = await connectNats(server, { credentials });
  try {
    const ask = async (subject: string, body: unknown) =>
      (await connection.request(subject, JSON.stringify(body), { timeout: REQUEST_MS })).json<unknown>();
    const { server_id: id, server_name: own } = connection.info ?? {};
    const group = readMetaGroup(await ask(`$SYS.REQ.SERVER.${id}.JSZ`, {}));
    if (group === undefined) return { count: 0, isSettled: false };
    if (group.leader !== own) return { count: 0, isSettled: group.leader !== "" };
    const gone = goneServers(group, members);
    let count = 0;
    for (const { name, peer } of gone ?? []) {
      const answer = await ask("$JS.API.SERVER.REMOVE", {
        peer: name,
        ...peer !== undefined && { peer_id: peer },
      });
      // Another change may be under way, which ends first.
      if (fieldsOf(answer)["success"] !== true) return { count, isSettled: false };
      count++;
    }
    return { count, isSettled: gone !== undefined };
  } finally {
    await connection.close().catch(() => {});
  }
}

/** A cluster as one of its servers sees it. */
export interface MetaGroup {
  /** Empty while there is none. */
  readonly leader: string;
  readonly others: readonly Peer[];
}

/** @returns what a server answers to `$SYS.REQ.SERVER.ID.JSZ`; undefined when it is no part of a cluster */
export function readMetaGroup(answer: unknown): MetaGroup | undefined {
  const group = fieldsOf(fieldsOf(answer)["data"])["meta_cluster"];
  if (group === undefined) return undefined;
  const { leader, replicas } = fieldsOf(group);
  const others = (Array.isArray(replicas) ? replicas : []).map(fieldsOf).flatMap(({ name, peer, offline }) =>
    typeof name === "string"
      ? [{ name, ...typeof peer === "string" && { peer }, offline: offline === true }]
      : []
  );
  return { leader: typeof leader === "string" ? leader : "", others };
}

/**
 * Who is to be forgotten, as the cluster's leader sees it.
 * @returns undefined while a member is not there, or somebody who is none still is: nothing is decided then
 */
export function goneServers(
  { leader, others }: MetaGroup,
  members: ReadonlySet<string>,
): readonly Peer[] | undefined {
  const there = new Set([
    leader,
    ...others.filter(({ offline }) => offline !== true).map(({ name }) => name),
  ]);
  if (there.size !== members.size || !members.isSupersetOf(there)) return undefined;
  return others.filter(({ offline }) => offline === true);
}

function fieldsOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null ? value as Readonly<Record<string, unknown>> : {};
}
