import assert from "node:assert/strict";
import { Endpoint } from "../../net/mod.ts";
import { publishServedZone, servedZones } from "./served_zones.ts";

const server = Endpoint.parse("10.201.0.1:15353") ?? assert.fail();
const zone = { zones: ["lab.internal."], servers: [server], interfaceName: "weft1" };

Deno.test("servedZones() has what other agents that run here serve, and forgets those that are gone", async () => {
  const directory = await Deno.makeTempDir({ prefix: "weft-zones-" });
  const takeBack = publishServedZone(zone, directory);
  const [name = ""] = [...Deno.readDirSync(directory)].map((entry) => entry.name);
  assert.deepEqual(servedZones(directory), [], "its own is no other's");
  const kept = JSON.parse(await Deno.readTextFile(`${directory}/${name}`));
  const write = (as: string, change: (copy: typeof kept) => void) => {
    const copy = structuredClone(kept);
    change(copy);
    return Deno.writeTextFile(`${directory}/${as}.json`, JSON.stringify(copy));
  };
  // The process that runs this one is there as long.
  const parent = Deno.readTextFileSync(`/proc/${Deno.ppid}/stat`).split(") ")[1]?.split(" ")[19];
  await write("there", ({ writer }) => Object.assign(writer, { pid: Deno.ppid, startTicks: parent }));
  await write("elsewhere", (copy) => {
    Object.assign(copy.writer, { pid: Deno.ppid, startTicks: parent });
    copy.networkNamespace = "net:[1]";
  });
  await write("gone", ({ writer }) => Object.assign(writer, { pid: Deno.ppid, startTicks: "1" }));
  for (const [i, text] of ["{", "[]", "{}", '{"zones":[1],"servers":[]}', "x".repeat(9_000)].entries()) {
    await Deno.writeTextFile(`${directory}/broken-${i}.json`, text);
  }
  const found = servedZones(directory);
  assert.deepEqual(found.map(({ interfaceName, zones }) => [interfaceName, zones]), [["weft1", [
    "lab.internal.",
  ]]]);
  assert.ok(found[0]?.servers[0]?.equals(server));
  await assert.rejects(Deno.stat(`${directory}/gone.json`), Deno.errors.NotFound);
  takeBack();
  takeBack();
  await assert.rejects(Deno.stat(`${directory}/${name}`), Deno.errors.NotFound);
  await Deno.remove(directory, { recursive: true });
  assert.deepEqual(servedZones(directory), []);
});
