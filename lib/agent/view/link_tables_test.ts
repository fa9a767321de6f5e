import assert from "node:assert/strict";
import type { PeerReport } from "../../api/mod.ts";
import { VirtualClock, VirtualTimers } from "../../base/mod.ts";
import { acceptLocalChannel, type Channel, openLocalChannel } from "../../channel/mod.ts";
import type { PublicKey } from "../../crypto/mod.ts";
import type { NodeId } from "../../mesh/mod.ts";
import { memoryStreamPair } from "../../transport/testing/memory_stream.ts";
import { sampleStatus } from "../testing/sample_status.ts";
import { decodeLinkTables, encodeLinkQuestion, encodeLinkTables, MAX_LINKS } from "./link_table_codec.ts";
import { LINKS_REFUSALS, LINKS_TOPIC, LinkTables, type LinkTablesParts } from "./link_tables.ts";

const IDS = ["a", "b", "c", "d"].map((letter) => letter.repeat(32) as NodeId);
const [A = "" as NodeId, B = "" as NodeId, C = "" as NodeId, D = "" as NodeId] = IDS;
const keyOf = (id: NodeId) => ({ id } as unknown as PublicKey);

/** Members in one process, with channels between those that are linked. */
class ViewFixture {
  readonly clock = new VirtualClock();
  readonly timers = new VirtualTimers(this.clock);
  readonly members = new Set<NodeId>(IDS);
  readonly nodes = new Map<NodeId, LinkTables>();
  readonly channels = new Map<NodeId, { nodeId: NodeId; channel: Channel }[]>();
  /** Who was asked, by whom. */
  readonly asked: string[] = [];

  add(id: NodeId, role: "leader" | "member", linked: readonly NodeId[]): LinkTables {
    const { clock, timers } = this;
    const [peer] = sampleStatus.peers;
    assert(peer);
    const peers = linked.map((other): PeerReport => ({ ...peer, id: other, name: other.slice(0, 1) }));
    const roster = {
      get: (other: NodeId) => this.members.has(other) ? {} : undefined,
      linkable: (other: NodeId) => this.members.has(other) ? {} : undefined,
      recordByKey: (key: unknown) => {
        const { id: nodeId } = key as { id: NodeId };
        // Of one that was removed there is a record yet.
        return { nodeId };
      },
    };
    const mesh = { roster, identity: { id }, role } as unknown as LinkTablesParts["mesh"];
    const node = new LinkTables({
      clock,
      timers,
      mesh,
      links: () => this.channels.get(id) ?? [],
      elected: () => A,
      peers: () => peers,
      denied: () => 3,
    });
    this.nodes.set(id, node);
    return node;
  }

  /** Both serve what the other asks. @returns the first one's end */
  link(one: NodeId, other: NodeId): Channel {
    const { clock, timers } = this;
    const [near, far] = memoryStreamPair();
    const open = (id: NodeId, to: NodeId, make: typeof openLocalChannel, end: typeof near): Channel => {
      const channel = make(end, { clock, timers });
      Object.defineProperty(channel, "remoteStatic", { value: keyOf(to) });
      this.nodes.get(id)?.prepare(channel);
      this.channels.set(id, [...this.channels.get(id) ?? [], { nodeId: to, channel }]);
      const openStream = channel.openStream.bind(channel);
      channel.openStream = (topic, header) => {
        this.asked.push(`${id[0]} asks ${to[0]}`);
        return openStream(topic, header);
      };
      return channel;
    };
    const channel = open(one, other, openLocalChannel, near);
    open(other, one, acceptLocalChannel, far);
    return channel;
  }

  async settle(): Promise<void> {
    for (let i = 0; i < 40; i++) await new Promise<void>((resolve) => setImmediate(resolve));
  }

  async ask(channel: Channel, header: Uint8Array): Promise<{ code: number | undefined; length: number }> {
    const stream = channel.openStream(LINKS_TOPIC, header);
    stream.end();
    let length = 0;
    for (let bytes = await stream.read(); bytes !== undefined; bytes = await stream.read()) {
      length += bytes.length;
    }
    return { code: stream.resetCode, length };
  }

  close(): void {
    for (const { channel } of [...this.channels.values()].flat()) channel.close("the test is over");
    for (const node of this.nodes.values()) node.close();
  }
}

Deno.test("LinkTables: a member hears of its own neighbours by themselves, and of the others by one leader", async () => {
  const fixture = new ViewFixture();
  fixture.add(A, "leader", [B, C, D]);
  const b = fixture.add(B, "member", [A, C]);
  fixture.add(C, "member", [A, B]);
  fixture.add(D, "member", [A]);
  fixture.link(B, A);
  fixture.link(B, C);
  fixture.link(A, C);
  fixture.link(A, D);
  assert.deepEqual(b.view(), []);
  await fixture.settle();
  const view = b.view();
  assert.deepEqual(view.map(({ id }) => id[0]).sort(), ["a", "c", "d"]);
  const ofD = view.find(({ id }) => id === D);
  assert.deepEqual(ofD?.links.map(({ id, path }) => [id, path]), [[A, "direct"]]);
  assert.equal(ofD?.denied, 3);
  fixture.close();
});

