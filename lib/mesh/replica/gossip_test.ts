import assert from "node:assert/strict";
import { MemoryStateStore, unixMillis, VirtualClock } from "../../base/mod.ts";
import { MAX_NODE_ENTRIES } from "./entry_bounds.ts";
import { Gossip, MAX_PUSHES, ROUND_MS } from "./gossip.ts";
import type { NodeId, NodeIdentity } from "../identity/identity.ts";
import { decodeMeshMessage, encodeMeshMessage, type MeshMessage } from "../wire/mesh_message.ts";
import { NO_UPDATE, updateSize } from "../records/replica_update.ts";
import { Replica } from "./replica.ts";
import { START, stated, TestNetwork } from "../testing/test_network.ts";

/** One end of a link, and the other. */
interface End {
  readonly nodeId: NodeId;
  readonly owner: Node;
  other: End;
}

class Node {
  readonly identity: NodeIdentity;
  readonly replica: Replica;
  readonly gossip: Gossip<End>;
  readonly links: End[] = [];
  received: string[] = [];
  receivedItems = 0;

  constructor(readonly clock: VirtualClock, network: TestNetwork) {
    this.identity = network.node();
    const { id: networkId, verifyingKey } = network.identity;
    this.replica = new Replica(new MemoryStateStore(), { networkId, verifyingKey, clock });
    this.gossip = new Gossip<End>(this.replica, { clock, random: network.random });
  }

  linkTo(other: Node): void {
    const here = { nodeId: other.identity.id, owner: this as Node } as unknown as End;
    const there: End = { nodeId: this.identity.id, owner: other, other: here };
    here.other = there;
    this.links.push(here);
    other.links.push(there);
    this.gossip.open(here, true);
    other.gossip.open(there, false);
  }
}

class Fixture {
  readonly clock = new VirtualClock(START);
  readonly network: TestNetwork;
  readonly nodes: Node[];

  constructor(seed: number, count: number) {
    this.network = new TestNetwork(seed);
    this.nodes = Array.from({ length: count }, () => new Node(this.clock, this.network));
  }

  /** Delivers until nothing is under way. @returns how many messages there were */
  settle(): number {
    let count = 0;
    for (let isBusy = true; isBusy;) {
      isBusy = false;
      for (const node of this.nodes) {
        for (let link = node.gossip.pollReady(); link !== undefined; link = node.gossip.pollReady()) {
          for (let bytes = node.gossip.pollTransmit(link); bytes; bytes = node.gossip.pollTransmit(link)) {
            isBusy = true;
            count++;
            const message = decodeMeshMessage(bytes);
            const { owner } = link.other;
            owner.received.push(message?.kind ?? "unreadable");
            owner.receivedItems += message?.kind === "roster-update" ? updateSize(message.update) : 0;
            owner.gossip.handleMessage(link.other, message);
          }
        }
      }
    }
    return count;
  }

  /** Lets time pass, with rounds. */
  pass(ms: number): void {
    for (let passed = 0; passed < ms; passed += 500) {
      this.clock.advance(500);
      for (const { gossip } of this.nodes) gossip.handleTimeout();
      this.settle();
    }
  }

  know(node: Node | undefined, ...who: readonly (NodeIdentity | undefined)[]): void {
    for (const identity of who) {
      assert.equal(node?.replica.roster.merge(this.network.signed(identity ?? assert.fail())), "added");
    }
  }

  assertSame(): void {
    const digests = this.nodes.map(({ replica }) => replica.versions.digest(this.clock.wall()).toHex());
    assert.equal(new Set(digests).size, 1);
  }
}

function three(seed: number): { stage: Fixture; a: Node; b: Node; c: Node } {
  const stage = new Fixture(seed, 3);
  const [a, b, c] = stage.nodes as [Node, Node, Node];
  for (const node of stage.nodes) stage.know(node, ...stage.nodes.map(({ identity }) => identity));
  return { stage, a, b, c };
}

Deno.test("Gossip.open() brings both ends of a link to the same state, whoever had more", () => {
  const stage = new Fixture(1, 2);
  const [a, b] = stage.nodes as [Node, Node];
  const strangers = Array.from({ length: 100 }, () => stage.network.node());
  stage.know(a, ...strangers.slice(0, 60));
  stage.know(b, ...strangers.slice(40));
  a.replica.roster.mergeStatement(stated(strangers[0] ?? assert.fail(), 1, "192.0.2.1:1"));
  b.replica.entries.merge(stage.network.entry(strangers[99] ?? assert.fail()));
  a.linkTo(b);
  stage.settle();
  stage.assertSame();
  assert.equal(a.replica.roster.members().length, 100);
  assert.equal(a.replica.entries.list("name").length, 1);
  assert.deepEqual([a.receivedItems, b.receivedItems], [41, 41], "each gets what it lacks once");
});

