/**
 * Tests of what managers reach each other by: memory, and UDP on the loopback.
 * @module
 */

import assert from "node:assert/strict";
import { PortInUseError } from "../../transport/mod.ts";
import { InvalidNetworkError, type NewOverlayNetwork } from "../../overlay/mod.ts";
import { MemoryUnderlay } from "../frames/mod.ts";
import type { OverlayEndpoint } from "./managed_network.ts";
import type { OverlayManagerOptions } from "./manager_options.ts";
import { OverlayManager } from "./overlay_manager.ts";

const EVERYBODY = "ff:ff:ff:ff:ff:ff";
const BOUND_MS = 5_000;
/** IEEE 802, local experimental. */
const EXPERIMENTAL = [0x88, 0xb5];

async function open(options: OverlayManagerOptions): Promise<OverlayManager> {
  const manager = new OverlayManager(options);
  await manager.initialize();
  return manager;
}

function frame(to: string, { macAddress }: OverlayEndpoint, text: string): Uint8Array {
  const bytes = new Uint8Array(200);
  const mac = (text: string) => Uint8Array.fromHex(text.replaceAll(":", ""));
  bytes.set([...mac(to), ...mac(macAddress), ...EXPERIMENTAL, ...new TextEncoder().encode(text)]);
  return bytes;
}

/** What endpoints hear of each other; the switch announces them by ARP, which is left out. */
class Listener {
  readonly heard: string[] = [];

  on(who: string, answer: (text: string) => void = () => {}) {
    return (bytes: Uint8Array) => {
      if (bytes[12] !== EXPERIMENTAL[0] || bytes[13] !== EXPERIMENTAL[1]) return;
      const text = new TextDecoder().decode(bytes.subarray(14)).replaceAll("\0", "");
      this.heard.push(`${who}: ${text}`);
      answer(text);
    };
  }

