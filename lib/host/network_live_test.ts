/**
 * The TUN device and Netlink against a real kernel: this file runs itself once more inside a network namespace.
 * @module
 */

import assert from "node:assert/strict";
import { expectRun, labTest, NetworkNamespace, PACKET_PLANE, waitFor } from "../../tests/lab/mod.ts";
import { Cidr, IpAddress } from "../net/mod.ts";
import { HostError, InterfaceExistsError } from "./host_error.ts";
import { AddressMonitor } from "./netlink/address_monitor.ts";
import { LinkMonitor } from "./netlink/link_monitor.ts";
import { findRouteOverlap, Netlink } from "./netlink/mod.ts";
import { openTun, type PacketDevice } from "./tun/tun_device.ts";

const INSIDE = "WEFT_TEST_INSIDE_NAMESPACE";

if (Deno.env.get(INSIDE) === undefined) {
  labTest("openTun() and Netlink work in a network namespace", [...PACKET_PLANE, "unshare"], async () => {
    await using namespace = await NetworkNamespace.create("host");
    await namespace.ip("link add eth0 type veth peer name eth1", "link set eth0 up", "link set eth1 up");
    await namespace.ip("addr add 192.0.2.1/24 dev eth0");
    const file = new URL(import.meta.url).pathname;
    const config = new URL("../../deno.json", import.meta.url).pathname;
    await namespace.expectRun([
      Deno.execPath(),
      "test",
      "-A",
      "--quiet",
      "--no-check",
      "--config",
      config,
      file,
    ], {
      env: { [INSIDE]: "1", NO_COLOR: "1" },
    });
  });
} else {
  testInside();
}

