/**
 * What a rootless node offers, for ordinary programs on nodes with an interface: they speak to its overlay address as to
 * any other.
 * @module
 */

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import {
  fetchBulk,
  type Host,
  Lab,
  labTest,
  nodeOn,
  PACKET_PLANE,
  serveBulk,
  serveHash,
  servePage,
  startMesh,
  thoroughIf,
  waitFor,
} from "../../lab/mod.ts";

const [PAGE, BULK, HASH] = [3000, 3001, 3002];
const BULK_BYTES = 100 * 1024 * 1024;
const OFFERS = [
  ...["--offer", `80=${PAGE}`],
  ...["--offer", `81=${BULK}`],
  ...["--offer", `82=${HASH}`],
  ...["--offer", `83=${PAGE} for role=admin`],
  // Nothing listens there.
  ...["--offer", "84=9"],
];

/** @returns the page, or the exit code of curl, and how long it took in milliseconds */
async function curl(
  host: Host,
  url: string,
  ...args: readonly string[]
): Promise<{ readonly text: string; readonly ms: number }> {
  const startedAt = performance.now();
  const command = ["curl", "--silent", "--show-error", "--max-time", "20", ...args, url];
  const { code, stdout, stderr } = await host.namespace.run(command);
  return { text: code === 0 ? stdout : `${code}: ${stderr.trim()}`, ms: performance.now() - startedAt };
}

const CASES = [["fast", "10.200.0.0/16"], ["portable", "10.200.0.0/16"], ["fast", "fd00:200::/64"]];

