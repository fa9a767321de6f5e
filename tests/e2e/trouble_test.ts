import assert from "node:assert/strict";
import {
  type Host,
  Lab,
  labTest,
  type MeshNode,
  mountSmallDisk,
  nodeOn,
  PACKET_PLANE,
  pingOnce,
  startMesh,
  untilAllKnowAll,
  waitFor,
  weftCommand,
} from "../lab/mod.ts";

const DISK_BYTES = 4 << 20;

async function assertNothingLeft({ namespace }: Host): Promise<void> {
  assert.equal(await namespace.hasInterface("weft0"), false);
  const routes = await namespace.ipJson<{ dst: string }>("route show table all");
  assert.deepEqual(routes.filter((route) => route.dst.startsWith("10.")), []);
  assert.deepEqual(await namespace.processes(), []);
}

labTest(
  "weft up: an agent ends as it is told to, or as it must, and leaves nothing behind",
  [...PACKET_PLANE, "script", "curl"],
  async (test) => {
    await using lab = await Lab.create(["A"]);
    const host = lab.host("A");
    const node = nodeOn(lab, "A");
    await node.startLeader();

    await test.step("its interface is deleted under it", async () => {
      await host.namespace.ip("link del weft0");
      const { code } = await node.process.finished;
      assert.equal(code, 1);
      assert.match(node.process.stderr, /The interface weft0 was deleted/);
      await assertNothingLeft(host);
    });

    for (const signal of ["SIGTERM", "SIGINT"] as const) {
      await test.step(signal, async () => {
        await node.start("up");
        assert.equal((await node.process.stop(signal)).code, 0, node.process.tail());
        await assertNothingLeft(host);
        await assert.rejects(Deno.stat(`${node.stateDir}/control.sock`), Deno.errors.NotFound);
      });
    }

    await test.step("SIGHUP has it read its settings again, and ends nothing", async () => {
      const file = `${host.folder}/weft.yaml`;
      await Deno.writeTextFile(file, "log-level: info\n");
      await node.start("up", "--config", file);
      const follows = async (text: string, logged: RegExp) => {
        await Deno.writeTextFile(file, text);
        node.process.signal("SIGHUP");
        await node.process.until(({ stderr }) => logged.test(stderr), 5_000, `${logged}`);
      };
      await follows(
        "log-level: debug\nmtu: 1300\nstatus-port: 9181\n",
        /changed="log-level, status-port" needsRestart=mtu/,
      );
      await host.namespace.expectRun(["curl", "-sf", "http://127.0.0.1:9181/metrics"]);
      await follows(
        "port: nowhere\n",
        /cannot read the settings again, and goes on as before .*weft\.yaml:1:7/,
      );
      await Deno.writeTextFile(file, "log-level: warn\nstatus-port: 9181\n");
      assert.match(await node.expectCommand("reload"), /^log-level is warn now\n$/);
      await node.stop();
      await assertNothingLeft(host);
      await node.expectCommand("config", "unset", "config");
    });

    await test.step("SIGHUP of a terminal that is gone ends it", async () => {
      const line = weftCommand("up", "--state", node.stateDir).map((word) => `'${word}'`).join(" ");
      const terminal = host.namespace.spawn(["script", "-qefc", line, "/dev/null"]);
      await terminal.until(({ stdout }) => stdout.includes("Ctrl-C stops it"), 20_000, "it runs");
      terminal.signal("SIGKILL");
      await terminal.finished;
      await waitFor(async () => (await host.namespace.processes()).length === 0, 10_000, {
        what: "it has ended",
      });
      await assertNothingLeft(host);
    });

    await test.step("Ctrl-C twice", async () => {
      await node.start("up");
      node.process.signal("SIGINT");
      node.process.signal("SIGINT");
      const { code } = await node.process.finished;
      assert.ok(code === 0 || code === 130, `${code}`);
      await assertNothingLeft(host);
    });

    await test.step("kill -9, then weft cleanup", async () => {
      await node.start("up");
      await node.kill();
      await assertNothingLeft(host);
      const cleanup = () => host.namespace.expectRun(weftCommand("cleanup", "--state", node.stateDir));
      assert.match(await cleanup(), /Undid the interface weft0/);
      assert.match(await cleanup(), /Nothing was left behind/);
      await node.start("up");
      await node.stop();
    });
  },
);

