import assert from "node:assert/strict";
import { silentLogger } from "../../base/mod.ts";
import { HostServer } from "./host_server.ts";

/** A host that runs nothing, with a folder of what it kept, and what it knows for the next start. */
async function openHost(stored: Readonly<Record<string, string>>) {
  const stateDir = await Deno.makeTempDir();
  const values = new Map<string, Uint8Array>(
    Object.entries(stored).map(([key, text]) => [key, new TextEncoder().encode(text)]),
  );
  const store = {
    get: (_: string, key: string) => values.get(key),
    put: (_: string, key: string, value: Uint8Array) => void values.set(key, value),
    delete: (_: string, key: string) => void values.delete(key),
  };
  const setCopyAside = async (folder: string) => await Deno.rename(`${stateDir}/copy`, `${folder}/copy`);
  const mesh = { network: { id: "net" }, identity: { privateKey: new Uint8Array(32).fill(1) } };
  const parts = { store, log: silentLogger, options: { stateDir }, mesh, setCopyAside };
  const keep = async (text: string) => {
    await Deno.mkdir(`${stateDir}/nats-net`);
    for (const path of ["nats-net/log", "copy"]) await Deno.writeTextFile(`${stateDir}/${path}`, text);
  };
  return {
    ...{ values, keep },
    host: new HostServer(parts as unknown as ConstructorParameters<typeof HostServer>[0]),
    names: () => [...Deno.readDirSync(stateDir)].map(({ name }) => name).sort(),
    read: (folder: string) =>
      ["log", "copy"].map((name) => Deno.readTextFileSync(`${stateDir}/${folder}/${name}`)),
    [Symbol.asyncDispose]: () => Deno.remove(stateDir, { recursive: true }),
  };
}

Deno.test("HostServer.retire() puts aside what was kept, so that this host is another one the next time", async () => {
  await using opened = await openHost({ secret: "s", server: "weft-1" });
  const { host, keep, names, read, values } = opened;
  await keep("first");
  await host.retire();
  await host.retire();
  assert.deepEqual([names(), values.size], [["nats-net-replaced"], 0]);
  for (const key of ["secret", "server", "keeps"]) values.set(key, new Uint8Array(1));
  await keep("second");
  await host.retire();
  // It may have ended between the two.
  values.set("secret", new Uint8Array(1));
  await host.retire();
  assert.deepEqual([names(), values.size], [["nats-net-replaced", "nats-net-replaced-2"], 0]);
  assert.deepEqual([read("nats-net-replaced"), read("nats-net-replaced-2")], [
    ...[["first", "first"], ["second", "second"]],
  ]);
});

Deno.test("HostServer.retire() leaves a folder alone of a node that is no host, and leave() one of a host", async () => {
  for (const [stored, how] of [[{ server: "weft-1" }, "retire"], [{ secret: "s" }, "leave"]] as const) {
    await using opened = await openHost(stored);
    await opened.keep("here");
    await opened.host[how]();
    assert.deepEqual([opened.names(), [...opened.values.keys()]], [
      ["copy", "nats-net"],
      Object.keys(stored),
    ]);
  }
});

Deno.test("HostServer.follow() goes on with what it keeps under its name, and puts aside what is called otherwise", async () => {
  await using opened = await openHost({ secret: "s", server: "weft-1", keeps: "aa" });
  const { host, keep, names, values } = opened;
  await keep("here");
  const follow = (keeps?: string) =>
    // It does not get further: the secret is not for this host.
    host.follow({ hosts: [], sealed: new Uint8Array(0), others: [], ...keeps !== undefined && { keeps } });
  await follow();
  await follow("aa");
  assert.deepEqual([names(), values.size], [["copy", "nats-net"], 3]);
  await follow("bb");
  await follow("bb");
  assert.deepEqual(names(), ["nats-net-replaced"]);
  assert.deepEqual([...values].map(([key, value]) => [key, new TextDecoder().decode(value)]), [
    ["keeps", "bb"],
  ]);
});
