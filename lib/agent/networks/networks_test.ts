import assert from "node:assert/strict";
import { MemoryStateStore, silentLogger, VirtualTimers } from "../../base/mod.ts";
import { PortableFrames } from "../../dataplane/mod.ts";
import { builtInDrivers } from "../../../drivers/mod.ts";
import type { MemberAnswer, MemberRequest } from "../../mesh/mod.ts";
import { DuplicateEndpointError, InvalidEndpointError } from "../../overlay/mod.ts";
import { parseAgentOptions } from "../../config/mod.ts";
import type { DeviceWish } from "./endpoint_device.ts";
import { Networks } from "./networks.ts";
import { NetworkStage } from "./testing/network_stage.ts";

/** A member whose leader answers when it is told to, and whose devices are names. */
function member() {
  const stage = new NetworkStage();
  const { leader, clock } = stage;
  const a = stage.join("a");
  leader.networks.create({ name: "blue", type: "vxlan", vni: 1001, cidr: "10.0.0.0/24" });
  stage.sync(leader, a);
  const timers = new VirtualTimers(clock);
  const devices = new Set<string>();
  const made: string[] = [];
  const waiting: (() => void)[] = [];
  const ask = async (request: MemberRequest): Promise<MemberAnswer | undefined> => {
    await new Promise<void>((resolve) => waiting.push(resolve));
    assert.ok(request.kind === "endpoint");
    const { answer } = leader.endpoints.serve(a.mesh.record, request.request);
    if (answer.kind === "done" && answer.update !== undefined) a.mesh.replica.merge(answer.update);
    a.mesh.replica.deliverEvents();
    return answer;
  };
  const store = new MemoryStateStore();
  const open = ({ endpoint, options: { device = endpoint.name } }: DeviceWish) => {
    if (device === "bad") throw new InvalidEndpointError("Cannot make the device: it is bad");
    devices.add(device);
    made.push(device);
    const port = { kind: "program", id: frames.programs.open(() => {}) } as const;
    return { name: device, port, close: () => void devices.delete(device) };
  };
  const endpoints = { own: () => ({ endpoints: [] }), overlay: [], overlayDevices: () => new Set<string>() };
  const networks = new Networks({
    context: {
      mesh: a.mesh,
      store,
      options: parseAgentOptions({ stateDir: "/s", rootless: true }),
      clock,
      timers,
      log: silentLogger,
      endpoints: endpoints as unknown as ConstructorParameters<typeof Networks>[0]["context"]["endpoints"],
    },
    drivers: builtInDrivers(),
    askLeaders: ask,
    devices: { open, [Symbol.dispose]: () => {} },
    hostInterfaces: () => [],
  });
  const frames = new PortableFrames({
    clock,
    timers,
    random: stage.random,
    onPortEvent: (event) => networks.handlePortEvent(event),
  });
  networks.start({ frames, hasHeader: false });
  const answer = () => waiting.splice(0).forEach((resolve) => resolve());
  const close = async () => {
    await networks.close();
    frames.close();
  };
  return { stage, leader, a, networks, devices, made, store, timers, answer, close };
}

Deno.test("Networks.addEndpoint() makes an endpoint once when two ask for it at the same time", async () => {
  const { networks, devices, answer, close } = member();
  const first = networks.addEndpoint({ networkId: "blue", name: "web-1", options: { device: "tap-1" } });
  await assert.rejects(
    networks.addEndpoint({ networkId: "blue", name: "web-1", options: { device: "bad" } }),
    (error) => error instanceof DuplicateEndpointError && error.retryable,
  );
  answer();
  assert.equal((await first).device, "tap-1");
  assert.deepEqual([...devices], ["tap-1"], "the other one has not taken it back");
  await close();
});

Deno.test("Networks.addEndpoint() makes no other device when others tell of the endpoint before the leader answers", async () => {
  const { stage, leader, a, networks, made, timers, answer, close } = member();
  const added = networks.addEndpoint({ networkId: "blue", name: "web-1", options: { device: "tap-1" } });
  assert.equal(stage.add(leader, a, ["blue", "web-1"]), "done");
  a.mesh.replica.deliverEvents();
  timers.advance(1_000);
  assert.deepEqual(made, ["tap-1"]);
  answer();
  assert.equal((await added).state, "up");
  assert.deepEqual(made, ["tap-1"]);
  await close();
});
