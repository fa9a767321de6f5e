import { MemoryUnderlay, OverlayManager } from "@weft/mesh";
import assert from "node:assert/strict";
import { DuplicateDriverError, UnknownDriverError } from "../lib/overlay/mod.ts";
import {
  builtInDrivers,
  GeneveDriver,
  getDriverFactory,
  GreDriver,
  MplsUdpDriver,
  NvgreDriver,
  VlanDriver,
  VxlanDriver,
} from "./mod.ts";
import { L2tpv3Driver } from "./testing/l2tpv3_driver.ts";
import { testDriver } from "./testing/driver_suite.ts";

/** @returns the numbers from `from` to `to`, both included */
function bits(from: number, to: number): number[] {
  return Array.from({ length: to - from + 1 }, (_, i) => from + i);
}

testDriver(new VxlanDriver(), {
  // RFC 7348 §5: R, and both reserved fields, are ignored on receipt.
  ignoredBits: [...bits(0, 3), ...bits(5, 31), ...bits(56, 63)],
});

testDriver(new GeneveDriver(), {
  // RFC 8926 §3.4: C, which says nothing that the options do not, the reserved bits behind it, and the last 8.
  ignoredBits: [...bits(9, 15), ...bits(56, 63)],
  variants: [
    { payload: "ip" },
    { options: "0102:80:deadbeef" },
    { options: "0102:80:deadbeef,ffff:01", payload: "ip" },
    { options: `0001:02:${"00".repeat(124)},0001:02:${"00".repeat(120)}` },
  ],
  refused: [
    { options: "0102:80:deadbe" },
    { options: "102:80" },
    { options: "" },
    { options: `0102:80:${"00".repeat(128)}` },
    { options: Array.from({ length: 3 }, () => `0001:02:${"00".repeat(120)}`).join() },
    { payload: "frames" },
  ],
});

testDriver(new GreDriver(), {
  // RFC 2784 §2.3: what is behind the first six bits of Reserved0.
  ignoredBits: bits(6, 12),
  variants: [
    { payload: "ip" },
    { key: "none" },
    { sequence: "true" },
    { checksum: "true" },
    { sequence: "true", checksum: "true", payload: "ip" },
  ],
  refused: [{ key: "some" }, { sequence: "1" }, { checksum: "yes" }, { payload: "mpls" }],
});

testDriver(new NvgreDriver(), {
  // As those of GRE; and the FlowID, which says nothing of whose the frame is.
  ignoredBits: [...bits(6, 12), ...bits(56, 63)],
});

testDriver(new MplsUdpDriver(), {
  // The hop limit of the label, which begins as 64: all others are as good, but for 0.
  ignoredBits: bits(24, 31).filter((bit) => bit !== 25),
  variants: [
    { payload: "ip" },
    { outer: "100" },
    { outer: "100, 200,300,1048575", ttl: "255", tc: "7", "control-word": "true" },
    { "control-word": "true" },
  ],
  refused: [
    { outer: "15" },
    { outer: "100,200,300,400,500" },
    { outer: "" },
    { ttl: "0" },
    { ttl: "256" },
    { tc: "8" },
    { "control-word": "on" },
    { "control-word": "true", payload: "ip" },
  ],
});

testDriver(new VlanDriver(), {
  // IEEE 802.1Q-2022 §6.9.3: whether it may be dropped first.
  ignoredBits: [19],
  variants: [{ service: "4094" }, { priority: "7" }, { service: "1", priority: "3" }],
  refused: [{ service: "0" }, { service: "4095" }, { priority: "8" }, { priority: "-1" }],
});

testDriver(new L2tpv3Driver(), {
  // None: each bit says which session it is.
  ignoredBits: [],
  variants: [{ cookie: "00112233" }, { cookie: "0011223344556677" }],
  refused: [{ cookie: "0011" }, { cookie: "red" }],
});

Deno.test("the seventh driver is what the page shows, and carries a frame between two programs", async () => {
  const read = (path: string) => Deno.readTextFile(new URL(path, import.meta.url));
  const source = await read("testing/l2tpv3_driver.ts");
  const code = source.slice(source.indexOf("import {"));
  assert.ok((await read("README.md")).includes("```ts\n" + code + "```"), "README.md shows another text");

  const underlay = new MemoryUnderlay();
  const heard: Uint8Array[] = [];
  const addresses = ["10.200.0.1", "10.200.0.2"] as const;
  const managers = addresses.map((address) => new OverlayManager({ underlay, address }));
  for (const [i, manager] of managers.entries()) {
    manager.registerDriver(new L2tpv3Driver());
    await manager.initialize();
    const options = { cookie: "00112233" };
    await manager.createNetwork({ name: "blue", type: "l2tpv3", vni: 7, cidr: "10.0.0.0/24", options });
    await manager.addRemote("blue", addresses[1 - i] ?? "");
  }
  const [one, two] = managers;
  const sender = await one?.createEndpoint({ networkId: "blue", name: "a", ipAddress: "10.0.0.2" });
  await two?.createEndpoint({ networkId: "blue", name: "b", ipAddress: "10.0.0.3" }, (frame) => {
    heard.push(frame.slice());
  });
  const frame = new Uint8Array(60).fill(0xff, 0, 6);
  frame.set(Uint8Array.fromHex((sender?.macAddress ?? "").replaceAll(":", "")), 6);
  // IEEE 802, local experimental.
  frame.set([0x88, 0xb5, 7], 12);
  sender?.send(frame);
  assert.deepEqual(heard.filter((other) => other[12] === 0x88), [frame]);
  await Promise.all(managers.map((manager) => manager.close()));
});

Deno.test("builtInDrivers() has the six, each under its own name, and takes more", () => {
  const registry = builtInDrivers();
  assert.deepEqual(registry.names, ["vxlan", "geneve", "gre", "nvgre", "mpls-udp", "vlan"]);
  for (const name of registry.names) assert.equal(registry.get(name)?.().name, name);
  assert.throws(() => registry.register("vxlan", () => new VxlanDriver()), DuplicateDriverError);
  registry.register("other", () => new VxlanDriver());
  assert.ok(registry.get("other"));
  assert.equal(builtInDrivers().get("other"), undefined);
});

Deno.test("getDriverFactory() throws UnknownDriverError and names those there are", () => {
  assert.equal(getDriverFactory("geneve")().name, "geneve");
  assert.throws(() => getDriverFactory("stt"), (error: unknown) => {
    return error instanceof UnknownDriverError && error.message.includes("mpls-udp");
  });
});
