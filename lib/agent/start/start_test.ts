import assert from "node:assert/strict";
import { silentLogger, utf8Bytes } from "../../base/mod.ts";
import { type AgentOptionsInput, fileLayer, SaidSettings } from "../../config/mod.ts";
import { SqliteStateStore } from "../../host/mod.ts";
import { storedNetworkId } from "../../mesh/mod.ts";
import { freeTcpPort, listenTcp } from "../../transport/mod.ts";
import { Node } from "../node/mod.ts";
import { OverlayBootstrap } from "../overlay_bootstrap.ts";

async function withFolder(body: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "weft-start-" });
  try {
    await body(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** What this node is told at its first start; it needs no privileges, and calls nobody. */
function toldFirst(stateDir: string) {
  const port = freeTcpPort();
  return { stateDir, port, endpoints: `127.0.0.1:${port}`, rootless: true, discovery: false, name: "lead" };
}

async function startOnce(made: Promise<OverlayBootstrap>): Promise<OverlayBootstrap> {
  const node = await made;
  await node.start();
  await node.stop();
  return node;
}

function hasNetwork(stateDir: string): boolean {
  using store = SqliteStateStore.open(stateDir);
  return storedNetworkId(store) !== undefined;
}

Deno.test("OverlayBootstrap.load() does as earlier starts were told, until it is told something else", () =>
  withFolder(async (stateDir) => {
    const told = {
      ...toldFirst(stateDir),
      dnsZone: "overlay.local",
      offers: "80=3000 for role=web",
      labels: { rack: "7" },
      statusPort: "off",
    } as const;
    const first = await startOnce(OverlayBootstrap.initLeader(told));
    assert.deepEqual([...first.keptSettings], []);
    const resumed = await startOnce(OverlayBootstrap.load({ stateDir }));
    assert.deepEqual({ ...resumed.options, name: "lead" }, first.options);
    assert.deepEqual(resumed.keptSettings.get("offer"), ["80=127.0.0.1:3000 for role=web"]);
    const port = freeTcpPort();
    const moved = await startOnce(OverlayBootstrap.load({ stateDir, port, offers: [] }));
    assert.deepEqual([moved.options.port, moved.options.offers], [port, []]);
    const again = await startOnce(OverlayBootstrap.initLeader({ stateDir }));
    assert.deepEqual([again.options.port, again.options.offers, again.options.dnsZone], [
      port,
      [],
      "overlay.local.",
    ]);
  }));

Deno.test("OverlayBootstrap keeps nothing of a start that fails, and all of one that has made a node", () =>
  withFolder(async (stateDir) => {
    const told = toldFirst(stateDir);
    await startOnce(OverlayBootstrap.initLeader(told));
    using taken = { listener: listenTcp({ port: 0 }), [Symbol.dispose]: () => taken.listener.close() };
    const port = taken.listener.localPort;
    const failing = await OverlayBootstrap.load({ stateDir, port });
    await assert.rejects(failing.start(), { code: "PortInUse" });
    const resumed = await startOnce(OverlayBootstrap.load({ stateDir }));
    assert.equal(resumed.options.port, told.port);
  }));

Deno.test("OverlayBootstrap.load() resumes a state of a release that kept no settings, and one with settings that it cannot use", () =>
  withFolder(async (stateDir) => {
    const told = toldFirst(stateDir);
    await startOnce(OverlayBootstrap.initLeader(told));
    {
      using store = SqliteStateStore.open(stateDir);
      for (const [key] of store.entries("settings")) store.delete("settings", key);
      store.put("settings", "mtuBytes", utf8Bytes(`{"value":"12","from":"flags"}`));
    }
    const warnings: string[] = [];
    const logger = { ...silentLogger, warn: (message: string) => void warnings.push(message) };
    const { name: _, ...more } = told;
    const node = await startOnce(OverlayBootstrap.load(more, { logger }));
    assert.equal(node.options.mtuBytes, 1420);
    assert.equal(warnings.filter((line) => /kept setting mtu 12: /.test(line)).length, 1);
  }));

Deno.test("NodeSettings reads a kept file again at every start, and names one that is gone", () =>
  withFolder(async (folder) => {
    const stateDir = `${folder}/state`;
    const path = `${folder}/weft.yaml`;
    const { port: _, ...told } = toldFirst(stateDir);
    const port = freeTcpPort();
    await Deno.writeTextFile(path, `port: ${port}\nmtu: 1281\n`);
    const file = { ...await fileLayer(await Deno.readTextFile(path), path), path };
    const said = new SaidSettings([{ source: "flags", values: told }], { file });
    await startOnce(OverlayBootstrap.initLeader(said));
    await Deno.writeTextFile(path, `port: ${port}\nmtu: 1282\n`);
    const node = await startOnce(OverlayBootstrap.load({ stateDir }));
    assert.deepEqual([node.options.port, node.options.mtuBytes], [port, 1282]);
    assert.equal(node.keptSettings.get("config"), path, "the start says by which file it runs");
    const stored = await OverlayBootstrap.storedSettings({ stateDir });
    const mtu = stored.find(({ name }) => name === "mtu");
    assert.deepEqual(mtu, { name: "mtu", value: "1282", source: "file", at: path });
    await Deno.remove(path);
    const gone = {
      code: "InvalidConfig",
      message: new RegExp(`${path}, which an earlier start named by --config`),
    };
    await assert.rejects(OverlayBootstrap.load({ stateDir }), gone);
    assert.equal(OverlayBootstrap.changeStoredSetting(stateDir, { name: "config" }), true);
    const without = await OverlayBootstrap.load({ stateDir, port });
    assert.equal(without.options.mtuBytes, 1420);
    await without.stop();
  }));

Deno.test("AgentControl.settings() says where each comes from, and what the next start uses", () =>
  withFolder(async (stateDir) => {
    const told = toldFirst(stateDir);
    await startOnce(OverlayBootstrap.initLeader({ ...told, mtuBytes: 1300 }));
    const said = new SaidSettings([
      { source: "flags", values: { stateDir, dnsZone: "a.example" } },
      { source: "environment", values: { port: `${told.port}` } },
    ]);
    const node = await OverlayBootstrap.load(said);
    await node.start();
    const { control } = node;
    const report = (name: string) => control.settings().find((each) => each.name === name);
    assert.deepEqual(report("dns-zone"), { name: "dns-zone", value: "a.example.", source: "flag" });
    assert.deepEqual(report("port"), {
      name: "port",
      value: `${told.port}`,
      source: "environment",
      at: "WEFT_PORT",
    });
    assert.deepEqual(report("mtu"), { name: "mtu", value: "1300", source: "kept" });
    assert.deepEqual(report("cipher"), { name: "cipher", value: "auto", source: "default" });
    assert.deepEqual(report("name"), { name: "name", value: "lead", source: "network" });
    assert.equal(control.changeSetting({ name: "mtu", value: ["1301"] }), true);
    assert.deepEqual(report("mtu"), { name: "mtu", value: "1300", source: "kept", next: "1301" });
    assert.equal(control.changeSetting({ name: "mtu" }), true);
    assert.equal(report("mtu")?.next, "1420");
    assert.throws(() => control.changeSetting({ name: "mtu", value: ["1"] }), { code: "InvalidConfig" });
    await node.stop();
    await assert.rejects(OverlayBootstrap.storedSettings({ stateDir: `${stateDir}/none` }), {
      code: "NotInitialized",
    });
  }));

Deno.test("OverlayBootstrap.initLeader() leaves no network when its first start fails, nor when it is never started", () =>
  withFolder(async (folder) => {
    const stateDir = `${folder}/state`;
    const told: AgentOptionsInput = toldFirst(stateDir);
    using taken = { listener: listenTcp({ port: 0 }), [Symbol.dispose]: () => taken.listener.close() };
    const port = taken.listener.localPort;
    // Found before anything is made.
    await assert.rejects(OverlayBootstrap.initLeader({ ...told, port }), { code: "PortInUse" });
    assert.equal(hasNetwork(stateDir), false);
    // The port is taken after the network was made.
    const made = await OverlayBootstrap.initLeader({ ...told, cidr: "10.9.0.0/16" });
    const late = listenTcp({ port: Number(told.port) });
    await assert.rejects(made.start(), { code: "PortInUse" });
    late.close();
    assert.equal(hasNetwork(stateDir), false);
    await assert.rejects(OverlayBootstrap.load({ stateDir }), { code: "NotInitialized" });
    const stopped = await OverlayBootstrap.initLeader({ ...told, cidr: "10.8.0.0/16" });
    await stopped.stop();
    assert.equal(hasNetwork(stateDir), false);
    // A setting of what failed is not kept.
    const leader = await startOnce(OverlayBootstrap.initLeader({ ...told, cidr: "10.7.0.0/16" }));
    assert.equal(`${leader.nodeIp()}`, "10.7.0.1");
    assert.equal(hasNetwork(stateDir), true);
  }));

Deno.test("OverlayBootstrap: a network that a crash ended before it ran is forgotten, and one that ran is not", () =>
  withFolder(async (stateDir) => {
    const told = toldFirst(stateDir);
    const program = `
      import { OverlayBootstrap } from ${JSON.stringify(new URL("../mod.ts", import.meta.url).href)};
      const node = await OverlayBootstrap.initLeader(${JSON.stringify(told)});
      if (Deno.args[0] === "started") await node.start();
      Deno.kill(Deno.pid, "SIGKILL");`;
    const path = `${stateDir}/program.ts`;
    await Deno.writeTextFile(path, program);
    const config = new URL("../../../deno.json", import.meta.url).pathname;
    const run = (...args: string[]) =>
      new Deno.Command(Deno.execPath(), { args: ["run", "-A", "--config", config, path, ...args] }).output();
    assert.equal((await run()).signal, "SIGKILL");
    assert.equal(hasNetwork(stateDir), true);
    await assert.rejects(OverlayBootstrap.load({ stateDir }), { code: "NotInitialized" });
    assert.equal(hasNetwork(stateDir), false);
    assert.equal((await run("started")).signal, "SIGKILL");
    const resumed = await startOnce(OverlayBootstrap.load({ stateDir }));
    assert.equal(resumed.options.port, told.port);
  }));

Deno.test("OverlayBootstrap.initLeader() twice at once in one directory makes one network", () =>
  withFolder(async (stateDir) => {
    const told = toldFirst(stateDir);
    const [first, second] = await Promise.allSettled([
      OverlayBootstrap.initLeader(told),
      OverlayBootstrap.initLeader({ ...told, port: freeTcpPort(), cidr: "10.9.0.0/16" }),
    ]);
    assert.equal(second.status, "rejected");
    assert.equal((second as PromiseRejectedResult).reason.code, "State");
    assert(first.status === "fulfilled");
    await first.value.start();
    await assert.rejects(OverlayBootstrap.initLeader(told), { code: "State" });
    assert.equal(first.value.control.status().state, "running");
    await first.value.stop();
    const resumed = await startOnce(OverlayBootstrap.load({ stateDir }));
    assert.equal(`${resumed.nodeIp()}`, "10.200.0.1");
  }));

Deno.test("OverlayBootstrap.join() asks no leader before it knows that this machine can run", () =>
  withFolder(async (folder) => {
    const leader = await OverlayBootstrap.initLeader(toldFirst(`${folder}/lead`));
    await leader.start();
    const token = leader.joinToken();
    const told = { ...toldFirst(`${folder}/node`), name: "web-1" };
    const taken = listenTcp({ port: told.port });
    await assert.rejects(OverlayBootstrap.join(token, told), { code: "PortInUse" });
    const onOptions = () => Promise.reject(new TypeError("the page's port is taken"));
    taken.close();
    await assert.rejects(OverlayBootstrap.join(token, told, { onOptions }), /the page's port/);
    assert.equal(leader.control.members().length, 1);
    // What was said at a join is kept with it, also when the node does not run then.
    const joined = await OverlayBootstrap.join(token, told);
    const late = listenTcp({ port: told.port });
    await assert.rejects(joined.start(), { code: "PortInUse" });
    late.close();
    const resumed = await startOnce(OverlayBootstrap.load({ stateDir: told.stateDir }));
    assert.deepEqual([resumed.name, resumed.options.port], ["web-1", told.port]);
    assert.equal(leader.control.members().length, 2);
    await leader.stop();
  }));

Deno.test("OverlayBootstrap and Node: the same calls a second time resume, and those that mean another network say so", () =>
  withFolder(async (folder) => {
    const lead = toldFirst(`${folder}/lead`);
    const member = { ...toldFirst(`${folder}/node`), name: "web-1" };
    const adder = { stateDir: `${folder}/adder`, name: "adder" };
    const tokens: string[] = [];
    const ids: string[] = [];
    for (const isResumed of [false, true]) {
      const leader = await OverlayBootstrap.initLeader(lead);
      await leader.start();
      tokens.push(leader.joinToken(), leader.joinToken());
      const node = await OverlayBootstrap.join(leader.joinToken(), member);
      await node.start();
      ids.push(node.control.status().node.id);
      assert.deepEqual([leader.isResumed, node.isResumed], [isResumed, isResumed]);
      // Without the token the node is resumed that is there.
      const program = await Node.join(isResumed ? "" : leader.joinToken(), adder);
      assert.equal(program.name, "adder");
      await program.stop();
      await node.stop();
      assert.equal(leader.control.members().length, 3);
      assert.equal(leader.control.listTokens().length, 1);
      await leader.stop();
    }
    assert.equal(new Set(tokens).size, 1);
    assert.equal(new Set(ids).size, 1);
    const other = await OverlayBootstrap.initLeader({ ...toldFirst(`${folder}/other`), name: "other" });
    await other.start();
    await assert.rejects(OverlayBootstrap.join(other.joinToken(), member), { code: "AlreadyInitialized" });
    await assert.rejects(OverlayBootstrap.initLeader(member), { code: "AlreadyInitialized" });
    await assert.rejects(OverlayBootstrap.initLeader({ ...lead, cidr: "10.9.0.0/16" }), {
      code: "InvalidRequest",
    });
    for (const token of ["", "weft1-abc"]) {
      await assert.rejects(Node.join(token, { stateDir: `${folder}/none` }), { code: "InvalidToken" });
      await assert.rejects(Deno.stat(`${folder}/none`), Deno.errors.NotFound);
    }
    await other.stop();
  }));