function testInside(): void {
  Deno.test("LinkMonitor tells of changes, and of the end", async () => {
    using network = Netlink.open();
    const device = openTun({ name: "weft9", mtuBytes: 65_535 });
    network.setLinkMtu("weft9", 1420);
    using monitor = LinkMonitor.open("weft9");
    const seen = async () => {
      const state = await monitor.next();
      return typeof state === "object" ? [state.isUp, state.mtuBytes] : state;
    };
    assert.deepEqual(await seen(), [false, 1420]);
    network.setLinkUp("weft9", 1300);
    assert.deepEqual([await seen(), await seen()], [[false, 1300], [true, 1300]]);
    network.deleteLink("weft9");
    let last = await seen();
    while (typeof last === "object") last = await seen();
    assert.equal(last, "gone");
    const waiting = monitor.next();
    monitor.close();
    assert.equal(await waiting, undefined);
    assert.throws(() => LinkMonitor.open("weft9"), HostError);
    device.close();
  });

  Deno.test("LinkMonitor follows an interface to another namespace, keeps none alive, and is lost after that", async () => {
    using network = Netlink.open();
    const device = openTun({ name: "weft9", mtuBytes: 65_535 });
    network.setLinkMtu("weft9", 1420);
    using monitor = LinkMonitor.open("weft9");
    const seen = async () => {
      const state = await monitor.next();
      return typeof state === "object" ? `${state.isUp} ${state.mtuBytes}` : state;
    };
    const until = async (expected: string) => {
      for (let state = await seen(); state !== expected; state = await seen()) {
        assert.ok(state !== undefined && state !== "gone", `${state} before ${expected}`);
      }
    };
    await until("false 1420");
    {
      await using container = await NetworkNamespace.create("container");
      // One of the same name and number here is another one.
      await expectRun(["ip", "link", "set", "weft9", "netns", container.name]);
      const other = openTun({ name: "weft9", mtuBytes: 65_535 });
      network.setLinkUp("weft9", 900);
      await container.ip("link set weft9 mtu 1300 up");
      await until("true 1300");
      await container.ip("link set weft9 name renamed");
      await container.ip("link set renamed down");
      await until("false 1300");
      other.close();
    }
    let last = await seen();
    while (last !== "gone") last = await seen();
    await waitFor(async () => await device.readBatch() === undefined, 5_000, {
      what: "the namespace is gone",
    });
    device.close();
  });

  Deno.test("AddressMonitor tells of an address that goes, also when it is there again at once", async () => {
    using network = Netlink.open();
    const device = openTun({ name: "weft9", mtuBytes: 1420 });
    network.setLinkUp("weft9", 1420);
    network.addAddress("weft9", address("192.0.2.7"), 24);
    using monitor = AddressMonitor.open();
    await expectRun(["sh", "-c", "ip address flush dev weft9 && ip address add 192.0.2.7/24 dev weft9"]);
    const lost: string[] = [];
    while (lost.length === 0) lost.push(...((await monitor.next())?.lost ?? ["none"]).map(String));
    assert.deepEqual(lost, ["192.0.2.7"]);
    const waiting = monitor.next();
    monitor.close();
    // What is left to be told of the new address may come first.
    if (await waiting !== undefined) assert.equal(await monitor.next(), undefined);
    device.close();
  });

  Deno.test("Netlink configures an interface as `ip` shows it", async () => {
    using network = Netlink.open();
    const device = openTun({ name: "weft0", mtuBytes: 1380 });
    assert.equal(network.linkExists("weft0"), true);
    assert.equal(network.isLinkRunning("weft0"), false);
    for (let repeat = 0; repeat < 2; repeat++) {
      network.setLinkUp("weft0", 1380);
      network.addAddress("weft0", address("10.200.0.1"), 16);
      network.addAddress("weft0", address("fd00:200::1"), 64);
      network.addRoute(block("10.201.0.0/16"), "weft0");
      network.addRoute(block("fd00:201::/64"), "weft0");
    }
    assert.equal(network.isLinkRunning("weft0"), true);

    const [link] = await ipJson("address show dev weft0");
    assert.equal(link?.["mtu"], 1380);
    const addresses = (link?.["addr_info"] as Record<string, unknown>[]).map((info) => {
      assert.equal(info["tentative"], undefined);
      return `${info["local"]}/${info["prefixlen"]}`;
    });
    assert.deepEqual(addresses.sort(), ["10.200.0.1/16", "fd00:200::1/64"]);
    await assertSameRoutes(network);
    assert.equal(
      findRouteOverlap(block("192.0.2.128/25"), network.listRoutes(), "weft0")?.cidr.toString(),
      "192.0.2.0/24",
    );
    assert.equal(findRouteOverlap(block("10.200.0.0/16"), network.listRoutes(), "weft0"), undefined);

    for (let repeat = 0; repeat < 2; repeat++) {
      network.removeRoute(block("10.201.0.0/16"), "weft0");
      network.removeRoute(block("fd00:201::/64"), "weft0");
    }
    await assertSameRoutes(network);
    assert(!network.listRoutes().some((route) => route.cidr.equals(block("10.201.0.0/16"))));
    device.close();
  });

  Deno.test("Netlink says what it cannot do", () => {
    using network = Netlink.open();
    assert.throws(() => network.setLinkUp("weft9", 1420), { message: /there is no interface weft9/ });
    assert.throws(() => network.addRoute(block("10.9.0.0/16"), "weft9"), HostError);
    assert.throws(() => network.addRoute(block("192.0.2.0/24"), "eth1"), {
      message: /leads to eth0 already/,
    });
    network.removeRoute(block("10.9.0.0/16"), "weft9");
    network.deleteLink("weft9");
    assert.equal(network.linkExists("weft9"), false);
    network.close();
    assert.throws(() => network.listRoutes(), TypeError);
  });

  Deno.test("Netlink lists more routes than one datagram holds", async () => {
    using network = Netlink.open();
    const lines = Array.from(
      { length: 2000 },
      (_, i) => `route add 10.${100 + (i >> 8)}.${i & 255}.0/24 dev eth0`,
    );
    const file = Deno.makeTempFileSync();
    Deno.writeTextFileSync(file, lines.join("\n"));
    await expectRun(["ip", "-batch", file]);
    Deno.removeSync(file);
    await assertSameRoutes(network);
    assert(network.listRoutes().length > 2000);
    await expectRun(["ip", "route", "flush", "root", "10.0.0.0/8"]);
  });

  Deno.test("TunDevice carries packets of both families", async () => {
    using network = Netlink.open();
    const device = openTun({ name: "weft0", mtuBytes: 1420 });
    network.setLinkUp("weft0", 1420);
    network.addAddress("weft0", address("10.200.0.1"), 16);
    network.addAddress("weft0", address("fd00:200::1"), 64);
    const answering = answerPings(device);
    for (const target of ["10.200.0.2", "fd00:200::2"]) {
      for (const args of ["-c 100 -i 0.002", "-c 3 -i 0.002 -s 1372 -M do"]) {
        const output = await expectRun(["ping", "-q", "-W", "5", ...args.split(" "), target]);
        assert.match(output, / 0% packet loss/);
      }
    }
    device.close();
    await answering;
    await waitFor(() => !network.linkExists("weft0"), 5_000, { what: "the interface is gone" });
    assert.equal(device.write(new Uint8Array(20)), false);
    assert.equal(await device.readBatch(), undefined);
  });

  Deno.test("TunDevice.close() wakes a read, and the name is free again", async () => {
    using network = Netlink.open();
    for (let repeat = 0; repeat < 3; repeat++) {
      const device = openTun({ name: "weft0", mtuBytes: 1420 });
      assert.throws(() => openTun({ name: "weft0", mtuBytes: 1420 }), InterfaceExistsError);
      const reading = device.readBatch();
      await assert.rejects(device.readBatch(), TypeError);
      device.close();
      device.close();
      assert.equal(await reading, undefined);
      await waitFor(() => !network.linkExists("weft0"), 5_000, { what: "the interface is gone" });
    }
    assert.throws(() => openTun({ name: "eth0", mtuBytes: 1420 }), InterfaceExistsError);
  });

  Deno.test("openTun() and Netlink say that they need root", async () => {
    const program = `
      import { Netlink, openTun, NotPermittedError } from ${
      JSON.stringify(new URL("./mod.ts", import.meta.url).href)
    };
      const attempts = [
        () => openTun({ name: "weft0", mtuBytes: 1420 }),
        () => Netlink.open().setLinkUp("eth1", 1420),
        () => Netlink.open().deleteLink("eth1"),
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
    // In a user namespace without a mapping the process has no privileges.
    const output = await expectRun(["unshare", "--user", ...deno]);
    Deno.removeSync(file);
    assert.equal(output, "refused\n".repeat(3));
  });

  Deno.test("TunDevice.readBatch() ends when somebody removes the interface", async () => {
    using network = Netlink.open();
    const device = openTun({ name: "weft0", mtuBytes: 1420 });
    network.setLinkUp("weft0", 1420);
    const reading = device.readBatch();
    network.deleteLink("weft0");
    assert.equal(await reading, undefined);
    device.close();
  });
}

function address(text: string): IpAddress {
  return IpAddress.parse(text) ?? assert.fail(text);
}

function block(text: string): Cidr {
  return Cidr.parse(text) ?? assert.fail(text);
}

async function ipJson(command: string): Promise<Record<string, unknown>[]> {
  const text = await expectRun(["ip", "-json", ...command.split(" ")]);
  return text.trim() === "" ? [] : JSON.parse(text);
}

async function assertSameRoutes(network: Netlink): Promise<void> {
  const shown: string[] = [];
  for (const family of [4, 6]) {
    for (const { dst, dev } of await ipJson(`-${family} route show table main`)) {
      const whole = dst === "default" ? (family === 4 ? "0.0.0.0/0" : "::/0") : String(dst);
      shown.push(`${whole.includes("/") ? whole : `${whole}/${family === 4 ? 32 : 128}`} ${dev}`);
    }
  }
  const listed = network.listRoutes().filter(({ table }) => table === 254);
  assert.deepEqual(listed.map(({ cidr, interfaceName }) => `${cidr} ${interfaceName}`).sort(), shown.sort());
}

/** Turns echo requests round until the device is closed. */
async function answerPings(device: PacketDevice): Promise<void> {
  for (;;) {
    const batch = await device.readBatch();
    if (batch === undefined) return;
    for (let i = 0; i < batch.count; i++) {
      const packet = batch.packet(i);
      const isIpv4 = (packet[0] ?? 0) >> 4 === 4;
      const [source, addressBytes, type] = isIpv4 ? [12, 4, 20] : [8, 16, 40];
      if (packet[type] !== (isIpv4 ? 8 : 128)) continue;
      const from = packet.slice(source, source + addressBytes);
      packet.copyWithin(source, source + addressBytes, source + 2 * addressBytes);
      packet.set(from, source + addressBytes);
      // The sums do not mind the order of the addresses, only the type: 8 turns to 0, 128 to 129.
      packet[type] = isIpv4 ? 0 : 129;
      const view = new DataView(packet.buffer, packet.byteOffset, packet.byteLength);
      const sum = view.getUint16(type + 2) + (isIpv4 ? 0x0800 : 0xfeff);
      view.setUint16(type + 2, (sum & 0xffff) + (sum >> 16));
      assert(device.write(packet));
    }
  }
}
