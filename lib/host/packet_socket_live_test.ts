/**
 * Packet sockets, sockets of IP and groups against a real kernel: this file runs itself once more inside a network namespace.
 * @module
 */

import assert from "node:assert/strict";
import { expectRun, labTest, NetworkNamespace, PACKET_PLANE, waitFor } from "../../tests/lab/mod.ts";
import { IpAddress, MacAddress } from "../net/mod.ts";
import { addressOf, Libc, RawIo } from "./ffi/mod.ts";
import { NoInterfaceError, UnfitInterfaceError } from "./host_error.ts";
import { Netlink } from "./netlink/mod.ts";
import { openPacketSocket, openRawIp, PACKET_READER_BYTES, PacketReader } from "./socket/mod.ts";
import { openReadyTap } from "./tun/mod.ts";

const INSIDE = "WEFT_TEST_INSIDE_NAMESPACE";
const AT = 1024;
const HEADER_BYTES = 10;
const VLAN = 0x8100;

if (Deno.env.get(INSIDE) === undefined) {
  labTest("packet sockets and sockets of IP work", [...PACKET_PLANE, "python3"], async () => {
    await using host = await NetworkNamespace.create("host");
    await host.ip("link add eth0 type veth peer name eth1");
    // Without an address of IPv6 the host sends nothing there by itself.
    await host.ip("link set eth0 addrgenmode none", "link set eth1 addrgenmode none");
    await host.ip("link set eth0 up", "link set eth1 up", "addr add 192.0.2.1/24 dev eth0");
    const file = new URL(import.meta.url).pathname;
    const config = new URL("../../deno.json", import.meta.url).pathname;
    const deno = [Deno.execPath(), "test", "-A", "--quiet", "--no-check", "--config", config, file];
    await host.expectRun(deno, { env: { [INSIDE]: "1", NO_COLOR: "1" } });
  });
} else {
  testInside();
}

