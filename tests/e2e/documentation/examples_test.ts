import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { builtInDrivers } from "../../../drivers/mod.ts";
import { MAX_ENDPOINTS, MAX_MEMBER_ENDPOINTS, MAX_NETWORKS } from "../../../lib/agent/networks/mod.ts";
import { networkMtuBytes } from "../../../lib/agent/networks/underlay_place.ts";
import { unixMillis } from "../../../lib/base/mod.ts";
import { createScratch, documentationText, documentedPrograms, expectRun, freePort } from "../../lab/mod.ts";

const root = fileURLToPath(new URL("../../../", import.meta.url));

Deno.test("documentation: the library example runs, and runs again", async () => {
  const examples = await documentedPrograms("@weft/mesh");
  const example = examples.find((code) => code.includes("OverlayBootstrap.initLeader")) ?? "";
  await using scratch = await createScratch("readme");
  // The package is these sources, and the usual ports may be taken here.
  const source = example
    .replace('"@weft/mesh"', JSON.stringify(`file://${root}mod.ts`))
    .replace("port: 51821", `port: ${freePort()}`)
    .replace('name: "lead"', `name: "lead", port: ${freePort()}`)
    // Nothing is called out into the networks that this machine is in.
    .replaceAll("rootless: true", "rootless: true, discovery: false")
    .replaceAll('"./', `"${scratch.path}/`);
  await Deno.writeTextFile(`${scratch.path}/example.ts`, source);
  const config = ["--config", `${root}deno.json`];
  const command = [
    Deno.execPath(),
    "run",
    "--quiet",
    "--check",
    "-A",
    ...config,
    `${scratch.path}/example.ts`,
  ];
  // The second time it resumes what it has made.
  for (let run = 0; run < 2; run++) {
    assert.match(await expectRun(command), /^10\.200\.0\.2 reaches the leader in [\d.]+ ms\n$/);
  }
});

Deno.test("documentation: the table of drivers says of each what it is", async () => {
  const documentation = await documentationText();
  const rows = new Map(
    // Four cells a row: the table of what was measured has more.
    [...documentation.matchAll(/^\| `([a-z-]+)` +((?:\|[^|\n]*){4})\|$/gm)].map((
      [, name = "", cells = ""],
    ) => [
      name,
      cells.slice(1).split("|").map((cell) => cell.trim()),
    ]),
  );
  const drivers = builtInDrivers();
  for (const name of drivers.names) {
    const driver = drivers.get(name)?.();
    assert.ok(driver);
    const [identifier = "", wire = "", bytes, mtu] = rows.get(name) ?? [];
    const { transport, identifier: { name: word, min, max } } = driver.capabilities;
    assert(identifier.startsWith(`a ${word}`), `${name}: ${identifier}`);
    const range = [`${Math.log2(max + 1)} bits`, `${min} to ${max}`];
    assert(range.some((text) => identifier.endsWith(text)), `${name}: ${identifier}`);
    if (transport.kind === "udp") assert(wire.endsWith(`UDP port ${transport.port}`), `${name}: ${wire}`);
    if (transport.kind === "ip") {
      assert(wire.endsWith(`IP protocol ${transport.protocol}`), `${name}: ${wire}`);
    }
    const definition = {
      id: "x",
      name: "x",
      type: name,
      vni: min,
      active: true,
      interfaces: [],
      options: {},
      createdAt: unixMillis(0),
    };
    const left = networkMtuBytes(driver, definition, 1420, 4);
    assert.deepEqual([mtu, bytes], [`${left}`, `${1420 - left}`], name);
  }
});

Deno.test("documentation: the bounds of overlay networks are those of the code", async () => {
  const documentation = await documentationText();
  const text = documentation.replaceAll(/\s+/g, " ");
  const [networks, all, own] = [MAX_NETWORKS, MAX_ENDPOINTS, MAX_MEMBER_ENDPOINTS]
    .map((bound) => bound.toLocaleString("en"));
  assert(text.includes(`up to ${networks} networks and ${all} endpoints, ${own} of one member`));
});
