/**
 * What every frame plane has to do, whichever way frames travel: one suite over all.
 * @module
 */

import assert from "node:assert/strict";
import { MacAddress, writeEthernetHeader } from "../../../net/mod.ts";
import type { DriverCapabilities } from "../../../overlay/mod.ts";
import { builtInDrivers } from "../../../../drivers/mod.ts";
import type { PlaneGuards } from "../../policy/mod.ts";
import type { FramePlane, PlaneRemote, PlaneUnderlay, PortDevice, PortEvent } from "../frame_plane.ts";

/** The other end of a port. */
export interface SuitePort {
  readonly device: PortDevice;
  send(frame: Uint8Array): void;
  /** What has come out, in order; the test may empty it. */
  readonly received: Uint8Array[];
  close(): void;
}

/** One host. */
export interface SuiteHost {
  readonly plane: FramePlane;
  /** What policies decide by, where the world has any. */
  readonly guards?: PlaneGuards;
  /** How others reach it. */
  readonly via: PlaneRemote["via"];
  /** The mesh unless given. */
  readonly underlay?: PlaneUnderlay;
  /** What the plane has said. */
  readonly events: PortEvent[];
  openPort(): SuitePort;
}

/** Hosts that reach each other. */
export interface SuiteWorld {
  readonly hosts: readonly SuiteHost[];
  /** Resolves when the condition holds, rejects when it has not for long. */
  until(condition: () => boolean, what: string): Promise<void>;
  /** Resolves when everything that was sent has arrived or is gone. */
  quiet(): Promise<void>;
  close(): Promise<void>;
}

/** Numbers that the agent would choose: local ports are `10 * network + host`, remote ones 1000 more. */
const localPort = (network: number, host: number): number => 10 * network + host;
const remotePort = (network: number, host: number): number => 1000 + 10 * network + host;
/** The same in all networks: tenants do not know of each other. */
const macOf = (host: number): string => `02:00:00:00:00:0${host + 1}`;
const addressOf = (host: number): string => `10.0.0.${host + 1}`;
const MTU_BYTES = 1340;

/** How one network is made in the suite. */
export interface SuiteNetwork {
  readonly network: number;
  readonly driver: string;
  readonly identifier: number;
  readonly options?: Readonly<Record<string, string>>;
  /** Hosts with an endpoint, by index. */
  readonly members: readonly number[];
}

/** Sets a network up on one host as the agent would. @returns the port's other end, where the host has an endpoint */
export function joinNetwork(world: SuiteWorld, host: number, network: SuiteNetwork): SuitePort | undefined {
  const one = world.hosts[host];
  assert.ok(one);
  const { plane, underlay = { kind: "mesh" } } = one;
  const { network: id, driver, identifier, options = {}, members } = network;
  const wire = { driver, identifier, options, underlay };
  plane.setNetwork({ network: id, name: `network-${id}`, mtuBytes: MTU_BYTES, ...wire });
  let end: SuitePort | undefined;
  for (const member of members) {
    const port = member === host ? localPort(id, member) : remotePort(id, member);
    if (member === host) {
      end = one.openPort();
      plane.setPort({ port, network: id, name: "web", allowsForeign: false, device: end.device });
    } else {
      const via = world.hosts[member]?.via;
      assert.ok(via);
      plane.setRemote({ port, network: id, allowsForeign: false, via });
    }
    plane.setBinding({ network: id, port, mac: macOf(member), addresses: [addressOf(member)] });
  }
  return end;
}

/** A UDP packet in a frame. @param mark what the payload is filled with */
export function frameOf(
  from: number,
  to: number | "everybody",
  mark: number,
  payloadBytes = 46,
): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(14 + payloadBytes).fill(mark);
  const destination = to === "everybody" ? MacAddress.BROADCAST : MacAddress.parse(macOf(to));
  const source = MacAddress.parse(macOf(from));
  assert.ok(destination && source);
  const payloadAt = writeEthernetHeader(bytes, 0, { source, destination, etherType: 0x0800 });
  const view = new DataView(bytes.buffer);
  view.setUint16(payloadAt, 0x4500);
  view.setUint16(payloadAt + 2, payloadBytes);
  view.setUint32(payloadAt + 4, 0);
  view.setUint16(payloadAt + 8, 0x4011);
  view.setUint16(payloadAt + 10, 0);
  view.setUint32(payloadAt + 12, 0x0a00_0001 + from);
  view.setUint32(payloadAt + 16, to === "everybody" ? 0xffff_ffff : 0x0a00_0001 + to);
  let sum = 0;
  for (let at = payloadAt; at < payloadAt + 20; at += 2) sum += view.getUint16(at);
  view.setUint16(payloadAt + 10, ~(sum % 0xffff));
  return bytes;
}

