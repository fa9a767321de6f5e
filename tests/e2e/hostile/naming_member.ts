/**
 * A member that takes names: `naming_member.ts JSON` takes a `Naming`, runs as the member whose state that is, and sends
 * entries that no honest member writes. It prints `sent`, and then stays until it is ended. Only for targets inside a lab.
 * @module
 */

import { OverlayBootstrap } from "../../../mod.ts";
import { unixMillis, utf8Bytes } from "../../../lib/base/mod.ts";
import { openChannel } from "../../../lib/channel/mod.ts";
import { SqliteStateStore, systemClock, systemRandom, systemTimers } from "../../../lib/host/mod.ts";
import { IpAllocator } from "../../../lib/ipam/mod.ts";
import { encodeHello, encodeMeshMessage, MESH_TOPIC, MeshState, NO_UPDATE } from "../../../lib/mesh/mod.ts";
import { signEntry } from "../../../lib/mesh/records/state_entry.ts";
import { Endpoint } from "../../../lib/net/mod.ts";
import { encodeAdvert } from "../../../lib/service/mod.ts";
import { dialTcp } from "../../../lib/transport/mod.ts";

/** Whose keys to use, whom to tell, and what. */
export interface Naming {
  readonly stateDir: string;
  /** The name of a member, and `address:port` of its message plane. */
  readonly target: string;
  readonly endpoint: string;
  /** Absolute names, each of which is to lead to `address`. */
  readonly names: readonly string[];
  readonly address: string;
  /** The paths of services that it advertises. */
  readonly paths: readonly string[];
}

const HOUR_MS = 3_600_000;

if (import.meta.main) {
  const naming: Naming = JSON.parse(Deno.args[0] ?? "{}");
  const { identity, network, target } = readState(naming);
  const node = await OverlayBootstrap.load({ stateDir: naming.stateDir, rootless: true, discovery: false });
  await node.start();
  const now = systemClock.wall();
  const entry = (kind: string, key: string, body: Uint8Array) =>
    signEntry({
      networkId: network.id,
      origin: identity.id,
      kind,
      key,
      version: now,
      issuedAt: now,
      expiresAt: unixMillis(now + HOUR_MS),
      isDeleted: false,
      body,
    }, identity.signingKey);
  const services = naming.paths.map((path) => ({
    path,
    version: "6.6.6",
    description: "",
    state: "running" as const,
    actions: [],
    events: [],
    elects: false,
    port: 80,
    protocol: "http",
  }));
  const advert = encodeAdvert({ run: 1, services, subscriptions: [], retains: false });
  const entries = [
    entry("service", "20", advert),
    // The last, so that all is there when it is.
    ...naming.names.map((name) => entry("name", name, utf8Bytes(`300 A ${naming.address}\n`))),
  ];
  const stream = await dialTcp(Endpoint.parse(naming.endpoint) as Endpoint, { timeoutMs: 5_000 });
  if (stream === undefined) throw new Error(`Nobody answers at ${naming.endpoint}`);
  const channel = await openChannel(stream, {
    localStatic: identity.privateKey,
    remoteStatic: target,
    hello: encodeHello({ kind: "member", networkId: network.id, nodeId: identity.id }),
    random: systemRandom,
    clock: systemClock,
    timers: systemTimers,
  });
  const update = { ...NO_UPDATE, entries };
  await channel.send({ topic: MESH_TOPIC, body: encodeMeshMessage({ kind: "roster-update", update }) });
  await channel.ping();
  // deno-lint-ignore no-console -- the test reads it
  console.log("sent");
  await node.closed;
}

function readState({ stateDir, target }: Naming) {
  using store = SqliteStateStore.open(stateDir);
  const mesh = MeshState.load(store, {
    random: systemRandom,
    clock: systemClock,
    addressPool: (cidr) => new IpAllocator(cidr),
  });
  const publicKey = mesh.roster.byName(target)?.record.publicKey;
  if (publicKey === undefined) throw new Error("The target is not in the roster");
  return { identity: mesh.identity, network: mesh.network, target: publicKey };
}
