/**
 * A member that sends forged updates: `forging_member.ts JSON` takes a `Forgery`, uses the keys of a member that does not
 * run, and sends what no honest member sends, each update over a channel of its own. It prints nothing. Only for targets
 * inside a lab.
 * @module
 */

import { encodeHex, unixMillis } from "../../../lib/base/mod.ts";
import { openChannel } from "../../../lib/channel/mod.ts";
import { SigningKey } from "../../../lib/crypto/mod.ts";
import { SqliteStateStore, systemClock, systemRandom, systemTimers } from "../../../lib/host/mod.ts";
import { IpAllocator } from "../../../lib/ipam/mod.ts";
import {
  encodeHello,
  encodeMeshMessage,
  type Member,
  MESH_TOPIC,
  MeshState,
  NO_UPDATE,
  type NodeId,
  type ReplicaUpdate,
  signRecord,
  signStatement,
} from "../../../lib/mesh/mod.ts";
import { Endpoint } from "../../../lib/net/mod.ts";
import { dialTcp } from "../../../lib/transport/mod.ts";

/** Whose keys to use, whom to tell, and about whom. */
export interface Forgery {
  readonly stateDir: string;
  /** The name of a member, and `address:port` of its message plane. */
  readonly target: string;
  readonly endpoint: string;
  /** The name of the member whom the updates are about. */
  readonly victim: string;
}

const HOUR_MS = 3_600_000;

if (import.meta.main) {
  const forgery: Forgery = JSON.parse(Deno.args[0] ?? "{}");
  using store = SqliteStateStore.open(forgery.stateDir);
  const mesh = MeshState.load(store, {
    random: systemRandom,
    clock: systemClock,
    addressPool: (cidr) => new IpAllocator(cidr),
  });
  const target = mesh.roster.byName(forgery.target);
  const victim = mesh.roster.byName(forgery.victim);
  const endpoint = Endpoint.parse(forgery.endpoint);
  if (target === undefined || victim === undefined || endpoint === undefined) {
    throw new Error("The target or the victim is not in the roster");
  }
  for (const body of forgedUpdates(mesh, victim)) await send(mesh, { target, endpoint }, body);
  Deno.exit(0);
}

/** Messages, each of which has one thing wrong with it. */
function forgedUpdates(mesh: MeshState, { record }: Member): Uint8Array[] {
  const { identity, network } = mesh;
  const stranger = SigningKey.fromSeed(new Uint8Array(32).fill(9));
  const now = systemClock.wall();
  const nowhere = [Endpoint.parse("192.0.2.66:1") as Endpoint];
  const stated = (nodeId: NodeId, signingKey: SigningKey, issuedAt: number) =>
    signStatement({
      nodeId,
      endpoints: nowhere,
      channelEndpoints: nowhere,
      labels: {},
      version: now + HOUR_MS,
      issuedAt: unixMillis(issuedAt),
    }, signingKey);
  const own = mesh.roster.signedStatement(identity.id);
  const message = (update: Partial<ReplicaUpdate>) =>
    encodeMeshMessage({ kind: "roster-update", update: { ...NO_UPDATE, ...update } });
  const updates: Partial<ReplicaUpdate>[] = [
    // The victim is removed, says somebody without the network's key.
    { records: [signRecord({ ...record, version: record.version + 1, revoked: true }, stranger)] },
    // The victim is elsewhere, says the forging member in its name.
    { statements: [stated(record.nodeId, identity.signingKey, now)] },
    // The forging member's own statement, from the future.
    { statements: [stated(identity.id, identity.signingKey, now + HOUR_MS)] },
    // Longer than anything that is looked at.
    { statements: [{ payload: new Uint8Array(5000), signature: new Uint8Array(64) }] },
    // Of nobody.
    { statements: [stated(encodeHex(new Uint8Array(16).fill(1)) as NodeId, identity.signingKey, now)] },
    // Of another network.
    {
      records: [
        signRecord({ ...record, networkId: encodeHex(new Uint8Array(16)) as typeof network.id }, stranger),
      ],
    },
    ...own === undefined ? [] : [{ statements: [own] }],
  ];
  return [...updates.map(message), Uint8Array.of(255, 255, 255)];
}

/** Sends one message, and waits until it was handled: the other end answers or hangs up. */
async function send(
  { identity, network }: MeshState,
  { target, endpoint }: { readonly target: Member; readonly endpoint: Endpoint },
  body: Uint8Array,
): Promise<void> {
  const stream = await dialTcp(endpoint, { timeoutMs: 5_000 });
  if (stream === undefined) throw new Error(`Nobody answers at ${endpoint}`);
  const channel = await openChannel(stream, {
    localStatic: identity.privateKey,
    remoteStatic: target.record.publicKey,
    hello: encodeHello({ kind: "member", networkId: network.id, nodeId: identity.id }),
    random: systemRandom,
    clock: systemClock,
    timers: systemTimers,
  });
  await channel.send({ topic: MESH_TOPIC, body });
  await channel.ping();
  channel.close();
  await channel.closed;
}
