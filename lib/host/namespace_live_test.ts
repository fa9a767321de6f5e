/**
 * TAPs, namespaces and pairs of sockets against a real kernel: this file runs itself once more inside a network namespace.
 * @module
 */

import assert from "node:assert/strict";
import { expectRun, labTest, NetworkNamespace, PACKET_PLANE, waitFor } from "../../tests/lab/mod.ts";
import { IpAddress, MacAddress } from "../net/mod.ts";
import { InterfaceExistsError, NoInterfaceError, NoNamespaceError } from "./host_error.ts";
import { Libc } from "./ffi/mod.ts";
import { HostNamespace, inNamespace } from "./namespace/mod.ts";
import { Netlink } from "./netlink/mod.ts";
import { openSocketPair } from "./socket/mod.ts";
import { openReadyTap } from "./tun/mod.ts";

const INSIDE = "WEFT_TEST_INSIDE_NAMESPACE";
const EBADFD = 77;

if (Deno.env.get(INSIDE) === undefined) {
  labTest("TAPs, namespaces and pairs of sockets work", [...PACKET_PLANE, "unshare"], async () => {
    await using host = await NetworkNamespace.create("host");
    await host.ip("link add eth0 type veth peer name eth1");
    const file = new URL(import.meta.url).pathname;
    const config = new URL("../../deno.json", import.meta.url).pathname;
    const deno = [Deno.execPath(), "test", "-A", "--quiet", "--no-check", "--config", config, file];
    await host.expectRun(deno, { env: { [INSIDE]: "1", NO_COLOR: "1" } });
  });
} else {
  testInside();
}

