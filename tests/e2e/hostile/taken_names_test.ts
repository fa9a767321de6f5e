/**
 * A member that takes names, and what the others' name servers answer `dig`.
 * @module
 */

import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import {
  CapturedProcess,
  Lab,
  labTest,
  type MeshNode,
  PACKET_PLANE,
  startMesh,
  untilAllKnowAll,
  waitFor,
  WeftNode,
} from "../../lab/mod.ts";
import type { Naming } from "./naming_member.ts";

const projectRoot = fileURLToPath(new URL("../../../", import.meta.url));
const EVIL = "10.200.66.66";

/** @returns the address that the node's own server gives for a name, or the status when it gives none */
async function dig({ host, address }: MeshNode, name: string): Promise<string> {
  const command = ["dig", `@${address}`, "-p", "15353", "+tries=1", "+time=3", name, "A"];
  const { stdout } = await host.namespace.run(command);
  return /\sA\s+(\d[\d.]*)$/m.exec(stdout)?.[1] ?? /status: (\w+)/.exec(stdout)?.[1] ?? stdout;
}

labTest(
  "weft up --dns: a member that advertises * and writes names of others changes no answer, and takes no name",
  [...PACKET_PLANE, "dig"],
  async () => {
    await using lab = await Lab.create(["A", "B", "C", "D"]);
    const { nodes, token } = await startMesh(lab, ["A", "B", "C"]);
    const [a, b, c] = nodes as [MeshNode, MeshNode, MeshNode];
    await untilAllKnowAll(nodes);
    await a.weft.expectCommand("dns", "add", "db", "A", "10.200.9.9");
    await a.weft.expectCommand("dns", "add", "*.apps", "A", "10.200.9.8");
    await b.weft.expectCommand("dns", "add", "api.b", "CNAME", "b");
    await waitFor(async () => await dig(a, "api.b.weft.internal") === b.address, 5_000, {
      what: "a knows api.b",
    });
    const names = [
      ...[
        "a",
        "b",
        "leader",
        "node-0-1",
        "node-7-7",
        "api.b",
        "x.b",
        "db",
        "x.db",
        "x.apps",
        "_http._tcp.db",
      ],
      ...["free", "anything.at.all", "wpad", "isatap", "localhost", "printer.local", "google.com", "math"],
    ].map((name) => `${name}.weft.internal.`);
    const both = [a, b];
    const all = () => Promise.all(both.flatMap((node) => names.map((name) => dig(node, name))));
    await waitFor(async () => await dig(b, "x.apps.weft.internal") === "10.200.9.8", 5_000, {
      what: "b knows what a has added",
    });
    const before = await all();
    assert.equal(before[names.indexOf("free.weft.internal.")], "NXDOMAIN");

    const refused = await c.weft.command("dns", "add", "free", "A", EVIL);
    assert.match(
      refused.stderr,
      /Cannot add free\.weft\.internal\.: .*not granted.*\nhint: .*weft grant add c --names free/,
    );
    await c.weft.stop();
    const naming: Naming = {
      stateDir: c.weft.stateDir,
      target: "a",
      endpoint: `${a.host.address4}:51820`,
      names: [
        ...names,
        "*.weft.internal.",
        "*.apps.weft.internal.",
        "*.free.weft.internal.",
        "ok.c.weft.internal.",
      ],
      address: EVIL,
      paths: ["*", "db", "leader", "node-0-1", "b", "free", "wpad", ">", "apps"],
    };
    const program = fileURLToPath(new URL("./naming_member.ts", import.meta.url));
    const run = [Deno.execPath(), "run", "--quiet", "-A", "--config", `${projectRoot}deno.json`, program];
    const mallory = lab.use(
      new CapturedProcess(c.host.namespace.command([...run, JSON.stringify(naming)]), { label: "mallory" }),
    );
    await mallory.until(() => mallory.stdout.includes("sent") || undefined, 20_000, "it has sent all");
    for (const node of both) {
      await waitFor(async () => await dig(node, "ok.c.weft.internal") === EVIL, 10_000, { what: "it came" });
    }
    assert.deepEqual(await all(), before);
    assert.equal(await dig(b, "c.weft.internal"), c.address);

    // A newcomer chooses what it is called, but gets nothing that means something else.
    for (const [wanted, given] of [["db", "db-2"], ["apps", "apps-2"], ["leader", "host-leader"]] as const) {
      const { namespace, folder } = lab.host("D");
      const stateDir = `${folder}/${wanted}`;
      const d = lab.use(new WeftNode(namespace, { name: wanted, stateDir, args: [], env: {} }));
      await d.start("--join", token);
      const { node } = await d.status();
      assert.equal(node.name, given);
      await d.stop();
      await a.weft.expectCommand("peer", "remove", given);
    }
    assert.deepEqual(await all(), before);
  },
);
