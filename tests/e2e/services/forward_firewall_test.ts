/**
 * `weft forward` and the firewall of the host that it leads to: what a rule keeps out of the interface is not let in by
 * the channel.
 * @module
 */

import assert from "node:assert/strict";
import {
  type CapturedProcess,
  type Host,
  Lab,
  labTest,
  type MeshNode,
  nodeOn,
  PACKET_PLANE,
  servePage,
  startMesh,
  untilAllKnowAll,
  waitFor,
  weftCommand,
  type WeftNode,
} from "../../lab/mod.ts";

/** Where the target has its pages: at its overlay address, open to all, and kept shut by its firewall; at its loopback. */
const [OPEN, SHUT, LOCAL] = [8080, 8081, 8082];

/** Leads ports of a host to ports of the node `a`. @returns the places to ask, in the order of the ports, and the command */
async function forward(
  host: Host,
  weft: WeftNode,
  ports: readonly number[],
): Promise<{ readonly places: readonly string[]; readonly process: CapturedProcess }> {
  const specs = ports.map((port) => `0:a:${port}`);
  const line = weftCommand("forward", ...specs, "--json", "--state", weft.stateDir);
  const process = host.namespace.spawn(line, { env: { NO_COLOR: "1" } });
  const lines = await process.until(
    ({ stdout }) => stdout.trim().split("\n").length === ports.length && stdout.trim().split("\n"),
    20_000,
    "it listens",
  );
  return { places: lines.map((text) => JSON.parse(text).from), process };
}

/** @returns the page, or the exit code of curl */
async function page(host: Host, place: string | undefined): Promise<string> {
  const command = ["curl", "--silent", "--max-time", "3", `http://${place}/`];
  const { code, stdout } = await host.namespace.run(command);
  return code === 0 ? stdout : `${code}`;
}

labTest(
  "weft forward reaches no port that the target's firewall keeps shut, from nodes with an interface and without",
  [...PACKET_PLANE, "nft", "curl"],
  async (test) => {
    await using lab = await Lab.create(["A", "B", "C"]);
    const { nodes, token } = await startMesh(lab, ["A", "B"]);
    await untilAllKnowAll(nodes);
    const [a, b] = nodes as readonly [MeshNode, MeshNode];
    const c = { host: lab.host("C"), weft: nodeOn(lab, "C", { args: ["--rootless"] }) };
    await c.weft.start("--join", token);
    for (const port of [OPEN, SHUT]) {
      lab.use(await servePage(a.host.namespace, a.address, { port, text: "page for {from}" }));
    }
    lab.use(await servePage(a.host.namespace, "127.0.0.1", { port: LOCAL, text: "offered to {from}" }));
    const rules = [
      "add table inet t",
      "add chain inet t i { type filter hook input priority 0; }",
      `add rule inet t i iifname weft0 tcp dport ${SHUT} reject with tcp reset`,
    ];
    for (const rule of rules) await a.host.namespace.expectRun(["nft", rule]);
    await b.weft.untilStatus(
      ({ peers }) =>
        peers.some(({ name, lastHandshakeAgeMs }) => name === "a" && lastHandshakeAgeMs !== null),
      20_000,
      "its tunnel to a works",
    );
    const withInterface = await forward(b.host, b.weft, [OPEN, SHUT, LOCAL]);
    const rootless = await forward(c.host, c.weft, [OPEN, SHUT, LOCAL]);

    await test.step("from a node with an interface: through the tunnel, and the firewall sees its address", async () => {
      assert.equal(await page(b.host, withInterface.places[0]), `page for ${b.address}`);
      assert.match(await page(b.host, withInterface.places[1]), /^(52|56)$/);
    });

    await test.step("from a rootless node: nothing that is not offered", async () => {
      for (const place of rootless.places) assert.match(await page(c.host, place), /^(52|56)$/);
      assert.match(
        rootless.process.stderr,
        /^weft: Cannot reach a:8080: nothing is offered at that port\nhint: On a, `weft offer 8080`/m,
      );
    });

    await test.step("what is offered is reached from both", async () => {
      const line = weftCommand("offer", `${LOCAL}`, "--state", a.weft.stateDir);
      const offer = lab.use(a.host.namespace.spawn(line, { env: { NO_COLOR: "1" } }));
      await offer.until(({ stdout }) => stdout.includes(`a:${LOCAL}`), 20_000, "it offers");
      for (const [host, { places }] of [[b.host, withInterface], [c.host, rootless]] as const) {
        assert.equal(await page(host, places[2]), "offered to 127.0.0.1");
      }
    });

    await test.step("with --forward-allow a rootless node reaches what the node's own programs do", async () => {
      await a.weft.stop();
      await a.weft.start("up", "--forward-allow", "name=c");
      await waitFor(
        async () => await page(c.host, rootless.places[0]) === `page for ${a.address}`,
        20_000,
        { what: "c is let in" },
      );
      assert.equal(await page(c.host, rootless.places[1]), `page for ${a.address}`);
      assert.match(await page(b.host, withInterface.places[1]), /^(28|52|56)$/);
    });
  },
);
