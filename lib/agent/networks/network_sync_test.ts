import assert from "node:assert/strict";
import { silentLogger, VirtualTimers } from "../../base/mod.ts";
import type { FramePlane, PortEvent } from "../../dataplane/mod.ts";
import { NO_UPDATE } from "../../mesh/mod.ts";
import type { EndpointOptions } from "../../overlay/mod.ts";
import type { DeviceWish, OpenDevice } from "./endpoint_device.ts";
import { LocalEndpoints } from "./local_endpoints.ts";
import { NetworkSync } from "./network_sync.ts";
import { NetworkStage, type StageNode } from "./testing/network_stage.ts";

/** Writes down what it is told, and says when ports are released unless it is held back. */
class WrittenFrames implements FramePlane {
  readonly told: string[] = [];
  readonly held: number[] = [];
  isHeld = false;
  onPortEvent: (event: PortEvent) => void = () => {};
  failing: string | undefined;

  setOwnAddresses(addresses: readonly string[]) {
    this.told.push(`own ${addresses[0]}`);
  }
  setNetwork({ network, name, driver, identifier, mtuBytes }: Parameters<FramePlane["setNetwork"]>[0]) {
    if (this.failing === name) throw new Error("the port is taken");
    this.told.push(`network ${network} ${name} ${driver} ${identifier} ${mtuBytes}`);
  }
  removeNetwork(network: number) {
    this.told.push(`-network ${network}`);
  }
  setPort({ port, network, name }: Parameters<FramePlane["setPort"]>[0]) {
    if (this.failing === name) throw new Error("there is no room");
    this.told.push(`port ${port} ${network} ${name}`);
  }
  removePort(port: number) {
    this.told.push(`-port ${port}`);
    if (this.isHeld) this.held.push(port);
    else this.onPortEvent({ kind: "port-released", port });
  }
  setRemote({ port, network, via }: Parameters<FramePlane["setRemote"]>[0]) {
    const where = via.kind === "member" ? via.address : via.kind;
    this.told.push(`remote ${port} ${network} ${via.kind} ${where}`);
  }
  removeRemote(port: number) {
    this.told.push(`-remote ${port}`);
  }
  setBinding({ port, network, addresses }: Parameters<FramePlane["setBinding"]>[0]) {
    this.told.push(`binding ${network} ${port} ${addresses.join()}`);
  }
  removeBinding(network: number) {
    this.told.push(`-binding ${network}`);
  }
  receiveFromChannel() {}
  networkCounts() {
    return undefined;
  }
  portCounts() {
    return undefined;
  }
  take(): string[] {
    return this.told.splice(0);
  }
}

/** One node's sync, with devices that are names. */
function syncOf(stage: NetworkStage, node: StageNode) {
  const frames = new WrittenFrames();
  const timers = new VirtualTimers(stage.clock);
  const devices = new Set<string>();
  const options = new Map<string, EndpointOptions>();
  const state = { problem: undefined as string | undefined, rootless: new Set<string>() };
  let last = 0;
  const open = ({ endpoint, options: { device = endpoint.name } }: DeviceWish): OpenDevice => {
    if (state.problem !== undefined) throw new Error(state.problem);
    if (devices.has(device)) throw new Error(`there is one of the name ${device}`);
    devices.add(device);
    return { name: device, port: { kind: "program", id: 1 }, close: () => void devices.delete(device) };
  };
  const local: LocalEndpoints = new LocalEndpoints({
    open,
    clock: stage.clock,
    timers,
    log: silentLogger,
    nextPort: () => ++last,
    onChange: () => sync.sync(),
  });
  frames.onPortEvent = (event) => {
    if (event.kind === "port-released") local.handleReleased(event.port);
  };
  const sync: NetworkSync = new NetworkSync({
    book: node.book,
    frames,
    local,
    ownId: () => node.mesh.identity.id,
    ownAddresses: () => node.mesh.record.addresses.map(String),
    isRootless: false,
    isOnLink: (type) => type === "vlan",
    isRootlessMember: ({ name }) => state.rootless.has(name),
    mtuOf: () => 1370,
    interfaceOf: () => undefined,
    optionsOf: (key) => options.get(key) ?? {},
    hasHeader: false,
    nextNumber: () => ++last,
  });
  return { frames, timers, devices, options, state, local, sync };
}

