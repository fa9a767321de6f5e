import assert from "node:assert/strict";
import {
  type CapturedProcess,
  Lab,
  labTest,
  type MeshNode,
  nodeOn,
  PACKET_PLANE,
  pingOnce,
  waitFor,
} from "../lab/mod.ts";

const PORT = 45678;
const GROUP = "239.255.42.98";
/** A host looks at its own addresses every 10 s, and tries a peer's other endpoints every 5 s. */
const MOVED_WITHIN_MS = 25_000;

/** What one host sends to the discovery port, as `tcpdump` prints it. Disposing it ends the capture. */
async function captureFrom(lab: Lab, on: string, source: string): Promise<CapturedProcess> {
  const filter = ["udp", "dst", "port", String(PORT), "and", "src", "host", source];
  const capture = lab.use(
    lab.host(on).namespace.spawn(["tcpdump", "-l", "-n", "-v", "-X", "-i", "eth0", ...filter]),
  );
  await capture.until(({ stderr }) => stderr.includes("listening on"), 5_000, "it captures");
  return capture;
}

labTest(
  "weft up --join: a token without endpoints finds the leader on the network, and members find each other after a move",
  [...PACKET_PLANE, "tcpdump", "nft"],
  async (test) => {
    await using lab = await Lab.create(["A", "B", "C"]);
    const [a, b, c] = ["A", "B", "C"].map((name) => nodeOn(lab, name)) as [
      MeshNode["weft"],
      MeshNode["weft"],
      MeshNode["weft"],
    ];
    await a.startLeader();
    const made = await a.expectCommand("token", "create", "--uses", "2", "--no-endpoints", "--json");
    const { token } = JSON.parse(made);

    await test.step("without discovery nothing is sent, and the reason is said", async () => {
      const capture = await captureFrom(lab, "A", lab.host("C").address4);
      const { code, stderr } = await c.launch("--join", token, "--no-discovery").finished;
      assert.equal(code, 1);
      assert.match(
        stderr,
        /Cannot find the leader: the token names no endpoint, and discovery is off\nhint: /,
      );
      const withEndpoints = (await a.expectCommand("token", "create")).trim().split(" ").at(-1) ?? "";
      await c.start("--join", withEndpoints, "--no-discovery");
      await pingOnce(lab.host("C"), "10.200.0.1");
      assert.equal((await c.status()).discovery, undefined);
      await c.stop();
      assert.equal(capture.stdout, "");
    });

    await test.step("with it the leader is found, and strangers learn nothing of the network", async () => {
      const capture = await captureFrom(lab, "C", lab.host("B").address4);
      const startedAt = performance.now();
      await b.start("--join", token);
      report(`found and joined in ${((performance.now() - startedAt) / 1000).toFixed(1)} s`);
      const address = (await b.status()).node.addresses[0] ?? "";
      await pingOnce(lab.host("A"), address);
      await b.untilStatus((status) => status.discovery?.heard === 1, 5_000, "the leader is heard");
      await capture.until(
        ({ stdout }) => stdout.includes(`${GROUP}.${PORT}`) && stdout.includes(`255.255.255.255.${PORT}`),
        5_000,
        "it calls by multicast and broadcast",
      );
      assert.match(capture.stdout, /ttl 2,.*\n.*239\.255\.42\.98\.45678: UDP, length 48/);
      const { network } = await b.status();
      const sent = [...capture.stdout.matchAll(/0x[0-9a-f]{4}: {2}([0-9a-f ]+?) {2}/g)].map(([, hex]) => hex)
        .join("");
      assert(!sent.replaceAll(" ", "").includes(network.id), "the network's id is in no announcement");
    });

    await test.step("members find each other after all of them have moved", async () => {
      for (const [name, number] of [["A", 101], ["B", 102]] as const) {
        const { namespace, address4, address6 } = lab.host(name);
        await namespace.ip(
          `addr del ${address4}/24 dev eth0`,
          `addr del ${address6}/64 dev eth0`,
          `addr add 192.0.2.${number}/24 broadcast 192.0.2.255 dev eth0`,
        );
      }
      const startedAt = performance.now();
      await a.untilStatus(
        ({ peers }) =>
          peers.some((peer) =>
            peer.name === "b" && peer.endpoint === "192.0.2.102:51820" && peer.channel === "open"
          ),
        MOVED_WITHIN_MS,
        "b is where it moved to",
      );
      await waitFor(() => pingOnce(lab.host("A"), "10.200.0.3", 1), MOVED_WITHIN_MS, { what: "b answers" });
      report(`found after the move in ${((performance.now() - startedAt) / 1000).toFixed(1)} s`);
    });

    await test.step("a node says goodbye, and the others forget where it was", async () => {
      assert.equal((await a.status()).discovery?.heard, 1);
      await b.stop();
      await a.untilStatus((status) => status.discovery?.heard === 0, 2_000, "b has said goodbye");
    });

    await test.step("a rootless node calls whom it is told where neither multicast nor broadcast goes", async () => {
      const { namespace, folder } = lab.host("C");
      const rule = `ip daddr { ${GROUP}, 255.255.255.255 } drop`;
      await namespace.expectRun([
        "nft",
        `table ip quiet { chain out { type filter hook output priority 0; ${rule}; }; }`,
      ]);
      await Deno.remove(`${folder}/state`, { recursive: true });
      await c.start("--join", token, "--rootless", "--discovery-peer", "192.0.2.101");
      const { discovery, dataplane } = await c.status();
      assert.equal(dataplane.kind, "rootless");
      assert.deepEqual(discovery?.providers, ["multicast", "broadcast", "static"]);
    });

    await test.step("a flood of announcements is counted and hurts nobody", async () => {
      const script = new URL("./hostile/lan_flood.ts", import.meta.url).pathname;
      await lab.host("B").namespace.expectRun([
        Deno.execPath(),
        "run",
        "-A",
        "--unstable-net",
        script,
        "5000",
      ]);
      const status = await a.untilStatus(
        ({ drops }) => (drops["discovery-too-many"] ?? 0) > 1_000,
        5_000,
        "most of them are refused",
      );
      assert((status.drops["discovery-malformed"] ?? 0) > 0);
      assert((status.discovery?.heard ?? 99) <= 1);
      assert.equal((await a.stop()).code, 0);
    });
  },
);

function report(text: string): void {
  // deno-lint-ignore no-console -- figures belong in the runner's output
  console.log(text);
}
