import assert from "node:assert/strict";
import { Lab, labTest, PACKET_PLANE, pause, pingMany, poisonPacketThread, thoroughIf } from "../lab/mod.ts";
import { carryTcp, startWgPair, untilReached } from "./wg_fast_pair.ts";

const NEEDS = [...PACKET_PLANE, "wg", "iperf3"];

/** Of 20 MB; a receiver stops counting when the sender is done, and what is on its way does not count. */
const HALF = 10e6;

labTest("the fast path outlives whatever the network's sockets say", [...NEEDS, "nft"], async (test) => {
  await using lab = await Lab.create(["A", "B"]);
  const { a, b } = await startWgPair(lab);
  const outside = a.host.namespace;

  /** Whether nothing passes, and everything again after `mend`. */
  const breaks = async (mend: () => Promise<unknown>) => {
    assert.equal((await outside.run(["ping", "-c", "2", "-i", "0.1", "-W", "0.3", b.address4])).code, 1);
    await mend();
    // Whoever lost its session there begins a new one; the other would wait for 15 s (WireGuard paper §6.5).
    await untilReached(b, a);
    assert.ok((await carryTcp(a, b, ["-n", "20M"])).bytes > HALF);
  };

  await test.step("a firewall drops all of it (EPERM)", async () => {
    await outside.expectRun([
      "nft",
      "add table ip t; add chain ip t o { type filter hook output priority 0; }",
    ]);
    await outside.expectRun(["nft", "add rule ip t o udp dport 51820 drop"]);
    await breaks(() => outside.expectRun(["nft", "flush table ip t"]));
  });

  await test.step("a firewall drops a little of it while TCP flows", async () => {
    await outside.expectRun(["nft", "add rule ip t o udp dport 51820 numgen random mod 1000 < 5 drop"]);
    assert.ok((await carryTcp(a, b, ["-n", "20M"])).bytes > HALF);
    await outside.expectRun(["nft", "delete table ip t"]);
  });

  for (
    const [kind, errno] of [["blackhole", "EINVAL"], ["unreachable", "EHOSTUNREACH"], [
      "prohibit",
      "EACCES",
    ]] as const
  ) {
    await test.step(`the route is ${kind} (${errno})`, async () => {
      const route = `${kind} ${b.host.address4}/32`;
      await outside.ip(`route add ${route}`);
      await breaks(() => outside.ip(`route del ${route}`));
    });
  }

  await test.step("there is no route at all, then no network (ENETUNREACH)", async () => {
    await outside.ip("route del 192.0.2.0/24 dev eth0");
    await breaks(() => outside.ip("route add 192.0.2.0/24 dev eth0"));
    await outside.ip("link set eth0 down");
    await breaks(() => outside.ip("link set eth0 up"));
  });

  await test.step("nobody listens there for a while", async () => {
    await b.device.namespace.ip(`link set ${b.device.name} down`);
    await breaks(() =>
      b.device.namespace.ip(
        `link set ${b.device.name} up`,
        `addr replace ${b.address6}/64 dev ${b.device.name} nodad`,
      )
    );
  });
});

for (const outside of [4, 6] as const) {
  labTest(
    `the fast path carries TCP over IPv${outside} where a whole datagram does not fit`,
    [...NEEDS, ...thoroughIf(outside === 6)],
    async () => {
      await using lab = await Lab.create(["A", "B"]);
      const { a, b } = await startWgPair(lab, outside);
      // The tunnel's own packets have 1420 bytes, and 60 to 80 more outside.
      for (const { host } of [a, b]) await host.namespace.ip("link set eth0 mtu 1400");
      for (const [from, to] of [[a, b], [b, a]] as const) {
        const { bytes, bitsPerSecond } = await carryTcp(from, to, ["-n", "20M"]);
        assert.ok(bytes > HALF);
        // deno-lint-ignore no-console -- a measurement for the log
        console.log(`in fragments: ${(bitsPerSecond / 1e6).toFixed(0)} Mbit/s of TCP`);
      }
    },
  );
}

labTest("the fast path outlives what happens to its interface under load", NEEDS, async (test) => {
  await using lab = await Lab.create(["A", "B"]);
  const { a, b } = await startWgPair(lab);

  await test.step("its MTU changes while TCP flows", async () => {
    const flow = carryTcp(a, b, ["-t", "3", "-P", "2"]);
    for (let i = 0; i < 12; i++) {
      for (const { device } of [a, b]) {
        await device.namespace.ip(`link set ${device.name} mtu ${[1280, 9000, 1420, 576][i % 4]}`);
      }
      await pause(200);
    }
    for (const { device } of [a, b]) await device.namespace.ip(`link set ${device.name} mtu 1420`);
    assert.ok((await flow).bytes > 10e6, `${(await flow).bytes}`);
    assert.ok((await carryTcp(a, b, ["-n", "20M"])).bytes > HALF);
  });

  await test.step("it goes down and up while TCP flows", async () => {
    const flow = carryTcp(a, b, ["-t", "3"]);
    for (const [mine, other] of [[a, b], [b, a]] as const) {
      const { device, address6 } = mine;
      await pause(400);
      await device.namespace.ip(`link set ${device.name} down`);
      await pause(200);
      const readdress = `addr replace ${address6}/64 dev ${device.name} nodad`;
      await device.namespace.ip(`link set ${device.name} up`, readdress);
      await untilReached(mine, other);
    }
    assert.ok((await flow).bytes > 10e6);
  });

  await test.step("it is deleted while TCP flows: nothing is left", async () => {
    const flow = carryTcp(a, b, ["-t", "2"]).catch(() => {});
    await pause(500);
    await b.device.namespace.ip(`link del ${b.device.name}`);
    const { code, stderr } = await b.device.process.finished;
    assert.equal(code, 0, stderr);
    assert.doesNotMatch(stderr, /Uncaught|RangeError|TypeError/);
    await assert.rejects(Deno.stat(b.device.socketPath), Deno.errors.NotFound);
    assert.ok(!(await b.host.namespace.processes()).includes(b.device.process.pid));
    // iperf3 would wait for its lost partner for long.
    for (const pid of await a.host.namespace.processes()) {
      if (pid !== a.device.process.pid) Deno.kill(pid, "SIGTERM");
    }
    await flow;
    assert.equal((await a.device.process.stop("SIGTERM")).code, 0);
  });
});

labTest(
  "weft wg ends with an error when its packet thread dies, and leaves nothing",
  [...NEEDS, "ptrace"],
  async () => {
    await using lab = await Lab.create(["A", "B"]);
    const { a, b } = await startWgPair(lab);
    await using tracer = await poisonPacketThread(b.host.namespace, b.device.process.pid);
    await pingMany(a.host, b.address4, 3);
    const { code, stderr } = await b.device.process.finished;
    assert.equal(code, 1, stderr);
    assert.match(stderr, /the thread that carried its packets died/);
    assert.equal(await b.host.namespace.hasInterface(b.device.name), false);
    await assert.rejects(Deno.stat(b.device.socketPath), Deno.errors.NotFound);
    await tracer.finished;
  },
);