Deno.test("Gossip.open() lets nobody wait for who came at the same moment, and has answered", () => {
  const stage = new Fixture(11, 5);
  const [hub, ...newcomers] = stage.nodes as [Node, ...Node[]];
  for (const newcomer of newcomers) {
    stage.know(newcomer, newcomer.identity, hub.identity);
    newcomer.linkTo(hub);
  }
  for (let i = 0; i < newcomers.length; i++) {
    stage.settle();
    hub.gossip.handleTimeout();
  }
  stage.settle();
  stage.assertSame();
  assert.equal(hub.replica.roster.members().length, 5);
});

Deno.test("Gossip.open() between equal replicas costs one digest", () => {
  const { stage, a, b } = three(2);
  a.linkTo(b);
  assert.equal(stage.settle(), 1);
  assert.deepEqual(b.received, ["digest"]);
});

Deno.test("Gossip.push() sends a change at once, and only what is new is passed on", () => {
  const { stage, a, b, c } = three(3);
  a.linkTo(b);
  b.linkTo(c);
  c.linkTo(a);
  stage.settle();
  for (const node of stage.nodes) node.received = [];
  const statement = stated(a.identity, 1, "192.0.2.1:1");
  a.replica.roster.mergeStatement(statement);
  a.gossip.push({ ...NO_UPDATE, statements: [statement] });
  // From a to both; from each of them to the other one; nobody answers what is old.
  assert.equal(stage.settle(), 4);
  stage.assertSame();
});

Deno.test("Gossip.handleTimeout() begins a round that finds what a push has missed", () => {
  const { stage, a, b } = three(4);
  a.linkTo(b);
  stage.settle();
  const added = stage.network.node();
  stage.know(a, added);
  stage.settle();
  assert.equal(b.replica.roster.get(added.id), undefined);
  stage.pass(ROUND_MS * 1.3);
  assert.ok(b.replica.roster.get(added.id));
  stage.nodes.pop();
  stage.assertSame();
});

Deno.test("Gossip settles two records of the same version, a revocation above a later version, and entries taken back", () => {
  const { stage, a, b } = three(5);
  const { network } = stage;
  const [x, y, z] = [network.node(), network.node(), network.node()];
  stage.know(a, x, y, z);
  stage.know(b, x, y, z);
  a.replica.roster.merge(network.signed(x, { version: 2, name: "one" }));
  b.replica.roster.merge(network.signed(x, { version: 2, name: "two" }));
  a.replica.roster.merge(network.signed(y, { version: 9 }));
  b.replica.roster.merge(network.signed(y, { version: 2, revoked: true }));
  a.replica.roster.mergeStatement(stated(y, 1, "192.0.2.1:1"));
  a.replica.entries.merge(network.entry(y));
  a.replica.entries.merge(network.entry(z));
  b.replica.entries.merge(network.entry(z, { version: 2, isDeleted: true }));
  a.linkTo(b);
  stage.settle();
  stage.nodes.pop();
  stage.assertSame();
  for (const { replica } of stage.nodes) {
    assert.ok(replica.roster.isRevoked(y.publicKey));
    assert.deepEqual(replica.entries.list("name"), []);
  }
  assert.equal(a.replica.roster.recordById(x.id)?.name, b.replica.roster.recordById(x.id)?.name);
  stage.clock.advance(2 * ROUND_MS);
  for (const node of stage.nodes) {
    node.received = [];
    node.gossip.handleTimeout();
  }
  assert.equal(stage.settle(), 2, "nothing is left to send but two digests");
});

Deno.test("Gossip.push() sends to leaders and sixteen others, a revocation to all", () => {
  const stage = new Fixture(6, 30);
  const { network } = stage;
  const [hub, leader, ...others] = stage.nodes as [Node, Node, ...Node[]];
  for (const node of stage.nodes) {
    stage.know(hub, node.identity);
    if (node === leader) {
      hub.replica.roster.merge(network.signed(leader.identity, { version: 2, roles: ["leader"] }));
    }
  }
  for (const node of [leader, ...others]) hub.linkTo(node);
  stage.settle();
  for (const node of stage.nodes) node.received = [];
  const statement = stated(hub.identity, 1, "192.0.2.1:1");
  hub.replica.roster.mergeStatement(statement);
  hub.gossip.push({ ...NO_UPDATE, statements: [statement] });
  stage.settle();
  const reached = others.filter(({ received }) => received.length > 0).length;
  assert.deepEqual([reached, leader.received.length], [MAX_PUSHES, 1]);
  for (const node of stage.nodes) node.received = [];
  const revocation = network.signed(leader.identity, { version: 3, revoked: true });
  hub.replica.roster.merge(revocation);
  hub.gossip.push({ ...NO_UPDATE, records: [revocation] });
  stage.settle();
  assert.ok(others.every(({ received }) => received.includes("roster-update")));
});