function withBlue(options: object = {}) {
  const stage = new NetworkStage();
  const { leader } = stage;
  const [a, b, c] = [stage.join("a"), stage.join("b"), stage.join("c")];
  leader.networks.create({ name: "blue", type: "vxlan", vni: 1001, cidr: "10.0.0.0/24", ...options });
  const all = [leader, a, b, c];
  stage.sync(...all);
  const add = (node: StageNode, name: string, address: string) => {
    assert.equal(stage.add(leader, node, ["blue", name], { addresses: [address] }), "done");
    stage.sync(...all);
  };
  return { stage, leader, a, b, c, add, all };
}

Deno.test("NetworkSync tells the plane again of what it could not take", () => {
  const { stage, a, add } = withBlue();
  const { frames, sync } = syncOf(stage, a);
  add(a, "web-1", "10.0.0.11");
  frames.failing = "web-1";
  assert.throws(() => sync.sync(), /no room/);
  frames.failing = undefined;
  frames.take();
  sync.sync();
  assert.deepEqual(frames.take(), ["port 1 2 web-1", "binding 2 1 10.0.0.11"]);
});

Deno.test("NetworkSync tells the plane of networks in which this host has endpoints, and of nothing twice", () => {
  const { stage, a, b, add } = withBlue();
  const { frames, sync, devices } = syncOf(stage, a);
  add(b, "web-2", "10.0.0.12");
  sync.sync();
  assert.deepEqual(frames.take(), ["own 10.200.0.2"], "no endpoint here");
  add(a, "web-1", "10.0.0.11");
  sync.sync();
  assert.deepEqual(frames.take(), [
    "network 2 blue vxlan 1001 1370",
    "port 1 2 web-1",
    "remote 3 2 member 10.200.0.3",
    "binding 2 1 10.0.0.11",
    "binding 2 3 10.0.0.12",
  ]);
  sync.sync();
  assert.deepEqual(frames.take(), []);
  add(b, "web-3", "10.0.0.13");
  sync.sync();
  assert.deepEqual(frames.take(), ["binding 2 3 10.0.0.13"], "the same host");
  sync.close();
  assert.deepEqual([...devices], ["web-1"], "until it is closed, too");
});

Deno.test("NetworkSync follows an endpoint that moves here and away, and takes a device only when the plane has let go of it", () => {
  const { stage, leader, a, b, add, all } = withBlue();
  const { frames, sync, devices } = syncOf(stage, a);
  add(a, "web-1", "10.0.0.11");
  add(b, "web-2", "10.0.0.12");
  sync.sync();
  frames.take();
  const move = (to: StageNode, name: string) => {
    const act = { kind: "move", to: to.mesh.identity.id } as const;
    assert.equal(stage.ask(leader, leader, "blue", name, act), "done");
    stage.sync(...all);
    sync.sync();
  };
  move(a, "web-2");
  assert.deepEqual([...devices].sort(), ["web-1", "web-2"]);
  assert.deepEqual(frames.take(), ["-remote 3", "port 4 2 web-2", "binding 2 4 10.0.0.12"]);
  frames.isHeld = true;
  move(b, "web-2");
  assert.deepEqual(frames.take(), ["-port 4", "remote 5 2 member 10.200.0.3", "binding 2 5 10.0.0.12"]);
  assert.ok(devices.has("web-2"), "the plane may still use it");
  move(a, "web-2");
  assert.deepEqual([...devices].sort(), ["web-1", "web-2"], "the former device has the name");
  frames.isHeld = false;
  for (const port of frames.held.splice(0)) frames.onPortEvent({ kind: "port-released", port });
  assert.ok(devices.has("web-2"));
  assert.ok(frames.take().some((line) => line.startsWith("port ")), "made again at once");
});