function testInside(): void {
  Deno.test("openReadyTap() makes a TAP with its addresses, up", async () => {
    const tap = openReadyTap({
      name: "web-1",
      mtuBytes: 1370,
      hasHeader: true,
      mac: mac("02:00:00:00:00:07"),
      addresses: [address("10.0.0.7", 24), address("fd00:7::7", 64)],
    });
    assert.equal(tap.mac.toString(), "02:00:00:00:00:07");
    const [link] = JSON.parse(await expectRun(["ip", "-json", "address", "show", "dev", "web-1"]));
    assert.equal(link.address, "02:00:00:00:00:07");
    assert.equal(link.mtu, 1370);
    assert.ok(link.flags.includes("UP"));
    const addresses = link.addr_info.map((info: Record<string, unknown>) =>
      `${info["local"]}/${info["prefixlen"]}`
    );
    assert.ok(addresses.includes("10.0.0.7/24") && addresses.includes("fd00:7::7/64"), addresses.join());
    using network = Netlink.open();
    const found = network.findLink("web-1");
    assert.deepEqual({ ...found, mac: found?.mac?.toString(), index: 0 }, {
      index: 0,
      name: "web-1",
      mac: "02:00:00:00:00:07",
      mtuBytes: 1370,
      isUp: true,
      isRunning: true,
      isLoopback: false,
      kind: "tun",
      masterIndex: 0,
    });
    assert.throws(
      () => openReadyTap({ name: "web-1", mtuBytes: 1370, hasHeader: true }),
      InterfaceExistsError,
    );
    tap.close();
    tap.close();
    await waitFor(() => network.findLink("web-1") === undefined, 5_000, { what: "the TAP is gone" });
  });

  Deno.test("openReadyTap() in another namespace carries frames, and goes with that namespace", async () => {
    using network = Netlink.open();
    const container = await NetworkNamespace.create("container");
    let isGone = false;
    try {
      const tap = openReadyTap({
        name: "eth7",
        mtuBytes: 1400,
        hasHeader: false,
        mac: mac("02:00:00:00:00:08"),
        addresses: [address("10.0.0.8", 24)],
        namespace: container.name,
      });
      assert.equal(network.findLink("eth7"), undefined, "it is not here");
      const [link] = await container.ipJson("address show dev eth7");
      assert.equal(link?.["address"], "02:00:00:00:00:08");
      assert.equal(link?.["mtu"], 1400);
      // Somebody whom nobody has is asked for, and the question comes to us.
      await container.run(["ping", "-c", "1", "-W", "1", "10.0.0.9"]);
      const libc = Libc.open();
      const frame = new Uint8Array(2000);
      let asked = false;
      for (let length = libc.read(tap.fd, frame); length > 0; length = libc.read(tap.fd, frame)) {
        asked ||= length >= 42 && frame[12] === 8 && frame[13] === 6 && frame[41] === 9;
      }
      assert.ok(asked, "an ARP request");
      // A frame that we write is received there.
      const before = await received(container);
      assert.equal(libc.write(tap.fd, new Uint8Array(60).fill(0xff, 0, 6)), 60);
      assert.equal(await received(container), before + 1);

      const path = `/run/netns/${container.name}`;
      const twice = () => openReadyTap({ name: "eth7", mtuBytes: 1400, hasHeader: true, namespace: path });
      assert.throws(twice, InterfaceExistsError);
      assert.deepEqual(tapsHere(), [], "nothing is left of what failed");

      await container[Symbol.asyncDispose]();
      isGone = true;
      const ended = () => libc.read(tap.fd, frame) < 0 && libc.errno === EBADFD;
      await waitFor(ended, 5_000, { what: "the descriptor tells" });
      tap.close();
      libc.unload();
      assert.throws(twice, NoNamespaceError);
    } finally {
      if (!isGone) await container[Symbol.asyncDispose]();
    }
  });

  Deno.test("inNamespace() knows names, paths and processes, and always comes back", async () => {
    await using container = await NetworkNamespace.create("container");
    await container.ip("link add only-there type veth peer name other");
    const child = container.spawn(["sleep", "60"]);
    await waitFor(async () => (await container.processes()).length > 0, 5_000, { what: "it runs" });
    const [pid] = await container.processes();
    const isThere = () => {
      using network = Netlink.open();
      return network.findLink("only-there") !== undefined;
    };
    for (
      const where of [
        container.name,
        `/run/netns/${container.name}`,
        `${pid}`,
        `pid:${pid}`,
        `/proc/${pid}/ns/net`,
      ]
    ) {
      assert.equal(inNamespace(where, isThere), true, where);
      assert.equal(isThere(), false);
      assert.throws(() =>
        inNamespace(where, () => {
          throw new TypeError("inside");
        }), TypeError);
      assert.equal(isThere(), false);
    }
    assert.equal(inNamespace(undefined, isThere), false);
    await child[Symbol.asyncDispose]();
  });

  Deno.test("inNamespace() says where there is none", () => {
    const file = Deno.makeTempFileSync();
    const none = [
      "no-such-one",
      "",
      "..",
      "a\0b",
      "/no/such/path",
      "4194305",
      "pid:4194305",
      "pid:x",
      "/proc/self/ns/uts",
      file,
    ];
    for (const where of none) {
      assert.throws(() => inNamespace(where, () => 1), NoNamespaceError, where);
      assert.throws(() => HostNamespace.open(where), { hint: /ip netns/ });
      const tap = { name: "web-9", mtuBytes: 1400, hasHeader: true, namespace: where };
      assert.throws(() => openReadyTap(tap), NoNamespaceError);
    }
    Deno.removeSync(file);
  });

  Deno.test("Netlink changes the address, the name and the namespace of an interface", async () => {
    using network = Netlink.open();
    await using container = await NetworkNamespace.create("container");
    network.setLinkMac("eth1", mac("02:00:00:00:00:01"));
    network.renameLink("eth1", "uplink");
    assert.equal(network.findLink("uplink")?.mac?.toString(), "02:00:00:00:00:01");
    assert.equal(network.findLink("uplink")?.kind, "veth");
    assert.equal(network.findLink("lo")?.isLoopback, true);
    assert.throws(() => network.renameLink("uplink", "eth0"), InterfaceExistsError);
    assert.throws(() => network.setLinkMac("eth9", mac("02:00:00:00:00:01")), NoInterfaceError);
    // A group's address is no interface's.
    assert.throws(() => network.setLinkMac("uplink", mac("01:00:00:00:00:01")), { code: "Host" });
    {
      using namespace = HostNamespace.open(container.name);
      await container.ip("link add uplink type veth peer name other");
      assert.throws(() => network.moveLink("uplink", namespace.fd), InterfaceExistsError);
      await container.ip("link del uplink");
      network.moveLink("uplink", namespace.fd);
    }
    assert.equal(network.findLink("uplink"), undefined);
    assert.equal(await container.hasInterface("uplink"), true);
  });

  Deno.test("openReadyTap() and inNamespace() say that they need root", async () => {
    await using container = await NetworkNamespace.create("container");
    const program = `
      import { openReadyTap, inNamespace, NotPermittedError } from ${
      JSON.stringify(new URL("./mod.ts", import.meta.url).href)
    };
      const attempts = [
        () => openReadyTap({ name: "web-1", mtuBytes: 1420, hasHeader: true }),
        () => inNamespace("${container.name}", () => 1),
      ];
      for (const attempt of attempts) {
        try {
          attempt();
          console.log("done");
        } catch (error) {
          console.log(error instanceof NotPermittedError && error.message.includes("root") ? "refused" : error);
        }
      }
    `;
    const file = Deno.makeTempFileSync({ suffix: ".ts" });
    Deno.writeTextFileSync(file, program);
    const deno = [Deno.execPath(), "run", "--quiet", "-A", "--no-check", "--no-config", file];
    const output = await expectRun(["unshare", "--user", ...deno]);
    Deno.removeSync(file);
    assert.equal(output, "refused\n".repeat(2));
  });

  Deno.test("openSocketPair() keeps frames apart, takes the longest, bounds what waits, and ends", () => {
    using pair = openSocketPair();
    const [here, there] = pair.ends;
    const longest = new Uint8Array(65_535 + 14 + 10).fill(7);
    const room = new Uint8Array(70_000);
    for (const length of [60, 1514, longest.length]) {
      assert.equal(here.libc.write(here.fd, longest.subarray(0, length)), length);
    }
    for (const length of [60, 1514, longest.length]) assert.equal(there.libc.read(there.fd, room), length);
    assert.equal(there.libc.read(there.fd, room), -1);
    assert.equal(there.libc.errno, 11);
    let waiting = 0;
    while (here.libc.write(here.fd, longest.subarray(0, 1514)) > 0) waiting++;
    assert.equal(here.libc.errno, 11);
    assert.ok(waiting > 100 && waiting < 2000, `${waiting}`);
    here.close();
    while (there.libc.read(there.fd, room) > 0);
    assert.equal(there.libc.read(there.fd, room), 0, "the other end is closed");
  });
}

async function received(namespace: NetworkNamespace): Promise<number> {
  const [link] = await namespace.ipJson<{ stats64: { rx: { packets: number } } }>("-s link show dev eth7");
  return link?.stats64.rx.packets ?? assert.fail();
}

/** Names for the moment. */
function tapsHere(): readonly string[] {
  const lines = Deno.readTextFileSync("/proc/self/net/dev").split("\n");
  return lines.map((line) => line.trim().split(":")[0] ?? "").filter((name) => name.startsWith("wf"));
}

function mac(text: string): MacAddress {
  return MacAddress.parse(text) ?? assert.fail(text);
}

function address(text: string, prefixBits: number): { address: IpAddress; prefixBits: number } {
  return { address: IpAddress.parse(text) ?? assert.fail(text), prefixBits };
}