labTest(
  "weft up: a disk that fills up while agents run costs updates, not the network",
  [...PACKET_PLANE, "mount"],
  async () => {
    await using lab = await Lab.create(["A", "B", "C"]);
    const b = lab.host("B");
    const disk = await mountSmallDisk(`${b.folder}/state`, DISK_BYTES);
    lab.use(disk);
    const { nodes, token } = await startMesh(lab, ["A", "B"]);
    const [first, second] = nodes as [MeshNode, MeshNode];
    await untilAllKnowAll(nodes);
    await disk.fill();
    const third = nodeOn(lab, "C");
    await third.start("--join", token);
    await second.weft.process.until(
      (process) => /cannot store what a member told/.test(process.stderr) || undefined,
      10_000,
      "it complains",
    );
    await pingOnce(b, first.address);
    await disk.drain();
    await second.weft.untilStatus(
      ({ peers }) => peers.some(({ name }) => name === "c"),
      40_000,
      "it hears of c",
    );
    await disk.fill();
    assert.equal((await second.weft.stop()).code, 0, second.weft.process.tail());
    await assertNothingLeft(b);
    assert.doesNotMatch(second.weft.process.stderr, /cannot put this host's resolver back/);
    await disk.drain();
    await third.stop();
    await first.weft.stop();
  },
);

labTest("weft up: silent connections from one address keep nobody out", PACKET_PLANE, async () => {
  await using lab = await Lab.create(["A", "B", "C"]);
  const { nodes, token } = await startMesh(lab, ["A"]);
  const [a] = nodes as [MeshNode];
  const program = `
    let served = 0;
    async function connect() {
      for (;;) {
        try {
          const connection = await Deno.connect({ hostname: "${a.host.address4}", port: 51820 });
          if (++served === 64) console.log("connected");
          await connection.read(new Uint8Array(1));
          connection.close();
        } catch { /* sent away */ }
      }
    }
    for (let i = 0; i < 500; i++) connect();`;
  const connections = lab.use(
    lab.host("C").namespace.spawn([Deno.execPath(), "eval", program], { label: "the silent connections" }),
  );
  await connections.until(({ stdout }) => /connected/.test(stdout) || undefined, 10_000, "all are connected");
  // Nobody can call who has not been let in, so it has to get through by itself.
  await nodeOn(lab, "B").start("--join", token);
});

labTest(
  "weft up: a node that is told to stop at any moment of its start stops cleanly",
  PACKET_PLANE,
  async () => {
    await using lab = await Lab.create(["A", "B"]);
    const { nodes: [a], token } = await startMesh(lab, ["A"]);
    assert(a);
    const host = lab.host("B");
    for (let i = 0; i < 16; i++) {
      const node = nodeOn(lab, "B");
      const process = node.launch("--join", token);
      await new Promise((resolve) => setTimeout(resolve, 150 + 30 * i));
      process.signal(i % 2 === 0 ? "SIGINT" : "SIGTERM");
      const { code, stderr } = await process.finished;
      // 130 and 143 are the signal's own, before weft looks at it; then nothing has been made.
      assert.ok([0, 130, 143].includes(code), `${code}: ${process.tail()}`);
      assert.doesNotMatch(stderr, /Uncaught|TypeError|SuppressedError/);
      await assertNothingLeft(host);
    }
    const status = await nodeOn(lab, "B").start("--join", token);
    assert.equal(status.node.addresses[0], "10.200.0.2");
    assert.equal((await a.weft.status()).network.members, 2);
  },
);
