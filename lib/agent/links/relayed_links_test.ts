/**
 * Links between members that can't dial each other.
 * @module
 */

import assert from "node:assert/strict";
import { PlaneNetwork, type PlaneNode } from "./testing/plane_network.ts";

/** Only leaders, who are the first `leaders`, can be dialled. */
function onlyLeadersAreOpen(network: PlaneNetwork, leaders: number): void {
  network.canDial = (_, to) => network.nodes.indexOf(to) < leaders;
}

const last = (network: PlaneNetwork): [PlaneNode, PlaneNode] => {
  const [a, b] = network.nodes.slice(-2);
  assert.ok(a && b);
  return [a, b];
};

Deno.test("two members of whom neither can be dialled have a link through the leader, which can't read it", async () => {
  await using network = new PlaneNetwork();
  onlyLeadersAreOpen(network, 1);
  network.start(3, 1);
  const [leader] = network.nodes;
  const [a, b] = last(network);
  await network.until("linked", () => a.wayTo(b) === "relay" && b.wayTo(a) === "relay", 3_000);
  assert.ok(a.say(b, "hello") && b.say(a, "and to you"));
  await network.until("heard", () => b.heard.includes("hello") && a.heard.includes("and to you"));
  assert.deepEqual(leader?.heard, []);
  assert.equal(leader?.plane.relay.streams, 1);
  assert.ok((leader?.plane.relay.copiedBytes ?? 0) > 0);
});

Deno.test("a relayed link is replaced when the member can be dialled, and no message is lost or told twice", async () => {
  await using network = new PlaneNetwork();
  onlyLeadersAreOpen(network, 1);
  network.start(3, 1);
  const [a, b] = last(network);
  await network.until("linked", () => a.wayTo(b) === "relay" && b.wayTo(a) === "relay");
  network.canDial = () => true;
  const said: string[] = [];
  const sayAll = (): void => {
    const text = `message ${said.length}`;
    if (a.say(b, text) && b.say(a, text)) said.push(text);
  };
  await network.until("direct", () => {
    sayAll();
    return a.wayTo(b) === "direct" && b.wayTo(a) === "direct";
  });
  sayAll();
  await network.pass(3_000);
  for (const { heard } of [a, b]) {
    assert.equal(heard.length, said.length);
    assert.deepEqual(new Set(heard), new Set(said));
  }
  assert.deepEqual([a.losses, b.losses], [0, 0]);
  await network.until("the relay has nothing more to do", () => network.nodes[0]?.plane.relay.streams === 0);
});

Deno.test("a relayed link is replaced at once when the member says that it is somewhere else", async () => {
  await using network = new PlaneNetwork();
  onlyLeadersAreOpen(network, 1);
  network.start(3, 1);
  const [a, b] = last(network);
  await network.until("linked", () => a.wayTo(b) === "relay" && b.wayTo(a) === "relay");
  // The next attempt would be minutes away.
  await network.pass(200_000);
  assert.equal(a.wayTo(b), "relay");
  network.canDial = () => true;
  network.restate(b);
  const tookMs = await network.until("direct", () => a.wayTo(b) === "direct" && b.wayTo(a) === "direct");
  assert.ok(tookMs <= 2_000, `${tookMs} ms`);
});

Deno.test("a stream goes on over the link that was replaced, until it ends", async () => {
  await using network = new PlaneNetwork();
  onlyLeadersAreOpen(network, 1);
  const got: string[] = [];
  network.start(3, 1);
  const [a, b] = last(network);
  await network.until("linked", () => a.wayTo(b) === "relay" && b.wayTo(a) === "relay");
  b.plane.links.get(a.identity.id)?.channel.onStream("bulk", async (stream) => {
    for (let bytes = await stream.read(); bytes !== undefined; bytes = await stream.read()) {
      got.push(new TextDecoder().decode(bytes));
    }
    got.push("end");
  });
  const stream = a.plane.links.get(b.identity.id)?.channel.openStream("bulk", new Uint8Array(1));
  assert.ok(await stream?.write(new TextEncoder().encode("before")));
  network.canDial = () => true;
  await network.until("direct", () => a.wayTo(b) === "direct" && b.wayTo(a) === "direct");
  await network.pass(60_000);
  const written = stream?.write(new TextEncoder().encode("after"));
  await network.pass(1_000);
  assert.ok(await written);
  stream?.end();
  await network.until("all of it", () => got.join() === "before,after,end");
});