/** Every driver as it is, and options that change how packets are made or read. */
function wireFormats(): readonly (readonly [driver: string, options: Readonly<Record<string, string>>])[] {
  return [
    ...builtInDrivers().names.map((name) => [name, {}] as const),
    ["geneve", { payload: "ip" }],
    ["geneve", { options: "0102:83:01020304" }],
    ["gre", { payload: "ip" }],
    ["gre", { sequence: "true", checksum: "true" }],
    ["mpls-udp", { "control-word": "true", outer: "17,18" }],
    ["vlan", { service: "7" }],
  ];
}

/**
 * Runs the suite.
 * @param open makes hosts that trust each other's addresses, at least as many
 * @param isCarried which drivers the plane carries; all unless given
 */
export function testFramePlane(
  name: string,
  open: (hosts: number) => Promise<SuiteWorld>,
  isCarried: (capabilities: DriverCapabilities) => boolean = () => true,
): void {
  for (const [driver, options] of wireFormats()) {
    const capabilities = builtInDrivers().get(driver)?.().capabilities;
    assert.ok(capabilities);
    if (!isCarried(capabilities)) continue;
    const least = capabilities.identifier.min;
    const wire = { driver, options };
    const blue = (members: readonly number[]): SuiteNetwork => ({
      ...wire,
      network: 1,
      identifier: least + 100,
      members,
    });
    const red = (members: readonly number[]): SuiteNetwork => ({
      ...wire,
      network: 2,
      identifier: least + 200,
      members,
    });
    const kind = Object.entries(options).map(([key, value]) => ` ${key}=${value}`).join("");
    const test = (what: string, hosts: number, run: (world: SuiteWorld) => Promise<void>): void => {
      Deno.test(`${name} over ${driver}${kind}: ${what}`, async () => {
        const world = await open(hosts);
        try {
          await run(world);
        } finally {
          await world.close();
        }
      });
    };
    const joined = (world: SuiteWorld, host: number, network: SuiteNetwork): SuitePort => {
      const end = joinNetwork(world, host, network);
      assert.ok(end);
      return end;
    };

    test("a frame to a known address arrives once, unchanged, and nowhere else", 3, async (world) => {
      const ends = [0, 1, 2].map((host) => joined(world, host, blue([0, 1, 2])));
      await world.quiet();
      ends.forEach(({ received }) => received.length = 0);
      const sizes = [46, 47, 1000, MTU_BYTES];
      const frames = sizes.map((bytes, i) => frameOf(0, 1, i + 1, bytes));
      for (const frame of frames) ends[0]?.send(frame.slice());
      await world.until(() => ends[1]?.received.length === frames.length, "all frames");
      await world.quiet();
      assert.deepEqual(ends.map(({ received }) => received.map((frame) => frame.toHex())), [
        [],
        frames.map((frame) => frame.toHex()),
        [],
      ]);
    });

    test("a frame to everybody arrives once at each port of its network alone", 3, async (world) => {
      const ends = [0, 1, 2].map((host) => joined(world, host, blue([0, 1, 2])));
      const others = [0, 1, 2].map((host) => joined(world, host, red([0, 1, 2])));
      await world.quiet();
      [...ends, ...others].forEach(({ received }) => received.length = 0);
      const frame = frameOf(0, "everybody", 7);
      ends[0]?.send(frame.slice());
      await world.until(() => ends.slice(1).every(({ received }) => received.length > 0), "the frame");
      await world.quiet();
      assert.deepEqual(ends.map(({ received }) => received.map((one) => one.toHex())), [
        [],
        [frame.toHex()],
        [frame.toHex()],
      ]);
      assert.deepEqual(others.map(({ received }) => received.length), [0, 0, 0]);
    });

    test("two networks with the same addresses do not meet", 2, async (world) => {
      const ends = [0, 1].map((host) => joined(world, host, blue([0, 1])));
      const others = [0, 1].map((host) => joined(world, host, red([0, 1])));
      await world.quiet();
      [...ends, ...others].forEach(({ received }) => received.length = 0);
      for (let i = 0; i < 20; i++) {
        ends[0]?.send(frameOf(0, 1, 0xb1));
        others[0]?.send(frameOf(0, 1, 0x4e));
      }
      await world.until(() => [ends[1], others[1]].every((end) => end?.received.length === 20), "all frames");
      await world.quiet();
      assert.ok(ends[1]?.received.every((frame) => frame.at(-1) === 0xb1));
      assert.ok(others[1]?.received.every((frame) => frame.at(-1) === 0x4e));
    });

    test("a host that has no endpoint in the network is not believed its identifier", 3, async (world) => {
      const ends = [0, 1].map((host) => joined(world, host, blue([0, 1])));
      const hostile = joined(world, 2, blue([0, 1, 2]));
      await world.quiet();
      ends.forEach(({ received }) => received.length = 0);
      for (const to of [0, 1, "everybody"] as const) hostile.send(frameOf(2, to, 0xee));
      const refused = () => world.hosts[1]?.plane.networkCounts(1)?.drops["not-a-member"] ?? 0;
      await world.until(() => refused() >= 2, "the frames are refused");
      await world.quiet();
      assert.deepEqual(ends.map(({ received }) => received.length), [0, 0]);
    });

    test("a host is not believed the address of another one", 3, async (world) => {
      const ends = [0, 1, 2].map((host) => joined(world, host, blue([0, 1, 2])));
      await world.quiet();
      ends.forEach(({ received }) => received.length = 0);
      ends[2]?.send(frameOf(0, 1, 0xee));
      await world.until(
        () => (world.hosts[2]?.plane.networkCounts(1)?.drops["forged-mac"] ?? 0) > 0,
        "the frame is refused where it comes in",
      );
      // A host whose own program does not look does not get further.
      const hostile = world.hosts[2]?.plane;
      hostile?.setBinding({ network: 1, port: localPort(1, 2), mac: macOf(0), addresses: [addressOf(0)] });
      ends[2]?.send(frameOf(0, 1, 0xef));
      await world.until(
        () => (world.hosts[1]?.plane.networkCounts(1)?.drops["forged-mac"] ?? 0) > 0,
        "the frame is refused where it arrives",
      );
      await world.quiet();
      assert.equal(ends[1]?.received.filter((frame) => (frame.at(-1) ?? 0) >= 0xee).length, 0);
    });

    test("an endpoint that moves is found at its new host", 3, async (world) => {
      const ends = [0, 1].map((host) => joined(world, host, blue([0, 1])));
      const [first, , third] = world.hosts;
      ends[0]?.send(frameOf(0, 1, 1));
      await world.until(() => ends[1]?.received.some((frame) => frame.at(-1) === 1) === true, "the frame");
      assert.ok(first && third);
      joinNetwork(world, 2, blue([0]));
      const moved = third.openPort();
      const port = localPort(1, 2);
      third.plane.setPort({ port, network: 1, name: "web", allowsForeign: false, device: moved.device });
      third.plane.setBinding({ network: 1, port, mac: macOf(1), addresses: [addressOf(1)] });
      first.plane.setRemote({ port: remotePort(1, 2), network: 1, allowsForeign: false, via: third.via });
      const binding = { mac: macOf(1), addresses: [addressOf(1)] };
      first.plane.setBinding({ network: 1, port: remotePort(1, 2), ...binding });
      await world.quiet();
      ends[0]?.send(frameOf(0, 1, 2));
      await world.until(
        () => moved.received.some((frame) => frame.at(-1) === 2),
        "the frame at the new host",
      );
      await world.quiet();
      assert.ok(!ends[1]?.received.some((frame) => frame.at(-1) === 2));
      moved.send(frameOf(1, 0, 3));
      await world.until(() => ends[0]?.received.some((frame) => frame.at(-1) === 3) === true, "the answer");
      moved.close();
    });

    test("what is removed carries nothing, and a port is released once", 2, async (world) => {
      const ends = [0, 1].map((host) => joined(world, host, blue([0, 1])));
      const [, second] = world.hosts;
      assert.ok(second);
      second.plane.removePort(localPort(1, 1));
      const released = () => second.events.filter(({ kind }) => kind === "port-released").length;
      await world.until(() => released() > 0, "the port is released");
      await world.quiet();
      if (ends[1] !== undefined) ends[1].received.length = 0;
      ends[0]?.send(frameOf(0, 1, 1));
      ends[0]?.send(frameOf(0, "everybody", 1));
      await world.quiet();
      assert.equal(ends[1]?.received.length, 0);
      assert.equal(released(), 1);
      second.plane.removeNetwork(1);
      assert.equal(second.plane.networkCounts(1), undefined);
      assert.equal(second.plane.portCounts(localPort(1, 1)), undefined);
    });

    test("what is carried is counted at the port and the network", 2, async (world) => {
      const ends = [0, 1].map((host) => joined(world, host, blue([0, 1])));
      await world.quiet();
      const [first, second] = world.hosts;
      const before = first?.plane.portCounts(localPort(1, 0));
      const arrived = second?.plane.portCounts(localPort(1, 1));
      for (let i = 0; i < 5; i++) ends[0]?.send(frameOf(0, 1, i, 100));
      await world.until(() => (ends[1]?.received.length ?? 0) >= 5, "all frames");
      await world.quiet();
      const after = first?.plane.portCounts(localPort(1, 0));
      assert.equal((after?.framesIn ?? 0) - (before?.framesIn ?? 0), 5);
      assert.equal((after?.bytesIn ?? 0) - (before?.bytesIn ?? 0), 5 * 114);
      const got = second?.plane.portCounts(localPort(1, 1));
      assert.equal((got?.framesOut ?? 0) - (arrived?.framesOut ?? 0), 5);
      assert.ok((second?.plane.networkCounts(1)?.framesIn ?? 0) >= 5);
    });
  }
}