  async until(count: number): Promise<readonly string[]> {
    for (const end = performance.now() + BOUND_MS; this.heard.length < count;) {
      assert.ok(performance.now() < end, `waited for ${count} frames: ${this.heard}`);
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
    return this.heard.toSorted();
  }
}

for (const type of ["vxlan", "geneve", "mpls-udp"]) {
  Deno.test(`managers reach each other by ${type} over UDP, those alone that they have named, and within a network`, async () => {
    const listener = new Listener();
    const port = freePort();
    await using one = await open({ underlay: "udp", address: "127.0.2.1" });
    await using two = await open({ underlay: "udp", address: "127.0.2.2" });
    await using stranger = await open({ underlay: "udp", address: "127.0.2.3" });
    for (
      const [manager, remote] of [[one, "127.0.2.2"], [two, "127.0.2.1"], [stranger, "127.0.2.2"]] as const
    ) {
      const blue = { name: "blue", type, vni: 1001, cidr: "10.0.0.0/24", plain: { port, remotes: [remote] } };
      const { plain } = await manager.createNetwork(blue);
      assert.deepEqual(plain, { port, remotes: [remote] });
      await manager.createNetwork({ ...blue, name: "red", vni: 1002, plain: { port } });
      await manager.addRemote("red", remote);
    }
    const a = await one.createEndpoint({ networkId: "blue", name: "a" }, listener.on("a"));
    const b = await two.createEndpoint({ networkId: "blue", name: "b" }, listener.on("b"));
    await two.createEndpoint({ networkId: "red", name: "b" }, listener.on("red b"));
    const c = await stranger.createEndpoint({ networkId: "blue", name: "c" });
    assert.ok(c.send(frame(EVERYBODY, c, "from nowhere")));
    assert.ok(a.send(frame(EVERYBODY, a, "who is there?")));
    await listener.until(1);
    assert.ok(b.send(frame(a.macAddress, b, "b is")));
    assert.deepEqual(await listener.until(2), ["a: b is", "b: who is there?"]);
    assert.ok((two.counts("blue")?.drops["not-a-member"] ?? 0) > 0);
  });
}

const lab: NewOverlayNetwork = { name: "lab", type: "vxlan", vni: 7, cidr: "10.7.0.0/24" };
const refusals: readonly (readonly [string, Partial<NewOverlayNetwork>, RegExp])[] = [
  ["a driver that is not on UDP", { type: "gre" }, /gre is not on UDP/],
  ["a group", { plain: { group: "239.1.1.1" } }, /group/],
  ["a hop limit", { plain: { hopLimit: 3 } }, /hop limit/],
  ["a remote that is no host", { plain: { remotes: ["239.1.1.1"] } }, /239\.1\.1\.1 is no host/],
  ["a port that is none", { plain: { port: 65_536 } }, /port/],
];
for (const [what, change, says] of refusals) {
  Deno.test(`OverlayManager with UDP refuses ${what}`, async () => {
    await using manager = await open({ underlay: "udp", address: "127.0.2.1" });
    await assert.rejects(manager.createNetwork({ ...lab, ...change }), (error) => {
      assert.ok(error instanceof InvalidNetworkError, String(error));
      assert.match(error.message, says);
      return true;
    });
    assert.deepEqual(manager.networks(), []);
  });
}

Deno.test("OverlayManager with UDP says that its port is taken, and takes it once it is free", async () => {
  const plain = { port: freePort() };
  await using first = await open({ underlay: "udp", address: "127.0.2.1" });
  await using second = await open({ underlay: "udp", address: "127.0.2.1" });
  await first.createNetwork({ ...lab, plain });
  await assert.rejects(second.createNetwork({ ...lab, plain }), PortInUseError);
  assert.deepEqual(second.networks(), []);
  await first.deleteNetwork("lab");
  await second.createNetwork({ ...lab, plain });
  await assert.rejects(second.addRemote("lab", "239.1.1.1"), InvalidNetworkError);
});

Deno.test("OverlayManager with UDP leaves room for headers within an Ethernet's MTU", async () => {
  const plain = { port: freePort() };
  for (
    const [address, type, mtu] of [["127.0.2.1", "vxlan", 1450], ["::1", "vxlan", 1430], [
      undefined,
      "geneve",
      1450,
    ]] as const
  ) {
    await using manager = await open({ underlay: "udp", ...address !== undefined && { address } });
    assert.equal((await manager.createNetwork({ ...lab, type, plain })).mtu, mtu);
  }
});

Deno.test("managers in memory hear each frame once, also when somebody answers while it is on its way", async () => {
  const underlay = new MemoryUnderlay();
  const listener = new Listener();
  const managers: OverlayManager[] = [];
  for (const host of [1, 2, 3]) managers.push(await open({ underlay, address: `10.200.0.${host}` }));
  const [one, two, three] = managers as [OverlayManager, OverlayManager, OverlayManager];
  for (const [i, manager] of managers.entries()) {
    await manager.createNetwork(lab);
    for (const other of [1, 2, 3]) if (other !== i + 1) await manager.addRemote("lab", `10.200.0.${other}`);
  }
  const a = await one.createEndpoint({ networkId: "lab", name: "a" }, listener.on("a"));
  const a2 = await one.createEndpoint({ networkId: "lab", name: "a2" }, listener.on("a2"));
  const b: OverlayEndpoint = await two.createEndpoint(
    { networkId: "lab", name: "b" },
    listener.on("b", (text) => {
      if (text !== "who?") return;
      // Into the manager whose frame is on its way to another one.
      a2.send(frame(b.macAddress, a2, "to b"));
      b.send(frame(EVERYBODY, b, "me"));
    }),
  );
  await three.createEndpoint({ networkId: "lab", name: "c" }, listener.on("c"));
  a.send(frame(EVERYBODY, a, "who?"));
  assert.deepEqual(
    listener.heard.toSorted(),
    ["a2: me", "a2: who?", "a: me", "b: to b", "b: who?", "c: me", "c: who?"],
  );
  for (const manager of managers) await manager.close();
});

/** @returns a UDP port that nobody has */
function freePort(): number {
  const socket = Deno.listenDatagram({ transport: "udp", hostname: "127.0.2.1", port: 0 });
  const { port } = socket.addr as Deno.NetAddr;
  socket.close();
  return port;
}