function testInside(): void {
  Deno.test("openPacketSocket() refuses what must not be attached, and says why", async () => {
    const attach = (interfaceName: string, ownInterfaces: string[] = []) => () =>
      openPacketSocket({ interfaceName, ownInterfaces }).close();
    assert.throws(attach("eth9"), NoInterfaceError);
    assert.throws(attach("lo"), { name: UnfitInterfaceError.name, message: /no Ethernet/ });
    assert.throws(attach("eth1", ["weft0", "eth1"]), { message: /weft's own/ });
    await expectRun(["ip", "link", "set", "eth1", "down"]);
    assert.throws(attach("eth1"), { message: /is down/, hint: /ip link set eth1 up/ });
    await expectRun(["ip", "link", "set", "eth1", "up"]);
    await expectRun(["ip", "route", "add", "default", "via", "192.0.2.254", "dev", "eth0"]);
    assert.throws(attach("eth0"), { message: /default route/ });
    openPacketSocket({ interfaceName: "eth0", allowsDefaultRoute: true }).close();
    await expectRun(["ip", "route", "del", "default"]);
    attach("eth0")();
    await expectRun(["ip", "link", "add", "br0", "type", "bridge"]);
    await expectRun(["ip", "link", "set", "eth1", "master", "br0"]);
    assert.throws(attach("eth1"), { message: /part of a bridge/ });
    await expectRun(["ip", "link", "del", "br0"]);
  });

  Deno.test("a packet socket makes its interface promiscuous for as long as it is open", async () => {
    const isPromiscuous = async () =>
      /promiscuity ([1-9])/.test(await expectRun(["ip", "-d", "link", "show", "eth1"]));
    assert.equal(await isPromiscuous(), false);
    const socket = openPacketSocket({ interfaceName: "eth1" });
    assert.equal(await isPromiscuous(), true);
    socket.close();
    assert.equal(await isPromiscuous(), false);
  });

  Deno.test("PacketReader puts tags back that the kernel took out, and reads superframes whole", async () => {
    using here = openPacketSocket({ interfaceName: "eth0" });
    using there = openPacketSocket({ interfaceName: "eth1" });
    const { io, bytes, view, base, reader } = readerOf();
    const frame = new Uint8Array(HEADER_BYTES + 64);
    frame.set([2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1], HEADER_BYTES);
    for (const tags of [[], [VLAN, 0x6007], [0x88a8, 0x0005, VLAN, 0x0009]]) {
      const out = new DataView(frame.buffer, HEADER_BYTES + 12);
      tags.forEach((word, i) => out.setUint16(2 * i, word));
      out.setUint16(2 * tags.length, 0x88b5);
      bytes.set(frame, 8192);
      assert.equal(io.write(here.fd, base + 8192, frame.length), frame.length);
      const length = await read(reader, there.fd);
      assert.equal(length, 64);
      assert.equal(reader.frameAt, tags.length === 0 ? AT : AT - 4);
      assert.deepEqual(bytes.slice(reader.frameAt, reader.frameAt + 64), frame.slice(HEADER_BYTES));
    }
    // A superframe of TCP with a tag: it comes whole, and its header counts the tag.
    const superframe = tcpSuperframe(20_000);
    bytes.set(superframe, 16384);
    assert.equal(io.write(here.fd, base + 16384, superframe.length), superframe.length);
    assert.equal(await read(reader, there.fd), superframe.length - HEADER_BYTES);
    const header = reader.frameAt - HEADER_BYTES;
    assert.equal(view.getUint8(header), 1);
    assert.equal(view.getUint8(header + 1), 1);
    assert.equal(view.getUint16(header + 4, true), 1400);
    assert.equal(view.getUint16(header + 6, true), 14 + 4 + 20);
    assert.equal(view.getUint16(reader.frameAt + 12), VLAN);
    assert.equal(reader.read(there.fd, AT, 4096), "empty");
    io.unload();
  });

  Deno.test("PacketReader tells an interface that is down from one that is gone", async () => {
    await expectRun(["ip", "link", "add", "eth4", "type", "veth", "peer", "name", "eth5"]);
    await expectRun(["ip", "link", "set", "eth4", "up"]);
    using socket = openPacketSocket({ interfaceName: "eth4" });
    const { io, reader } = readerOf();
    await expectRun(["ip", "link", "set", "eth4", "down"]);
    assert.equal(reader.read(socket.fd, AT, 4096), "empty");
    await expectRun(["ip", "link", "set", "eth4", "up"]);
    await expectRun(["ip", "link", "del", "eth4"]);
    assert.equal(reader.read(socket.fd, AT, 4096), "gone");
    io.unload();
  });

  Deno.test("openRawIp() receives what is sent by its protocol", async () => {
    const tap = openReadyTap({
      name: "gre-1",
      mtuBytes: 1500,
      hasHeader: false,
      mac: MacAddress.parse("02:00:00:00:00:07") ?? assert.fail(),
      addresses: [{ address: ip("10.0.0.7"), prefixBits: 24 }, { address: ip("fd00::7"), prefixBits: 64 }],
    });
    const libc = Libc.open();
    for (const family of [4, 6] as const) {
      const localAddress = ip(family === 4 ? "10.0.0.7" : "fd00::7");
      const socket = openRawIp(47, family, { hopLimit: 64, localAddress });
      const payload = Uint8Array.of(0, 0, 0x65, 0x58, 1, 2, 3);
      const frame = family === 4 ? ipv4Frame(payload) : ipv6Frame(payload);
      const received = new Uint8Array(2000);
      // An address is not there at once.
      const isReceived = () => {
        assert.equal(libc.write(tap.fd, frame), frame.length);
        return libc.recv(socket.fd, received, 0) > 0;
      };
      await waitFor(isReceived, 5_000, { what: "it is received" });
      assert.deepEqual(received.slice(family === 4 ? 20 : 0).slice(0, payload.length), payload);
      socket.close();
    }
    assert.throws(() => openRawIp(47, 4, { hopLimit: 64, localAddress: ip("203.0.113.1") }), {
      code: "Host",
    });
    tap.close();
    libc.unload();
  });

  Deno.test("what is read of an interface is none of what this host sends", async () => {
    using socket = openPacketSocket({ interfaceName: "eth0" });
    const { io, bytes, reader } = readerOf();
    using network = Netlink.open();
    const own = network.findLink("eth0")?.mac?.toString();
    await expectRun(["ping", "-c", "1", "-W", "1", "192.0.2.9"]).catch(() => undefined);
    // The other end's neighbour discovery may come.
    for (let length = reader.read(socket.fd, AT, 4096); length !== "empty";) {
      assert.notEqual(MacAddress.fromBytes(bytes, AT + 6).toString(), own);
      length = reader.read(socket.fd, AT, 4096);
    }
    io.unload();
  });
}

function readerOf() {
  const memory = new WebAssembly.Memory({ initial: 4, maximum: 4, shared: true });
  const bytes = new Uint8Array(memory.buffer);
  const view = new DataView(memory.buffer);
  const io = RawIo.open();
  const base = addressOf(memory);
  assert.ok(PACKET_READER_BYTES < AT - 64);
  return { io, bytes, view, base, reader: new PacketReader({ io, memory: view, base, area: 0 }) };
}

/** The next frame that is not the kernel's own: neighbour discovery. */
async function read(reader: PacketReader, fd: number): Promise<number> {
  let length = 0;
  await waitFor(
    () => {
      const read = reader.read(fd, AT, 65_000);
      if (typeof read === "number") length = read;
      return typeof read === "number";
    },
    5_000,
    { what: "a frame comes" },
  );
  return length;
}

/** From 10.0.0.1 to 10.0.0.2, with a tag, behind its virtio header. */
function tcpSuperframe(payloadBytes: number): Uint8Array {
  const out = new Uint8Array(HEADER_BYTES + 18 + 40 + payloadBytes);
  const view = new DataView(out.buffer);
  out.set([1, 1]);
  view.setUint16(2, 18 + 40, true);
  view.setUint16(4, 1400, true);
  view.setUint16(6, 18 + 20, true);
  view.setUint16(8, 16, true);
  out.set([2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 0x81, 0, 0, 7, 8, 0], HEADER_BYTES);
  const at = HEADER_BYTES + 18;
  out.set([0x45, 0, 0, 0, 0, 1, 0x40, 0, 64, 6, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2], at);
  view.setUint16(at + 2, 40 + payloadBytes);
  out.set([4, 87, 8, 174, 0, 0, 0, 1, 0, 0, 0, 1, 0x50, 0x10, 4, 0], at + 20);
  return out;
}

function ipv4Frame(payload: Uint8Array): Uint8Array<ArrayBuffer> {
  const header = Uint8Array.of(
    ...[0x45, 0, 0, 20 + payload.length, 0, 1, 0, 0, 64, 47, 0, 0, 10, 0, 0, 9, 10, 0, 0, 7],
  );
  let sum = 0;
  for (let i = 0; i < 20; i += 2) sum += ((header[i] ?? 0) << 8) | (header[i + 1] ?? 0);
  sum = (sum & 0xffff) + (sum >> 16);
  header[10] = (~sum >> 8) & 0xff;
  header[11] = ~sum & 0xff;
  return Uint8Array.of(...[2, 0, 0, 0, 0, 7, 2, 0, 0, 0, 0, 9, 8, 0], ...header, ...payload);
}

function ipv6Frame(payload: Uint8Array): Uint8Array<ArrayBuffer> {
  const header = Uint8Array.of(
    0x60,
    0,
    0,
    0,
    0,
    payload.length,
    47,
    64,
    ...ip("fd00::9").bytes,
    ...ip("fd00::7").bytes,
  );
  return Uint8Array.of(...[2, 0, 0, 0, 0, 7, 2, 0, 0, 0, 0, 9, 0x86, 0xdd], ...header, ...payload);
}

function ip(text: string): IpAddress {
  return IpAddress.parse(text) ?? assert.fail(text);
}
