import assert from "node:assert/strict";
import { silentLogger } from "../../base/mod.ts";
import { HostServer } from "./host_server.ts";

/** A host that runs nothing, with a folder of what it kept, and what it knows for the next start. */
async function openHost(stored: Readonly<Record<string, string>>) {
  const stateDir = await Deno.makeTempDir();
  const values = new Map(Object.entries(stored).map(([key, text]) => [key, new TextEncoder().encode(text)]));
  const store = {
    get: (_: string, key: string) => values.get(key),
    delete: (_: string, key: string) => void values.delete(key),
  };
  const parts = { store, log: silentLogger, options: { stateDir }, mesh: { network: { id: "net" } } };
  const keep = async (text: string) => {
    await Deno.mkdir(`${stateDir}/nats-net`);
    await Deno.writeTextFile(`${stateDir}/nats-net/log`, text);
  };
  return {
    ...{ values, keep },
    host: new HostServer(parts as unknown as ConstructorParameters<typeof HostServer>[0]),
    names: () => [...Deno.readDirSync(stateDir)].map(({ name }) => name).sort(),
    aside: () => Deno.readTextFile(`${stateDir}/nats-net-replaced/log`),
    [Symbol.asyncDispose]: () => Deno.remove(stateDir, { recursive: true }),
  };
}

Deno.test("HostServer.retire() puts aside what was kept, so that this host is another one the next time", async () => {
  await using opened = await openHost({ secret: "s", server: "weft-1" });
  const { host, keep, names, aside, values } = opened;
  await keep("first");
  await host.retire();
  await host.retire();
  assert.deepEqual([names(), values.size, await aside()], [["nats-net-replaced"], 0, "first"]);
  for (const key of ["secret", "server"]) values.set(key, new Uint8Array(1));
  await keep("second");
  await host.retire();
  assert.deepEqual([names(), values.size, await aside()], [["nats-net-replaced"], 0, "second"]);
  // It may have ended between the two.
  values.set("secret", new Uint8Array(1));
  await host.retire();
  assert.deepEqual([names(), values.size, await aside()], [["nats-net-replaced"], 0, "second"]);
});

Deno.test("HostServer.retire() leaves a folder alone of a node that is no host, and leave() one of a host", async () => {
  for (const [stored, how] of [[{ server: "weft-1" }, "retire"], [{ secret: "s" }, "leave"]] as const) {
    await using opened = await openHost(stored);
    await opened.keep("here");
    await opened.host[how]();
    assert.deepEqual([opened.names(), [...opened.values.keys()]], [["nats-net"], Object.keys(stored)]);
  }
});
