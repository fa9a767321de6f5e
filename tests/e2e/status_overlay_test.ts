/**
 * The status page on the overlay: a real Prometheus scrapes two nodes over the mesh, a browser logs in, and who has no
 * token, or comes by another name, is turned away.
 * @module
 */

import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { type Host, Lab, labTest, PACKET_PLANE, startMesh, untilAllKnowAll, waitFor } from "../lab/mod.ts";

const browserProgram = fileURLToPath(new URL("../lab/programs/login_browser.ts", import.meta.url));

/** @returns the status of an answer to a request by curl */
async function curl(from: Host, url: string, ...args: readonly string[]): Promise<number> {
  const line = ["curl", "-sS", "-g", "-o", "/dev/null", "-m", "5", "-w", "%{http_code}", ...args, url];
  return Number((await from.namespace.run(line)).stdout);
}

labTest(
  "weft --leader --status-address overlay: members read it with the token, by every name of the node",
  [...PACKET_PLANE, "curl", "promtool"],
  async () => {
    await using lab = await Lab.create(["A", "B"]);
    const { nodes } = await startMesh(lab, ["A", "B"], { args: ["--status-address", "overlay"] });
    await untilAllKnowAll(nodes);
    const [a, b] = nodes;
    assert(a && b);
    await a.weft.process.until(
      ({ stdout }) => /Status page: http:\/\/10\.200\.0\.1:9180\//.test(stdout) || undefined,
      5_000,
      "it says where the page is",
    );
    const token = (await a.weft.expectCommand("status", "token")).trim();
    assert.equal((await a.weft.expectCommand("status", "token")).trim(), token);
    const bearer = ["-H", `Authorization: Bearer ${token}`];
    const addresses = (await a.weft.status()).node.addresses;
    assert.equal(addresses.length, 2);
    const hosts = [
      ...addresses.map((each) => each.includes(":") ? `[${each}]` : each),
      ...["a", "a.weft.internal", "leader.weft.internal", "node-0-1.weft.internal"],
    ];
    for (const host of hosts) {
      const url = `http://${host}:9180`;
      assert.equal(await curl(b.host, `${url}/status`), 401, host);
      assert.equal(await curl(b.host, `${url}/status`, "-H", "Authorization: Bearer wrong"), 401, host);
      assert.equal(await curl(b.host, `${url}/status`, ...bearer), 200, host);
      assert.equal(await curl(b.host, `${url}/healthz`), 200, host);
    }
    const byName = (name: string) =>
      curl(b.host, `http://${a.address}:9180/status`, ...bearer, "-H", `Host: ${name}`);
    for (const name of ["b.weft.internal", "evil.example", "a.evil.example", "203.0.113.1"]) {
      assert.equal(await byName(name), 421, name);
    }
    // This machine asks by the loopback as ever, and nobody else gets there.
    assert.equal(await curl(a.host, "http://127.0.0.1:9180/status"), 200);
    const [underlay] = (await a.weft.status()).node.endpoints;
    await assert.rejects(async () => {
      const code = await curl(b.host, `http://${underlay?.split(":")[0]}:9180/healthz`);
      if (code === 0) throw new Error("refused");
    });
    const metrics = await b.host.namespace.expectRun(["curl", "-sS", ...bearer, `http://a:9180/metrics`]);
    const file = await Deno.makeTempFile({ prefix: "weft-metrics-" });
    await Deno.writeTextFile(file, metrics);
    const checked = await b.host.namespace.run(["sh", "-c", `promtool check metrics < ${file}`]);
    await Deno.remove(file);
    assert.equal(checked.code, 0, checked.stderr);

    // A member that tries is told to wait; everybody else goes on.
    for (let i = 0; i < 15; i++) {
      await curl(b.host, `http://${a.address}:9180/status`, "-H", `Authorization: Bearer guess-${i}`);
    }
    assert.equal(await curl(b.host, `http://${a.address}:9180/status`, ...bearer), 429);
    assert.equal(await curl(a.host, `http://${a.address}:9180/status`, ...bearer), 200);
    const other = (await a.weft.expectCommand("status", "token", "--new")).trim();
    assert.notEqual(other, token);
    assert.equal(await curl(a.host, `http://${a.address}:9180/status`, ...bearer), 401);

    // The page follows another address of the node.
    await a.weft.expectCommand("peer", "address", "b", "10.200.0.77");
    const newToken = (await b.weft.expectCommand("status", "token")).trim();
    await waitFor(
      async () =>
        await curl(a.host, "http://10.200.0.77:9180/status", "-H", `Authorization: Bearer ${newToken}`) ===
          200,
      15_000,
      { what: "the page is at the new address" },
    );
    const log = a.weft.process.stdout + a.weft.process.stderr;
    for (const secret of [token, other]) assert(!log.includes(secret), "no token is in a log");
    assert.match(log, /wrong tokens were shown to the status page/);
  },
);

