import assert from "node:assert/strict";
import {
  type Host,
  Lab,
  labTest,
  measureThroughput,
  PACKET_PLANE,
  pingMany,
  poisonSealingThread,
  waitFor,
  WgDevice,
  type WgImplementation,
} from "../lab/mod.ts";

const NEEDS = [...PACKET_PLANE, "wg", "iperf3", "wireguard-go"];
const PORT = 51820;
const [A, B] = ["10.9.0.1", "10.9.0.2"] as const;
/** Of TCP in a second, on a machine that does other things too. */
const LEAST_BYTES = 5e6;

/** weft with two workers on host A, and another on host B. */
async function startPair(lab: Lab, other: WgImplementation): Promise<readonly [WgDevice, WgDevice]> {
  const start = async (host: Host, address: string, implementation: WgImplementation) =>
    lab.use(
      await WgDevice.start(host.namespace, {
        implementation,
        workers: 2,
        addresses: [`${address}/24`],
        port: PORT,
      }),
    );
  const [a, b] = [await start(lab.host("A"), A, "weft"), await start(lab.host("B"), B, other)];
  const endpoint = ["endpoint", `${lab.host("B").address4}:${PORT}`];
  await a.setPeer(b.keys.publicKey, ...endpoint, "allowed-ips", `${B}/32`);
  await b.setPeer(a.keys.publicKey, "allowed-ips", `${A}/32`);
  return [a, b];
}

labTest(
  "weft wg --workers 2 carries everything to wireguard-go, each flow in its order",
  NEEDS,
  async (test) => {
    await using lab = await Lab.create(["A", "B"]);
    const [a, b] = await startPair(lab, "wireguard-go");
    const [from, to] = [lab.host("A").namespace, { place: lab.host("B").namespace, address: B }];
    assert.equal(await pingMany(lab.host("A"), B, 10), 10);
    // The kernel's steering has two queues to choose from.
    assert.equal(
      Number(/numtxqueues (\d+)/.exec(await from.expectRun(["ip", "-d", "link", "show", a.name]))?.[1]) >= 2,
      true,
    );

    await test.step("TCP of eight flows, both ways", async () => {
      for (const direction of [[], ["-R"]]) {
        const { bytes } = await measureThroughput(from, to, ["-t", "1", "-P", "8", ...direction]);
        assert.ok(bytes > LEAST_BYTES, `${bytes}`);
      }
    });

    await test.step("UDP of eight flows: no datagram overtakes another of its flow", async () => {
      const options = "-u -b 10M -P 8 -l 1300 -t 2".split(" ");
      const { lostPercent = 100, outOfOrder } = await measureThroughput(from, to, options);
      assert.equal(outOfOrder, 0);
      // A host that is busy drops at its sockets.
      assert.ok(lostPercent < 10, `${lostPercent} %`);
      // Fast enough for the second worker to be asked to receive.
      const back = await measureThroughput(from, to, "-u -b 80M -P 8 -l 1300 -t 1 -R".split(" "));
      assert.ok(back.bytes > LEAST_BYTES, `${back.bytes}`);
      assert.equal(back.outOfOrder, 0);
    });

    await test.step("what is counted fits together", async () => {
      await waitFor(
        async () => {
          const [mine, theirs] = [await a.peer(b.keys.publicKey), await b.peer(a.keys.publicKey)];
          // What we send faster than wireguard-go reads, its socket drops.
          return mine.txBytes >= theirs.rxBytes && mine.rxBytes === theirs.txBytes;
        },
        10_000,
        { what: "what it has sent we have received, and no less went the other way" },
      );
    });
  },
);

for (const way of ["sealing", "receiving"] as const) {
  labTest(
    `weft wg goes on with one worker less when one dies ${way}, and says so`,
    [...NEEDS, "ptrace"],
    async () => {
      await using lab = await Lab.create(["A", "B"]);
      const [a] = await startPair(lab, "weft");
      assert.equal(await pingMany(lab.host("A"), B, 3), 3);
      const { namespace } = lab.host("A");
      await using tracer = await poisonSealingThread(namespace, a.process.pid, way);
      const flows = () =>
        measureThroughput(namespace, { place: lab.host("B").namespace, address: B }, [
          ...["-n", "10M", "-P", "8", ...way === "receiving" ? ["-R"] : []],
        ]);
      // Some of its packets are lost with it; it receives when the first one is asked for more than it takes at once.
      await waitFor(
        async () => {
          await flows().catch(() => {});
          return a.process.stderr.includes("a sealing worker has died");
        },
        20_000,
        { what: "it says so" },
      );
      assert.ok((await flows()).bytes > 0);
      assert.equal((await a.process.stop("SIGTERM")).code, 0);
      await tracer.finished;
      assert.equal(await namespace.hasInterface(a.name), false);
    },
  );
}
