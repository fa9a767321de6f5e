import assert from "node:assert/strict";
import { silentLogger } from "../../base/mod.ts";
import { CallError } from "../../service/mod.ts";
import { dialUnix, freeTcpPort } from "../../transport/mod.ts";
import { programSocketPath } from "./program_client.ts";
import { OverlayBootstrap } from "../overlay_bootstrap.ts";

async function until(condition: () => boolean | Promise<boolean>, what: string): Promise<void> {
  for (let turn = 0; turn < 500; turn++) {
    if (await condition()) return;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  assert.fail(`not within 5 s: ${what}`);
}

interface Pair {
  readonly leader: OverlayBootstrap;
  readonly member: OverlayBootstrap;
  /** What the member has warned of. */
  readonly warnings: string[];
  /** A call of the leader that the member never answers. */
  readonly hold: Promise<unknown>;
}

/** Two nodes, with a call under way. */
async function withPair(use: (pair: Pair) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  const options = (name: string) => ({
    name,
    port: freeTcpPort(),
    rootless: true,
    discovery: false,
    stateDir: `${folder}/${name}`,
  });
  const warnings: string[] = [];
  const leader = await OverlayBootstrap.initLeader(options("first"));
  await leader.start();
  const logger = { ...silentLogger, warn: (message: string) => void warnings.push(message) };
  const member = await OverlayBootstrap.join(leader.joinToken(), options("member"), { logger });
  await member.start();
  member.closed.catch(() => {});
  const { promise: held, resolve: holds } = Promise.withResolvers<void>();
  const hold = () => {
    holds();
    return new Promise(() => {});
  };
  await member.services.runtime.addService({ path: "work", actions: { hold, name: () => member.name } });
  const { runtime } = leader.services;
  await until(() => runtime.report("work").length > 0, "the service is known");
  const pending = runtime.request("work/hold");
  pending.catch(() => {});
  await held;
  try {
    await use({ leader, member, warnings, hold: pending });
  } finally {
    await Promise.all([leader.stop(), member.stop()]);
    await Deno.remove(folder, { recursive: true });
  }
}

const isUnknown = (error: unknown) => error instanceof CallError && error.code === "OutcomeUnknown";

Deno.test("ServiceHost fails calls to a member that is removed, and forgets its services", () =>
  withPair(async ({ leader, member, warnings, hold }) => {
    leader.control.removePeer("member");
    await assert.rejects(hold, isUnknown);
    assert.deepEqual(leader.services.runtime.report("work"), []);
    await until(() => member.control.status().state === "stopping", "the member hears of it");
    await member.stop();
    assert.deepEqual(warnings, []);
  }));

Deno.test("ServiceHost fails pending calls when its own keys change, and serves others under the new ones", () =>
  withPair(async ({ leader, member, hold }) => {
    await leader.services.runtime.addService({ path: "own", actions: { name: () => leader.name } });
    await leader.control.rotateKey();
    await assert.rejects(hold, isUnknown);
    assert.equal(await leader.services.runtime.request("work/name"), "member");
    const { runtime } = member.services;
    await until(
      () => runtime.report("own")[0]?.providers[0]?.isHealthy === true,
      "the service is known anew",
    );
    assert.equal(await runtime.request("own/name"), "first");
    assert.equal(runtime.report("own")[0]?.providers.length, 1, "nothing is left of the former key's");
  }));

Deno.test("ServiceHost fails pending calls when the keys of their provider change, and finds it under the new ones", () =>
  withPair(async ({ leader, member, hold }) => {
    await member.control.rotateKey();
    await assert.rejects(hold, isUnknown);
    const { runtime } = leader.services;
    const answers = () =>
      runtime.request("work/name", undefined, { timeoutMs: 500 }).then(
        (name) => name === "member",
        () => false,
      );
    await until(answers, "the service is found under the new key");
    assert.equal(runtime.report("work")[0]?.providers.length, 1);
  }));

Deno.test("ProgramListener closes the channel of a program whose first message is malformed, and counts that", async () => {
  const folder = await Deno.makeTempDir();
  const options = { name: "a", port: freeTcpPort(), rootless: true, discovery: false, stateDir: folder };
  const node = await OverlayBootstrap.initLeader(options);
  try {
    await node.start();
    await node.services.openPrograms(programSocketPath(folder));
    const stream = await dialUnix(programSocketPath(folder));
    assert.ok(stream);
    // A record of eight bytes, in which an envelope of four is said to be.
    await stream.write(Uint8Array.of(0, 8, 0, 0, 0, 4, 255, 255, 255, 255));
    await until(
      () => node.control.status().drops["channel-message-malformed"] === 1,
      "the message is counted",
    );
    stream.close();
    await until(() => node.services.programs === 0, "it is gone");
  } finally {
    await node.stop();
    await Deno.remove(folder, { recursive: true });
  }
});