for (const [how, leastMs, mostMs] of [["dies", 0, 3_000], ["falls silent", 5_000, 7_500]] as const) {
  Deno.test(`another relay takes over within ${mostMs} ms when the first one ${how}, and not before ${leastMs}`, async () => {
    await using network = new PlaneNetwork();
    onlyLeadersAreOpen(network, 2);
    network.start(4, 2);
    const [a, b] = last(network);
    await network.until("linked", () => a.wayTo(b) === "relay" && b.wayTo(a) === "relay");
    await network.pass(6_000);
    const before = a.plane.links.get(b.identity.id);
    const via = before?.way.kind === "relay" ? before.way.via : undefined;
    const relay = network.nodes.find(({ identity }) => identity.id === via) ?? assert.fail();
    if (how === "dies") network.kill(relay);
    else network.mute(relay);
    const tookMs = await network.until("another link", () => {
      const [there, back] = [a.plane.links.get(b.identity.id), b.plane.links.get(a.identity.id)];
      return there !== undefined && there !== before && back !== undefined &&
        there.way.kind === "relay" && there.way.via !== via && there.channel.isOpen;
    });
    assert.ok(tookMs >= leastMs && tookMs <= mostMs, `${tookMs} ms`);
    assert.ok(a.say(b, "still here"));
    await network.until("heard", () => b.heard.includes("still here"));
  });
}

Deno.test("a member that is not willing relays for nobody, and is not asked again and again", async () => {
  await using network = new PlaneNetwork();
  onlyLeadersAreOpen(network, 1);
  network.start(3, 1, () => ({ isWilling: () => false }));
  const [leader] = network.nodes;
  const [a, b] = last(network);
  await network.pass(120_000);
  assert.equal(a.wayTo(b), "none");
  const asked = leader?.plane.relay.counters.snapshot()["relay-unwilling"] ?? 0;
  assert.ok(asked >= 1 && asked <= 2, `${asked}`);
});

Deno.test("a link goes by the tunnel at once when that is up", async () => {
  let isUp = false;
  await using network = new PlaneNetwork();
  onlyLeadersAreOpen(network, 1);
  network.start(3, 1, () => ({ tunnelIsUp: () => isUp, isOverlay: () => false }));
  const [a, b] = last(network);
  await network.until("linked", () => a.wayTo(b) === "relay" && b.wayTo(a) === "relay");
  // The next attempts are minutes apart.
  await network.pass(120_000);
  assert.equal(a.wayTo(b), "relay");
  isUp = true;
  network.tunnel = (from) => from === a ? b : a;
  const tookMs = await network.until(
    "by the tunnel",
    () => a.wayTo(b) === "tunnel" || b.wayTo(a) === "tunnel",
  );
  assert.ok(tookMs <= 2_000, `${tookMs} ms`);
});

Deno.test("a node that has lost its links has them again at once, whoever dialled the ones that the others still keep", async () => {
  for (const order of ["small", "large"]) {
    await using network = new PlaneNetwork();
    network.start(2, 1);
    const [one, other] = last(network);
    await network.until("linked", () => one.wayTo(other) === "direct" && other.wayTo(one) === "direct");
    for (const ageMs of [1_000, 15_000]) {
      await network.pass(ageMs);
      const isSmall = one.identity.id < other.identity.id;
      const [moved, kept] = isSmall === (order === "small") ? [one, other] : [other, one];
      const before = kept.plane.links.get(moved.identity.id);
      network.cut();
      moved.plane.handleHostChange();
      const tookMs = await network.until("linked anew", () => {
        const link = kept.plane.links.get(moved.identity.id);
        return link !== undefined && link !== before &&
          moved.plane.links.get(kept.identity.id)?.channel.isOpen === true;
      });
      assert.ok(tookMs <= 5_000, `${order}, ${ageMs} ms old: ${tookMs} ms`);
      assert.ok(moved.say(kept, `${ageMs}`));
      await network.until("heard", () => kept.heard.includes(`${ageMs}`));
    }
  }
});