Deno.test("LinkTables: nobody is asked but by who looks, and who looks all the time asks every ten seconds", async () => {
  const fixture = new ViewFixture();
  fixture.add(A, "leader", [B]);
  const b = fixture.add(B, "member", [A]);
  fixture.link(B, A);
  for (let second = 0; second < 60; second++) {
    if (second === 30) assert.deepEqual(fixture.asked, []);
    if (second >= 30) b.view();
    await fixture.settle();
    fixture.timers.advance(1_000);
  }
  assert.equal(fixture.asked.filter((each) => each === "b asks a").length, 3);
  fixture.close();
});

Deno.test("LinkTables: strangers, nonsense, and who asks too often are refused", async () => {
  const fixture = new ViewFixture();
  fixture.add(A, "leader", [B]);
  fixture.add(B, "member", [A]);
  const channel = fixture.link(B, A);
  const own = encodeLinkQuestion(false);
  assert.equal((await fixture.ask(channel, Uint8Array.of(0xff, 1))).code, LINKS_REFUSALS.malformed);
  const codes = new Set<number | undefined>();
  for (let i = 0; i < 12; i++) codes.add((await fixture.ask(channel, own)).code);
  assert.deepEqual([...codes], [undefined, LINKS_REFUSALS["too-often"]]);
  fixture.timers.advance(10_000);
  assert((await fixture.ask(channel, own)).length > 0);
  fixture.members.delete(B);
  fixture.timers.advance(10_000);
  assert.equal((await fixture.ask(channel, own)).code, LINKS_REFUSALS["not-member"]);
  fixture.close();
});

Deno.test("LinkTables: a member that is none any more, and one that says nothing new, are forgotten", async () => {
  const fixture = new ViewFixture();
  fixture.add(A, "leader", [B, C]);
  const b = fixture.add(B, "member", [A, C]);
  fixture.add(C, "member", [A, B]);
  fixture.link(B, C);
  b.view();
  await fixture.settle();
  assert.equal(b.view().length, 1);
  fixture.members.delete(C);
  assert.equal(b.view().length, 0);
  fixture.members.add(C);
  fixture.nodes.get(C)?.close();
  fixture.timers.advance(121_000);
  await fixture.settle();
  assert.equal(b.view().length, 0);
  fixture.close();
});

const tables = [{
  id: A,
  ageMs: 1_500,
  denied: 7,
  links: [{
    id: B,
    path: "relay" as const,
    via: "web-1",
    rttMs: 1.25,
    rxBytes: 2 ** 40,
    txBytes: 1,
    lastHandshakeAt: 1_700_000_000_000,
    healthy: true,
    hasChannel: false,
    why: "it has not answered",
  }, {
    id: C,
    path: "none" as const,
    rttMs: null,
    rxBytes: 0,
    txBytes: 0,
    lastHandshakeAt: null,
    healthy: false,
    hasChannel: true,
  }],
}];

Deno.test("encodeLinkTables() and decodeLinkTables() are each other's inverse", () => {
  const wall = 1_700_000_012_000;
  assert.deepEqual(decodeLinkTables(encodeLinkTables(tables, wall), wall), tables);
});

Deno.test("decodeLinkTables() never throws, wherever a message is cut or changed", () => {
  const good = encodeLinkTables(tables, 1_700_000_012_000);
  for (let at = 0; at < good.length; at++) {
    decodeLinkTables(good.subarray(0, at), 0);
    for (const bit of [1, 0x80]) {
      const bad = good.slice();
      bad[at] = (bad[at] ?? 0) ^ bit;
      for (const { links } of decodeLinkTables(bad, 0) ?? []) {
        for (const { rttMs, rxBytes } of links) {
          assert(Number.isSafeInteger(rxBytes) && (rttMs === null || rttMs >= 0));
        }
      }
    }
  }
});

Deno.test("encodeLinkTables() leaves out what is too much, and decodeLinkTables() takes no more of one", () => {
  const [table] = tables;
  const [link] = table?.links ?? [];
  assert(table && link);
  const long = { ...table, links: Array.from({ length: MAX_LINKS + 9 }, () => link) };
  const bytes = encodeLinkTables(Array.from({ length: 40 }, () => long), 0);
  assert(bytes.length <= 1 << 20);
  const read = decodeLinkTables(bytes, 0);
  assert(read !== undefined && read.length > 3 && read.length < 40);
  assert.equal(read[0]?.links.length, MAX_LINKS);
});
