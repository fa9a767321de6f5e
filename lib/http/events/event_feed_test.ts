import assert from "node:assert/strict";
import { SampleControl } from "../../agent/testing/sample_control.ts";
import { sampleStatus } from "../../agent/testing/sample_status.ts";
import type { StatusReport } from "../../api/mod.ts";
import { SeededRandom, VirtualClock, VirtualTimers } from "../../base/mod.ts";
import { EventFeed, type EventStream } from "./event_feed.ts";

/** A control whose status a test changes. */
class ChangingControl extends SampleControl {
  report: StatusReport = sampleStatus;
  asked1 = 0;
  fails = false;

  constructor(readonly clock: VirtualClock) {
    super();
  }

  override status(): StatusReport {
    this.asked1++;
    if (this.fails) throw new Error("it does not answer");
    // What is told as an age grows with the clock, and by some fraction of a second more or less.
    const age = this.clock.now() + 300 * (this.asked1 % 3);
    const peers = this.report.peers.map((peer) => ({
      ...peer,
      lastHandshakeAgeMs: peer.lastHandshakeAgeMs === null ? null : peer.lastHandshakeAgeMs + age,
      ...peer.healthy && { lastSeenMs: this.clock.wall() },
    }));
    return { ...this.report, uptimeMs: this.report.uptimeMs + age, peers };
  }
}

class FeedFixture {
  readonly clock = new VirtualClock();
  readonly timers = new VirtualTimers(this.clock);
  readonly control = new ChangingControl(this.clock);
  readonly failures: unknown[] = [];
  readonly feed: EventFeed = this.make(1);

  make(seed: number): EventFeed {
    const { control, clock, timers } = this;
    const random = new SeededRandom(seed);
    return new EventFeed({
      control,
      clock,
      timers,
      random,
      onFailure: (error) => void this.failures.push(error),
    });
  }

  open(source = "a", after = ""): EventStream {
    const stream = this.feed.open(source, after);
    assert(typeof stream !== "string", String(stream));
    return stream;
  }

  /** @returns the next event of a stream while time goes on */
  async next(stream: EventStream): Promise<{ id: string; event: string; data: Record<string, unknown> }> {
    const text = await this.text(stream);
    const { id = "", event = "", data = "" } =
      /^id: (?<id>.*)\nevent: (?<event>.*)\ndata: (?<data>.*)\n\n/.exec(text)?.groups ?? {};
    assert.notEqual(id, "", text);
    return { id, event, data: JSON.parse(data) };
  }

  async text(stream: EventStream): Promise<string> {
    let text: string | undefined;
    const read = stream.next().then((said) => text = said ?? "end");
    for (let i = 0; i < 200 && text === undefined; i++) {
      this.timers.advance(100);
      for (let turn = 0; turn < 5; turn++) await new Promise<void>((resolve) => setImmediate(resolve));
    }
    return await read;
  }
}

const withPeers = (count: number): StatusReport => {
  const [peer] = sampleStatus.peers;
  assert(peer);
  const peers = Array.from({ length: count }, (_, i) => ({ ...peer, name: `n-${i}`, publicKey: `key-${i}` }));
  return { ...sampleStatus, peers };
};

Deno.test("a stream begins with a snapshot of everything, without a secret", async () => {
  const fixture = new FeedFixture();
  const { event, data } = await fixture.next(fixture.open());
  assert.equal(event, "snapshot");
  const entries = data.entries as Record<string, unknown>;
  const kinds = new Set(Object.keys(entries).map((key) => key.split(":")[0]));
  assert.deepEqual([...kinds].sort(), [
    ...["collection", "counters", "denials", "event", "links", "name", "network", "node", "peer", "policy"],
    ...["queue", "rule", "service", "token", "traffic"],
  ]);
  assert(!JSON.stringify(data).includes("weft1-"));
});

