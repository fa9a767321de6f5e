import assert from "node:assert/strict";
import { Node } from "./node.ts";
import { OverlayBootstrap } from "../overlay_bootstrap.ts";
import { freeTcpPort } from "../../transport/mod.ts";
import type { MemberChange } from "../../service/mod.ts";

Deno.test("what a node publishes right after subscriptions of another are ready is not missed, 20 of 20", async () => {
  const folder = await Deno.makeTempDir();
  const port = freeTcpPort();
  const options = { rootless: true, discovery: false, endpoints: `127.0.0.1:${port}`, port };
  const leader = await OverlayBootstrap.initLeader({ ...options, name: "lead", stateDir: `${folder}/lead` });
  await leader.start();
  const token = leader.joinToken();
  const join = (name: string) => Node.join(token, { name, stateDir: `${folder}/${name}` });
  const reader = await join("reader");
  const changes: MemberChange[] = [];
  const joined = Promise.withResolvers<void>();
  const watch = reader.onMemberChange((change) => {
    changes.push(change);
    if (change.kind === "joined" && change.member.name === "writer") joined.resolve();
  });
  const writer = await join("writer");
  try {
    await joined.promise;
    watch.unsubscribe();
    assert.deepEqual((await reader.members()).map(({ name }) => name), ["lead", "reader", "writer"]);
    assert.equal((await reader.member("reader"))?.isSelf, true);
    await writer.addService({ path: "echo", version: "1.2.0", actions: { say: (text: string) => text } });
    await reader.waitFor("echo", { version: "^1" });
    assert.equal(await reader.request("echo/say", "there"), "there");
    const heard: unknown[] = [];
    for (let i = 0; i < 20; i++) {
      const arrived = Promise.withResolvers<unknown>();
      const subscription = reader.subscribe(`news/${i}`, ({ data }) => arrived.resolve(data));
      const { missing } = await subscription.ready;
      assert.ok(!missing.includes("writer"), missing.join());
      await writer.publish(`news/${i}`, i);
      heard.push(await arrived.promise);
      subscription.unsubscribe();
    }
    assert.deepEqual(heard, Array.from({ length: 20 }, (_, i) => i));
  } finally {
    await Promise.all([reader.stop(), writer.stop()]);
    await leader.stop();
    await Deno.remove(folder, { recursive: true });
  }
});