Deno.test("Gossip heals thousands of differences in small messages", () => {
  const stage = new Fixture(7, 2);
  const [a, b] = stage.nodes as [Node, Node];
  const { network } = stage;
  stage.know(a, a.identity);
  const { signingKey } = network.identity;
  const largest = { kind: "name", body: new Uint8Array(3000) };
  for (let i = 0; i < 100; i++) {
    a.replica.entries.write(network.identity.id, signingKey, { ...largest, key: `${i}`.padEnd(255, "x") });
  }
  let longest = 0;
  const { pollTransmit } = a.gossip;
  a.gossip.pollTransmit = (link) => {
    const bytes = pollTransmit.call(a.gossip, link);
    longest = Math.max(longest, bytes?.length ?? 0);
    return bytes;
  };
  b.linkTo(a);
  stage.settle();
  stage.assertSame();
  assert.equal(b.replica.entries.list("name").length, 100);
  assert.ok(longest > 200_000 && longest <= 256 * 1024, `${longest} bytes`);
});

Deno.test("Gossip.handleMessage() counts what is unreadable, oversized and forged", () => {
  const { stage, a, b, c } = three(8);
  a.linkTo(b);
  stage.settle();
  const [link = assert.fail()] = b.links;
  const receive = (message: MeshMessage | undefined) => b.gossip.handleMessage(link, message);
  receive(undefined);
  const long = { ...stated(a.identity, 1), payload: new Uint8Array(4097) };
  receive(decodeMeshMessage(encodeMeshMessage({
    kind: "roster-update",
    update: { ...NO_UPDATE, statements: [long] },
  })));
  // A member lies about another.
  const forged = { ...stated(c.identity, 5, "192.0.2.66:1"), signature: stated(a.identity, 5).signature };
  const outcome = receive({ kind: "roster-update", update: { ...NO_UPDATE, statements: [forged] } });
  assert.ok(outcome.isForged);
  const future = stated(a.identity, { version: 9, issuedAt: unixMillis(START + 3_600_000) });
  assert.equal(
    receive({ kind: "roster-update", update: { ...NO_UPDATE, statements: [future] } }).rejected,
    1,
  );
  const { unreadable, oversized, signature, future: ahead } = b.replica.refusals.snapshot();
  assert.deepEqual([unreadable, oversized, signature, ahead], [1, 1, 1, 1]);
  assert.equal(stage.settle(), 0, "nobody passes such things on");
});

Deno.test("Gossip.handleMessage() answers a flood of vectors within bounds", () => {
  const { stage, a, b } = three(9);
  const many = Array.from(
    { length: 100 },
    (_, i) => stage.network.entry(a.identity, { key: `k${i}`, kind: "name" }),
  );
  for (const node of [a, b]) for (const entry of many) node.replica.entries.merge(entry);
  assert.equal(a.replica.entries.list("name").length, MAX_NODE_ENTRIES, "bounded for each origin");
  a.linkTo(b);
  stage.settle();
  const [link = assert.fail()] = a.links;
  const range = { first: "0".repeat(32), last: "f".repeat(32) };
  for (let i = 0; i < 1000; i++) {
    a.gossip.handleMessage(link, { kind: "vector", vector: { range, origins: [] } });
  }
  let answers = 0;
  while (a.gossip.pollTransmit(link) !== undefined) answers++;
  assert.ok(answers < 200, `${answers} answers`);
});

Deno.test("Gossip.clockSkews() tells whose clock is wrong", () => {
  const { stage, a, b } = three(10);
  b.linkTo(a);
  stage.settle();
  const [link = assert.fail()] = a.links;
  const fingerprints = a.replica.versions.digest(START);
  a.gossip.handleMessage(link, {
    kind: "digest",
    digest: { fingerprints, wallTime: unixMillis(START + 3_600_000) },
  });
  assert.deepEqual([...a.gossip.clockSkews().values()], [3_600_000]);
  a.gossip.close(link);
  assert.deepEqual([...a.gossip.clockSkews().values()], []);
});