labTest(
  "Prometheus scrapes two nodes over the mesh, each by its token",
  [...PACKET_PLANE, "prometheus", "promtool"],
  async () => {
    await using lab = await Lab.create(["A", "B"]);
    const { nodes } = await startMesh(lab, ["A", "B"], { args: ["--status-address", "overlay"] });
    await untilAllKnowAll(nodes);
    const [a] = nodes;
    assert(a);
    const folder = `${a.host.folder}/prometheus`;
    await Deno.mkdir(folder);
    const jobs = await Promise.all(nodes.map(async ({ weft }) => {
      await Deno.writeTextFile(`${folder}/${weft.name}.token`, await weft.expectCommand("status", "token"));
      return [
        `  - job_name: weft-${weft.name}`,
        `    authorization: { credentials_file: ${folder}/${weft.name}.token }`,
        `    static_configs: [{ targets: ["${weft.name}.weft.internal:9180"] }]`,
      ].join("\n");
    }));
    const config = `global: { scrape_interval: 1s }\nscrape_configs:\n${jobs.join("\n")}\n`;
    await Deno.writeTextFile(`${folder}/prometheus.yml`, config);
    await a.host.namespace.expectRun(["promtool", "check", "config", `${folder}/prometheus.yml`]);
    await using _prometheus = a.host.namespace.spawn([
      "prometheus",
      `--config.file=${folder}/prometheus.yml`,
      `--storage.tsdb.path=${folder}/data`,
      "--web.listen-address=127.0.0.1:9090",
    ]);
    const ask = async (
      query: string,
    ): Promise<readonly { metric: Record<string, string>; value: [number, string] }[]> => {
      const url = `http://127.0.0.1:9090/api/v1/query?query=${encodeURIComponent(query)}`;
      const { code, stdout } = await a.host.namespace.run(["curl", "-sS", "-m", "5", url]);
      return code === 0 ? JSON.parse(stdout).data?.result ?? [] : [];
    };
    await waitFor(
      async () => {
        const up = await ask("up");
        return up.length === 2 && up.every(({ value }) => value[1] === "1");
      },
      30_000,
      { what: "both are up" },
    );
    const members = await ask("weft_members");
    assert.deepEqual(members.map(({ value }) => value[1]), ["2", "2"]);
  },
);

labTest(
  "a browser on another machine shows the page once its person has typed the token",
  [...PACKET_PLANE, "chromium"],
  async () => {
    await using lab = await Lab.create(["A", "B"]);
    const { nodes } = await startMesh(lab, ["A", "B"], { args: ["--status-address", "overlay"] });
    await untilAllKnowAll(nodes);
    const [a, b] = nodes;
    assert(a && b);
    const token = await a.weft.expectCommand("status", "token");
    const file = `${b.host.folder}/token`;
    await Deno.writeTextFile(file, token);
    const line = `${Deno.execPath()} run -A ${browserProgram} http://a.weft.internal:9180/ < ${file}`;
    const said = JSON.parse(await b.host.namespace.expectRun(["sh", "-c", line]));
    assert.deepEqual(said, { title: "a · weft", url: "http://a.weft.internal:9180/", cookies: "" });
  },
);

labTest(
  "weft --status-address any: a token from a file, and a rootless node is told why it has no overlay address",
  [...PACKET_PLANE, "curl"],
  async () => {
    await using lab = await Lab.create(["A", "B"]);
    const a = lab.host("A");
    const file = `${a.folder}/token`;
    await Deno.writeTextFile(file, "orchestration-0123456789\n", { mode: 0o644 });
    const args = ["--status-address", "any", "--status-token-file", file];
    const readable = await startMesh(lab, ["A"], { args }).catch((error: Error) => error);
    assert(readable instanceof Error);
    assert.match(readable.message, /others than its owner can read or change it[^]*chmod 600/);
    await Deno.chmod(file, 0o600);
    const { nodes } = await startMesh(lab, ["A"], { args });
    const [node] = nodes;
    assert(node);
    const b = lab.host("B");
    const underlay = (await node.weft.status()).node.endpoints[0]?.split(":")[0];
    const url = `http://${underlay}:9180/status`;
    assert.equal(await curl(b, url), 401);
    assert.equal(await curl(b, url, "-H", "Authorization: Bearer orchestration-0123456789"), 200);
    assert.equal(await curl(a, "http://127.0.0.1:9180/status"), 200);
    assert.match(node.weft.process.stdout, /It is plain HTTP/);
    assert.match(
      (await node.weft.command("status", "token", "--new")).stderr,
      /the one in use is from a file/,
    );
    const rootless = await startMesh(lab, ["B"], { args: ["--rootless", "--status-address", "overlay"] })
      .catch((error: Error) => error);
    assert(rootless instanceof Error);
    assert.match(rootless.message, /a rootless node has no address there[^]*weft offer 9180/);
  },
);
