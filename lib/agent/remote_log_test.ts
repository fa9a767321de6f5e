import assert from "node:assert/strict";
import { silentLogger } from "../base/mod.ts";
import { openChannel } from "../channel/mod.ts";
import { SqliteStateStore, systemEnvironment } from "../host/mod.ts";
import { IpAllocator } from "../ipam/mod.ts";
import { encodeHello, encodeMeshMessage, MESH_TOPIC, MeshState } from "../mesh/mod.ts";
import { Endpoint, IpAddress } from "../net/mod.ts";
import { dialTcp, listenTcp } from "../transport/mod.ts";
import { OverlayBootstrap } from "./overlay_bootstrap.ts";

const REQUESTS = 1_800;

Deno.test("an agent that a member sends thousands of refused requests writes a handful of lines, and how many there were", async () => {
  const folder = await Deno.makeTempDir();
  const listener = listenTcp({ port: 0 });
  const port = listener.localPort;
  listener.close();
  const endpoint = new Endpoint(IpAddress.parse("127.0.0.1") ?? assert.fail(), port);
  const options = { rootless: true, discovery: false } as const;
  const lines: string[] = [];
  const write = (message: string) => void (message.startsWith("asked by a member") && lines.push(message));
  const leader = await OverlayBootstrap.initLeader(
    { ...options, name: "lead", port, endpoints: [endpoint], stateDir: `${folder}/leader` },
    { logger: { ...silentLogger, info: write } },
  );
  await leader.start();
  const stateDir = `${folder}/member`;
  const member = await OverlayBootstrap.join(leader.joinToken(), { ...options, name: "member", stateDir });
  await member.stop();
  {
    // The member's keys in the hands of a program that keeps to no rule.
    using store = SqliteStateStore.open(stateDir);
    const environment = systemEnvironment(silentLogger);
    const addressPool = (cidr: ConstructorParameters<typeof IpAllocator>[0]) => new IpAllocator(cidr);
    const { identity, network, roster } = MeshState.load(store, { ...environment, addressPool });
    const [{ record } = assert.fail()] = roster.members().filter(({ record }) => record.name === "lead");
    const stream = await dialTcp(endpoint, { timeoutMs: 5_000 }) ?? assert.fail();
    const channel = await openChannel(stream, {
      ...environment,
      localStatic: identity.privateKey,
      remoteStatic: record.publicKey,
      hello: encodeHello({ kind: "member", networkId: network.id, nodeId: identity.id }),
    });
    let answered = 0;
    const answers = (async () => {
      for (let message = await channel.receive(); message; message = await channel.receive()) answered++;
    })();
    for (let number = 1; number <= REQUESTS; number++) {
      const body = encodeMeshMessage({ kind: "request", number, request: { kind: "demotion" } });
      if (!await channel.send({ topic: MESH_TOPIC, body })) break;
    }
    for (let turn = 0; turn < 1_000 && answered < REQUESTS; turn++) {
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    assert.ok(answered >= REQUESTS, `${answered}`);
    channel.close("done");
    await answers;
  }
  await leader.stop();
  const left = Number(/: (\d+) more like this in \d+ s$/.exec(lines.at(-1) ?? "")?.[1]);
  assert.ok(lines.length <= 8, lines.join("\n"));
  assert.equal(lines.length - 1 + left, REQUESTS);
  await Deno.remove(folder, { recursive: true });
});
