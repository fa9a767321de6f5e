import assert from "node:assert/strict";
import { type Logger, silentLogger } from "../base/mod.ts";
import type { AgentOptionsInput } from "../config/mod.ts";
import { Endpoint, IpAddress } from "../net/mod.ts";
import { listenTcp } from "../transport/mod.ts";
import { RemovedError } from "./errors.ts";
import { OverlayBootstrap } from "./overlay_bootstrap.ts";

function freePort(): number {
  const listener = listenTcp({ port: 0 });
  listener.close();
  return listener.localPort;
}

/** Options of a node on the loopback that needs no privileges. */
function rootless(folder: string, name: string): AgentOptionsInput {
  const port = freePort();
  const loopback = IpAddress.parse("127.0.0.1") ?? assert.fail();
  const endpoints = [new Endpoint(loopback, port)];
  // Nothing is called out into the networks that this machine is in.
  return { name, port, endpoints, rootless: true, discovery: false, stateDir: `${folder}/${name}` };
}

async function until(condition: () => boolean, what: string): Promise<void> {
  for (let turn = 0; turn < 500; turn++) {
    if (condition()) return;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  assert.fail(`not within 5 s: ${what}`);
}

async function pair(
  folder: string,
  logger: Logger,
): Promise<{ leader: OverlayBootstrap; member: OverlayBootstrap }> {
  const leader = await OverlayBootstrap.initLeader(rootless(folder, "leader"));
  await leader.start();
  const member = await OverlayBootstrap.join(leader.joinToken(), rootless(folder, "member"), { logger });
  await member.start();
  // Both may have dialled; it is the same link on both ends when each has an answer.
  for (const node of [leader, member]) {
    await until(() => typeof node.control.status().peers[0]?.rttMs === "number", "a link carries answers");
  }
  return { leader, member };
}

Deno.test("OverlayBootstrap.closed rejects with RemovedError when the node was removed, also when it is stopped in answer", async () => {
  const folder = await Deno.makeTempDir();
  const stops: Promise<void>[] = [];
  // Whoever runs it may stop it at the moment at which it ends.
  const error = () => void stops.push(member.stop(), member.stop());
  const { leader, member } = await pair(folder, { ...silentLogger, error });
  let end: unknown;
  member.closed.catch((error) => end = error);
  leader.control.removePeer("member");
  await until(() => stops.length > 0, "the member stops");
  await Promise.all(stops);
  await until(
    () => member.control.status().state === "stopping" && end !== undefined,
    "the member has ended",
  );
  assert.ok(end instanceof RemovedError);
  assert.deepEqual(leader.control.status().peers, []);
  await leader.stop();
  await leader.stop();
  await leader.closed;
  await Deno.remove(folder, { recursive: true });
});

Deno.test("OverlayBootstrap.start() is harmless when repeated, and refused once stopped", async () => {
  const folder = await Deno.makeTempDir();
  const node = await OverlayBootstrap.initLeader(rootless(folder, "leader"));
  await Promise.all([node.start(), node.start()]);
  await node.start();
  assert.equal(node.control.status().state, "running");
  await node.stop();
  const stopped = await OverlayBootstrap.load(rootless(folder, "leader"));
  await stopped.stop();
  await assert.rejects(stopped.start(), { code: "Interrupted" });
  await Deno.remove(folder, { recursive: true });
});

Deno.test("OverlayBootstrap.start() of a node that was removed while it was away ends with RemovedError", async () => {
  const folder = await Deno.makeTempDir();
  const leader = await OverlayBootstrap.initLeader(rootless(folder, "leader"));
  await leader.start();
  const options = rootless(folder, "member");
  const before = await OverlayBootstrap.join(leader.joinToken(), options);
  await before.stop();
  leader.control.removePeer("member");
  const member = await OverlayBootstrap.load(options);
  await member.start();
  await assert.rejects(member.closed, RemovedError);
  const again = await OverlayBootstrap.load(options);
  await assert.rejects(again.start(), RemovedError);
  await leader.stop();
  await Deno.remove(folder, { recursive: true });
});

Deno.test("operations on members say what to do about what they refuse", async () => {
  const folder = await Deno.makeTempDir();
  const { leader, member } = await pair(folder, silentLogger);
  const { control } = leader;
  await assert.rejects(member.control.pauseService({ path: "math", node: leader.name }), {
    code: "NotLeader",
    hint: new RegExp(`^Do it on ${leader.name}; when that is lost, .weft leader recover`),
  });
  await member.stop();
  const cases: readonly (readonly [what: () => unknown, says: RegExp])[] = [
    [() => control.renameMember({ node: "member", name: "X Y" }), /no name\. .*lower-case letters/],
    [
      () => control.setAddress({ node: "member", address: "x" }),
      /the address x: that is none\. .*`weft leader list`/,
    ],
    [
      () => control.createToken({ lifetimeMs: 1_000, uses: 1, address: "10.200.0.2" }),
      /is member's\. .*peers/,
    ],
    [() => control.removePeer(leader.name), /\. `weft leave`/],
    [() => control.promoteLeader(leader.name), /a leader already\. `weft leader list`/],
    [() => control.demoteLeader("member"), /is no leader\. `weft leader list`/],
    [() => control.pauseService({ path: "math", node: "member" }), /member does not answer\. `weft peers`/],
    [() => control.pauseService({ path: "math", node: "nobody" }), /No node is called nobody/],
  ];
  for (const [what, says] of cases) {
    const told = await Promise.resolve().then(what).then(
      String,
      ({ message, hint }) => `${message}. ${hint}`,
    );
    assert.match(told, says);
  }
  await leader.stop();
  await Deno.remove(folder, { recursive: true });
});

Deno.test("OverlayBootstrap.control takes whom it is asked about by id, key, address, `leader`, the zone's names and its own", async () => {
  const folder = await Deno.makeTempDir();
  const { leader, member } = await pair(folder, silentLogger);
  const { control } = leader;
  const own = member.control.status().node;
  const spellings = [
    "member",
    "Member",
    "member.weft.internal",
    "member.weft.internal.",
    own.id,
    own.publicKey,
  ];
  for (const node of [...spellings, ...own.addresses, "node-0-2"]) {
    assert.deepEqual(control.members({ node }).map(({ id }) => id), [own.id], node);
  }
  assert.deepEqual(control.members().map(({ name }) => name).sort(), [leader.name, "member"].sort());
  for (const node of ["leader", "LEADER.weft.internal"]) {
    assert.equal(member.control.members({ node })[0]?.name, leader.name, node);
    assert.equal((await member.control.ping(node)).path, "channel");
  }
  assert.throws(() => control.removePeer("leader"), /this node itself/);
  assert.throws(
    () => control.members({ node: "web" }),
    /Cannot find "web": nobody in the network goes by that/,
  );
  assert.deepEqual(await control.promoteLeader(own.publicKey), { done: true, name: "member" });
  assert.deepEqual(await control.demoteLeader("member.weft.internal"), { done: true, name: "member" });
  assert.equal(control.removePeer(own.addresses[0] ?? "").name, "member");
  await member.closed.catch(() => {});
  await leader.stop();
  await Deno.remove(folder, { recursive: true });
});