for (const [dataplane = "", cidr = ""] of CASES) {
  labTest(
    `curl reaches what a rootless node offers, by its name and its address (${dataplane}, ${cidr})`,
    [...PACKET_PLANE, "curl", "nft", ...thoroughIf(dataplane === "portable")],
    async (test) => {
      await using lab = await Lab.create(["A", "B", "R"]);
      const { nodes: [a], token } = await startMesh(lab, ["A"], {
        args: ["--dataplane", dataplane],
        leaderOptions: ["--cidr", cidr],
      });
      const [hostA, hostB, hostR] = [lab.host("A"), lab.host("B"), lab.host("R")];
      assert.ok(a);
      lab.use(await servePage(hostR.namespace, "127.0.0.1", { port: PAGE, text: "the page" }));
      lab.use(await serveHash(hostR.namespace, "127.0.0.1", HASH));
      const bulk = { port: BULK, seed: 7, lengthBytes: BULK_BYTES };
      lab.use(await serveBulk(hostR.namespace, "127.0.0.1", bulk));
      const r = nodeOn(lab, "R", { args: ["--rootless", ...OFFERS] });
      const b = nodeOn(lab, "B", { args: ["--dataplane", dataplane] });
      await r.start("--join", token);
      await b.start("--join", token, "--label", "role=admin");
      const [overlay = ""] = (await r.status()).node.addresses;
      const address = overlay.includes(":") ? `[${overlay}]` : overlay;
      const knows = async () =>
        await a.weft.untilStatus(
          ({ peers }) => peers.some(({ name, channel }) => name === "r" && channel === "open"),
          20_000,
          "it has a link to r",
        );
      await knows();

      await test.step("by name, by address, and by each family", async () => {
        await waitFor(async () => (await curl(hostA, "http://r/")).text === "the page", 10_000, {
          what: "the page by name",
        });
        assert.equal((await curl(hostA, `http://${address}/`)).text, "the page");
        assert.equal((await curl(hostA, "http://r.weft.internal/")).text, "the page");
      });

      await test.step("what is refused is refused at once", async () => {
        for (const port of [83, 84, 85]) {
          const { text, ms } = await curl(hostA, `http://${address}:${port}/`);
          assert.match(text, /^7: /, `port ${port}`);
          assert.ok(ms < 1_000, `port ${port} took ${ms} ms`);
        }
      });

      await test.step("100 MiB arrive whole, in both directions", async () => {
        const fetched = await fetchBulk(hostA.namespace, `http://${address}:81/`).finished;
        const direct = await fetchBulk(hostR.namespace, `http://127.0.0.1:${BULK}/`).finished;
        const [through, there] = [fetched, direct].map(({ stdout }) => JSON.parse(stdout));
        assert.equal(through.bytes, BULK_BYTES);
        assert.equal(through.sha256, there.sha256);
        const file = `${hostA.folder}/bulk`;
        const bytes = new Uint8Array(BULK_BYTES);
        for (let i = 0; i < bytes.length; i += 65_536) {
          crypto.getRandomValues(bytes.subarray(i, i + 65_536));
        }
        await Deno.writeFile(file, bytes);
        const { text } = await curl(hostA, `http://${address}:82/`, "--data-binary", `@${file}`);
        assert.equal(text, createHash("sha256").update(bytes).digest("hex"));
      });

      await test.step("200 connections at once", async () => {
        const urls = Array.from({ length: 200 }, () => `http://${address}/`);
        const parallel = [
          "--parallel",
          "--parallel-immediate",
          "--parallel-max",
          "200",
          "--header",
          "Connection: close",
        ];
        const startedAt = performance.now();
        const { code, stdout, stderr } = await hostA.namespace.run([
          ...["curl", "--silent", "--show-error", "--max-time", "20", ...parallel],
          ...urls,
        ]);
        assert.equal(code, 0, stderr);
        assert.equal(stdout, "the page".repeat(200));
        assert.ok(performance.now() - startedAt < 10_000);
      });

      await test.step("ping says whether it is there, and UDP fails at once", async () => {
        await hostA.namespace.expectRun(["ping", "-c", "2", "-i", "0.2", "-W", "3", overlay]);
        // The second write tells what came of the first.
        const script = `exec 3<>/dev/udp/${overlay}/53; echo x >&3; sleep 0.2; echo x >&3`;
        const { code, stderr } = await hostA.namespace.run(["bash", "-c", script]);
        assert.equal(code, 1);
        assert.match(stderr, /Connection refused/);
      });

      await test.step("nobody else leads anywhere by the listener", async () => {
        const own = a.address.includes(":") ? `[${a.address}]` : a.address;
        for (const host of [hostA, hostB]) {
          assert.match((await curl(host, `http://${own}:45680/`)).text, /^(7|52|56): /);
        }
      });

      await test.step("nobody begins a handshake with it", async () => {
        const { peers, drops } = await a.weft.status() as unknown as {
          peers: { name: string; txBytes: number; lastHandshakeAgeMs: number | null }[];
          drops: unknown;
        };
        const peer = peers.find(({ name }) => name === "r");
        assert.equal(peer?.txBytes, 0, JSON.stringify(drops));
      });

      await test.step("a firewall that drops what comes in: it is refused, and the log names the port", async () => {
        const rules = [
          "add table inet t",
          "add chain inet t i { type filter hook input priority 0; }",
          "add rule inet t i iifname weft0 tcp dport 45680 drop",
        ];
        for (const rule of rules) await hostA.namespace.expectRun(["nft", rule]);
        const { text, ms } = await curl(hostA, `http://${address}/`);
        assert.match(text, /^7: /);
        assert.ok(ms < 8_000, `${ms} ms`);
        await a.weft.process.until(
          ({ stderr }) => /firewall has to let in what comes to TCP port 45680 on weft0/.test(stderr),
          5_000,
          "it says so",
        );
        await hostA.namespace.expectRun(["nft", "delete table inet t"]);
        assert.equal((await curl(hostA, `http://${address}/`)).text, "the page");
      });

      await test.step("killed in the middle of a transfer: the program is told, and the next one at once", async () => {
        // What both kernels hold, tens of megabytes, is read before the end is told.
        const slow = ["--limit-rate", "10M", "--output", "/dev/null"];
        const running = curl(hostA, `http://${address}:81/`, ...slow);
        await new Promise((resolve) => setTimeout(resolve, 1_500));
        await r.kill();
        assert.match((await running).text, /^(18|56): /);
        const { text, ms } = await curl(hostA, `http://${address}/`);
        assert.match(text, /^7: /);
        assert.ok(ms < 3_000, `${ms} ms`);
        await r.start("up", "--rootless");
        await waitFor(async () => (await curl(hostA, `http://${address}/`)).text === "the page", 20_000, {
          what: "the page again",
        });
      });

      await test.step("an agent that is started anew", async () => {
        assert.equal((await a.weft.stop()).code, 0);
        await a.weft.start("up");
        await waitFor(async () => (await curl(hostA, `http://${address}/`)).text === "the page", 20_000, {
          what: "the page again",
        });
      });

      await test.step("a node that gets an interface, and gives it up", async () => {
        assert.equal((await r.stop()).code, 0);
        const full = nodeOn(lab, "R", { args: ["--dataplane", dataplane, ...OFFERS] });
        await full.start("up", "--no-rootless");
        await waitFor(
          async () => (await hostA.namespace.run(["ping", "-c", "1", "-W", "1", overlay])).code === 0,
          20_000,
          { what: "its tunnel works" },
        );
        await a.weft.untilStatus(
          ({ peers }) =>
            peers.some(({ name, lastHandshakeAgeMs }) => name === "r" && lastHandshakeAgeMs !== null),
          20_000,
          "it has a session with r",
        );
        assert.equal((await full.stop()).code, 0);
        await r.start("up", "--rootless");
        await waitFor(async () => (await curl(hostA, `http://${address}/`)).text === "the page", 20_000, {
          what: "the page again",
        });
      });
    },
  );
}