Deno.test("LocalEndpoints makes a device again that is gone, later each time, and says why there is none", () => {
  const { stage, a, add } = withBlue();
  const { frames, sync, devices, local, state, timers } = syncOf(stage, a);
  add(a, "web-1", "10.0.0.11");
  state.problem = "no namespace";
  sync.sync();
  assert.deepEqual(local.state("blue/web-1"), { state: "failed", problem: "no namespace" });
  timers.advance(1_000);
  assert.equal(local.state("blue/web-1")?.state, "failed");
  state.problem = undefined;
  timers.advance(1_999);
  assert.equal(devices.size, 0);
  timers.advance(1);
  assert.equal(local.state("blue/web-1")?.state, "up");
  const [port] = [...local.ready.values()];
  local.handleLoop(port?.port ?? assert.fail(), 1_000);
  assert.equal(local.state("blue/web-1")?.state, "blocked");
  timers.advance(1_000);
  assert.equal(local.state("blue/web-1")?.state, "up");
  frames.take();
  assert.ok(local.handleGone(port?.port ?? assert.fail()));
  sync.sync();
  assert.deepEqual(frames.take().map((line) => line.split(" ")[0]), ["-binding", "-port"]);
  assert.equal(devices.size, 0);
  timers.advance(10_000);
  assert.equal(local.state("blue/web-1")?.state, "up");
});

Deno.test("NetworkSync leads members without a packet plane by channels, and follows keys and addresses of members", () => {
  const { stage, leader, a, b, add, all } = withBlue();
  const { frames, sync, state } = syncOf(stage, a);
  add(a, "web-1", "10.0.0.11");
  add(b, "web-2", "10.0.0.12");
  sync.sync();
  frames.take();
  state.rootless.add("b");
  sync.sync();
  assert.deepEqual(frames.take(), ["remote 3 2 channel channel"]);
  state.rootless.clear();
  const amended = leader.mesh.admission?.revoke(b.mesh.record.publicKey);
  leader.mesh.replica.publish({ ...NO_UPDATE, records: [amended?.signed ?? assert.fail()] });
  stage.sync(...all);
  sync.sync();
  assert.deepEqual(frames.take(), ["-binding 2", "-remote 3"], "who is removed has nothing here");
});

Deno.test("NetworkSync has one remote for a group or an Ethernet, and one for each host where there is neither", () => {
  for (
    const [options, expected] of [
      [{ plain: { group: "239.1.1.1" } }, ["remote 3 2 plain plain"]],
      [{ plain: { remotes: ["192.0.2.9"] } }, ["remote 3 2 plain plain"]],
      [{ type: "vlan", vni: 7, plain: {}, interfaces: ["eth1"] }, ["remote 3 2 plain plain"]],
    ] as const
  ) {
    const { stage, a, b, add } = withBlue(options);
    const { frames, sync } = syncOf(stage, a);
    add(a, "web-1", "10.0.0.11");
    add(b, "web-2", "10.0.0.12");
    sync.sync();
    assert.deepEqual(
      frames.take().filter((line) => line.startsWith("remote")),
      expected,
      JSON.stringify(options),
    );
  }
});

Deno.test("NetworkSync goes on with other networks when one cannot be carried here, and tries that one again", () => {
  const { stage, leader, a, add, all } = withBlue();
  leader.networks.create({ name: "red", type: "vxlan", vni: 1002, cidr: "10.0.0.0/24" });
  stage.sync(...all);
  const { frames, sync } = syncOf(stage, a);
  add(a, "web-1", "10.0.0.11");
  assert.equal(stage.add(leader, a, ["red", "web-r"]), "done");
  stage.sync(...all);
  frames.failing = "blue";
  sync.sync();
  const told = frames.take();
  assert.ok(told.some((line) => line.startsWith("network") && line.includes("red")));
  assert.ok(!told.some((line) => line.includes("web-1")));
  assert.equal(sync.failures.get("blue")?.message, "the port is taken");
  frames.failing = undefined;
  sync.retry();
  assert.equal(sync.failures.size, 0);
  assert.ok(frames.take().some((line) => line.includes("web-1")));
});
