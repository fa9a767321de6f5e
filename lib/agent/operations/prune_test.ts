import assert from "node:assert/strict";
import type { PeerReport } from "../../api/mod.ts";
import { unixMillis } from "../../base/mod.ts";
import { type MemberRecord, nodeIdOf, signRecord } from "../../mesh/mod.ts";
import { setUpAdmission } from "../../mesh/testing/admission_fixture.ts";
import { prunePeers } from "./prune.ts";
import { sampleStatus } from "../testing/sample_status.ts";

const DAY_MS = 86_400_000;

function setUp(uptimeMs = DAY_MS) {
  const { network, clock, roster, admission } = setUpAdmission(51);
  clock.advance(80 * DAY_MS);
  const wall = clock.wall();
  const peers: PeerReport[] = [];
  const hubs = new Map<string, MemberRecord["nodeId"]>();
  const [sample] = sampleStatus.peers;
  assert(sample);
  const add = (name: string, seenDaysAgo: number | undefined, fields: Partial<MemberRecord> = {}) => {
    const node = network.node();
    hubs.set(name, node.id);
    const issuedAt = unixMillis(wall - 60 * DAY_MS);
    const expiresAt = unixMillis(wall + 30 * DAY_MS);
    const isDevice = fields.roles?.includes("wireguard");
    const { verifyingKey: __, ...record } = network.record(node, { name, issuedAt, expiresAt, ...fields });
    const signed = isDevice
      ? signRecord({ ...record, nodeId: nodeIdOf(node.publicKey) }, network.identity.signingKey)
      : network.signed(node, { name, issuedAt, expiresAt, ...fields });
    assert.equal(roster.merge(signed), "added");
    const lastSeenMs = seenDaysAgo === undefined ? {} : { lastSeenMs: wall - seenDaysAgo * DAY_MS };
    const { lastSeenMs: _, ...rest } = sample;
    peers.push({ ...rest, name, publicKey: `${node.publicKey}`, ...lastSeenMs });
  };
  const agent = {
    clock,
    mesh: {
      roster,
      admission,
      identity: network.node(),
      leadership: {},
      replica: { publish: () => {} },
    },
    secrets: { set: () => {} },
    status: () => ({ ...sampleStatus, uptimeMs, peers }),
  } as unknown as Parameters<typeof prunePeers>[0];
  const names = () => [...roster.liveRecords()].map(({ name }) => name).sort();
  return { agent, add, names, hubs };
}

Deno.test("prunePeers() removes who was away for so long, never a leader, and devices only if asked", () => {
  const { agent, add, names } = setUp();
  add("here", 0);
  add("late", 29);
  add("gone", 31);
  add("never", undefined);
  add("chief", 40, { roles: ["leader", "member"] });
  add("phone", undefined, { roles: ["wireguard"], version: 3 });
  const all = ["chief", "gone", "here", "late", "never", "phone"];
  const dry = prunePeers(agent, { awayMs: 30 * DAY_MS, dryRun: true });
  assert.deepEqual(dry.peers.map(({ name }) => name), ["never", "gone"]);
  assert.deepEqual(names(), all);
  assert.equal(prunePeers(agent, { awayMs: 30 * DAY_MS, dryRun: true, devices: true }).peers.length, 3);
  const pruned = prunePeers(agent, { awayMs: 30 * DAY_MS });
  assert.deepEqual(pruned.peers.map(({ name }) => name), ["never", "gone"]);
  assert.deepEqual(names(), ["chief", "here", "late", "phone"]);
  prunePeers(agent, { awayMs: 30 * DAY_MS, devices: true });
  assert.deepEqual(names(), ["chief", "here", "late"]);
});

Deno.test("prunePeers() removes nobody while a leader may not have heard of all yet", () => {
  const { agent, add, names } = setUp(599_000);
  add("gone", 31);
  assert.throws(() => prunePeers(agent, { awayMs: 30 * DAY_MS }), { code: "TooEarly", hint: /in 1 min/ });
  assert.deepEqual(prunePeers(agent, { awayMs: 30 * DAY_MS, dryRun: true }).peers.length, 1);
  assert.deepEqual(names(), ["gone"]);
});

Deno.test("prunePeers() leaves devices alone whose hub is another node, which alone hears them", () => {
  const { agent, add, names, hubs } = setUp();
  add("hub", 0);
  const { mesh: { identity } } = agent;
  add("elsewhere", undefined, { roles: ["wireguard"], version: 3, hub: hubs.get("hub") ?? assert.fail() });
  add("here", undefined, { roles: ["wireguard"], version: 3, hub: identity.id });
  add("lost", undefined, {
    roles: ["wireguard"],
    version: 3,
    hub: (hubs.get("hub") ?? assert.fail()).replace(/./g, "0") as MemberRecord["nodeId"],
  });
  prunePeers(agent, { awayMs: 30 * DAY_MS, devices: true });
  assert.deepEqual(names(), ["elsewhere", "hub"]);
});