Deno.test("what changes is told by itself, and what only grows older is not", async () => {
  const fixture = new FeedFixture();
  const stream = fixture.open();
  await fixture.next(stream);
  const { control } = fixture;
  const [first, ...others] = sampleStatus.peers;
  assert(first);
  assert.equal(await fixture.text(stream), ": nothing new\n\n");
  control.report = { ...sampleStatus, peers: [{ ...first, healthy: false, rttMs: null }, ...others] };
  const { event, data } = await fixture.next(stream);
  assert.equal(event, "change");
  assert.deepEqual(Object.keys(data.set as object).sort(), [
    `peer:${first.publicKey}`,
    `traffic:${first.publicKey}`,
  ]);
  control.report = { ...sampleStatus, peers: others };
  const { data: { gone } } = await fixture.next(stream);
  assert.deepEqual((gone as string[]).sort(), [`peer:${first.publicKey}`, `traffic:${first.publicKey}`]);
});

Deno.test("a stream goes on behind what its reader has, and begins anew behind what is kept no more", async () => {
  const fixture = new FeedFixture();
  const { control } = fixture;
  const stream = fixture.open();
  const { id } = await fixture.next(stream);
  const changes: string[] = [];
  for (let count = 3; count < 6; count++) {
    control.report = withPeers(count);
    changes.push((await fixture.next(stream)).id);
  }
  const resumed = await fixture.next(fixture.open("a", changes[0]));
  assert.equal(resumed.event, "change");
  assert.equal(resumed.id, changes[1]);
  for (const after of ["nonsense", "", "00-1", `${id.split("-")[0]}-999`, `${id}x`]) {
    assert.equal((await fixture.next(fixture.open("b", after))).event, "snapshot", after);
  }
  // Another run of the agent counts anew.
  const other = fixture.make(2).open("a", id);
  assert(typeof other !== "string");
  assert.equal((await fixture.next(other)).event, "snapshot");
});

Deno.test("a reader that reads nothing costs nothing: it is told the whole again, and not all that it has missed", async () => {
  const fixture = new FeedFixture();
  const { control } = fixture;
  const [slow, quick] = [fixture.open("slow"), fixture.open("quick")];
  await fixture.next(slow);
  await fixture.next(quick);
  for (let round = 0; round < 130; round++) {
    control.report = withPeers(1 + round % 7);
    await fixture.next(quick);
  }
  const told = await fixture.next(slow);
  assert.equal(told.event, "snapshot");
});

Deno.test("there are 16 streams of one source, 64 in all, and what has ended makes room", () => {
  const { feed } = new FeedFixture();
  const streams = Array.from({ length: 16 }, () => feed.open("a"));
  assert.equal(feed.open("a"), "source-has-too-many");
  for (let i = 0; i < 48; i++) assert.notEqual(typeof feed.open(`b-${i % 4}`), "string");
  assert.equal(feed.open("c"), "too-many");
  const [first] = streams;
  assert(typeof first === "object");
  first.end();
  first.end();
  assert.equal(feed.streams, 63);
  assert.notEqual(typeof feed.open("a"), "string");
  feed.close();
  assert.equal(feed.streams, 0);
});

Deno.test("while nobody reads, nothing is asked and no timer runs", async () => {
  const fixture = new FeedFixture();
  const stream = fixture.open();
  await fixture.next(stream);
  stream.end();
  assert.equal(await stream.next(), undefined);
  for (let i = 0; i < 5; i++) await new Promise<void>((resolve) => setImmediate(resolve));
  assert.equal(fixture.timers.size, 0);
  const before = fixture.control.asked1;
  fixture.timers.advance(60_000);
  assert.equal(fixture.control.asked1, before);
});

Deno.test("a look that fails is told, and the next one begins anew", async () => {
  const fixture = new FeedFixture();
  const stream = fixture.open();
  await fixture.next(stream);
  fixture.control.fails = true;
  assert.equal(await fixture.text(stream), ": nothing new\n\n");
  assert(fixture.failures.length > 0);
  fixture.control.fails = false;
  assert.equal((await fixture.next(stream)).event, "snapshot");
});
