import assert from "node:assert/strict";
import { icmpv6Checksum, Ipv6Payload } from "../../../net/mod.ts";
import { arpRequest, frame, ip, ipFrame, mac, packet, SwitchHarness, tagged } from "../testing/mod.ts";

const GROUP_MAC = mac("33:33:ff:00:00:02");
const SOLICITED = "ff02::1:ff00:2";

function harness(): SwitchHarness {
  const h = new SwitchHarness();
  h.network(1, { gateway: { mac: mac(0x12), addresses: [] } });
  h.ports(1, "local", [1, 2]);
  h.ports(1, "local", [3], true);
  h.ports(1, "remote", [11, 12]);
  h.bind(1, 1, mac(1), "10.0.0.1", "fd00::1");
  h.bind(1, 2, mac(2), "10.0.0.2", "fd00::2");
  h.bind(1, 11, mac(0x11), "fd00::11");
  h.bind(1, 12, mac(0x12), "fd00::12");
  h.fetch();
  return h;
}

function solicit(
  target: string,
  from = "fd00::1",
  optionMac: string | undefined = "020000000001",
): Uint8Array<ArrayBuffer> {
  const option = optionMac === undefined ? "" : "0101" + optionMac;
  const payload = Uint8Array.fromHex("8700000000000000" + ip(target).bytes.toHex() + option);
  return packet(from, SOLICITED, { protocol: 58, payload, hopLimit: 255 });
}

function advertise(target: string, from: string, targetMac: string): Uint8Array<ArrayBuffer> {
  const payload = Uint8Array.fromHex("8800000020000000" + ip(target).bytes.toHex() + "0201" + targetMac);
  return packet(from, "ff02::1", { protocol: 58, payload, hopLimit: 255 });
}

Deno.test("FrameSwitch answers solicitations for what is bound elsewhere, with a right checksum", () => {
  const h = harness();
  assert.equal(h.send(1, ipFrame(mac(1), GROUP_MAC, solicit("fd00::2"))), "answered");
  const [answer] = h.fetch();
  assert.equal(answer?.port, 1);
  const bytes = answer?.frame ?? assert.fail();
  assert.equal(bytes.subarray(0, 12).toHex(), "020000000001020000000002");
  const payload = new Ipv6Payload();
  assert.ok(payload.read(bytes, 14, bytes.length - 14));
  assert.equal(icmpv6Checksum(bytes, 14, payload.at, payload.end - payload.at), 0);
  assert.equal(
    bytes.subarray(payload.at + 4).toHex(),
    "60000000" + ip("fd00::2").bytes.toHex() + "0201020000000002",
  );
  assert.equal(bytes.subarray(22, 54).toHex(), ip("fd00::2").bytes.toHex() + ip("fd00::1").bytes.toHex());
});

Deno.test("FrameSwitch says of the gateway that it routes", () => {
  const h = harness();
  assert.equal(h.send(1, ipFrame(mac(1), GROUP_MAC, solicit("fd00::12"))), "answered");
  assert.equal(h.fetch()[0]?.frame[58], 0xe0);
});

Deno.test("FrameSwitch lets routers answer themselves", () => {
  const h = harness();
  const advert = packet("fe80::11", "ff02::1", {
    protocol: 58,
    payload: Uint8Array.fromHex("8600000040000708" + "00".repeat(8) + "0101020000000011"),
    hopLimit: 255,
  });
  assert.deepEqual(h.send(11, ipFrame(mac(0x11), mac("33:33:00:00:00:01"), advert)), [1, 2, 3]);
  assert.deepEqual(h.send(1, ipFrame(mac(1), GROUP_MAC, solicit("fd00::11"))), [2, 3, 11, 12]);
});

Deno.test("FrameSwitch tells who probes for an address that it is somebody's, in ARP and ND", () => {
  const h = harness();
  assert.equal(h.send(1, ipFrame(mac(1), GROUP_MAC, solicit("fd00::2", "::", ""))), "bad-nd");
  const probe = packet("::", SOLICITED, {
    protocol: 58,
    payload: Uint8Array.fromHex("8700000000000000" + ip("fd00::2").bytes.toHex()),
    hopLimit: 255,
  });
  assert.equal(h.send(1, ipFrame(mac(1), GROUP_MAC, probe)), "answered");
  const bytes = h.fetch()[0]?.frame ?? assert.fail();
  assert.equal(bytes.subarray(0, 6).toHex(), "333300000001");
  assert.equal(bytes.subarray(38, 54).toHex(), ip("ff02::1").bytes.toHex());
  assert.equal(bytes[58], 0x20);
  // It probes for its own.
  const own = packet("::", SOLICITED, {
    protocol: 58,
    payload: Uint8Array.fromHex("8700000000000000" + ip("fd00::1").bytes.toHex()),
    hopLimit: 255,
  });
  assert.deepEqual(h.send(1, ipFrame(mac(1), GROUP_MAC, own)), [2, 3, 11, 12]);
  assert.equal(h.send(1, arpRequest(mac(1), "0.0.0.0", "10.0.0.2")), "answered");
  assert.deepEqual(h.send(1, arpRequest(mac(1), "0.0.0.0", "10.0.0.1")), [2, 3, 11, 12]);
  assert.deepEqual(h.send(1, arpRequest(mac(1), "10.0.0.1", "10.0.0.1")), [2, 3, 11, 12]);
});

Deno.test("FrameSwitch asks the neighbour itself where it alone is asked, and floods what it does not know", () => {
  const h = harness();
  assert.deepEqual(h.send(1, ipFrame(mac(1), mac(2), solicit("fd00::2"))), [2]);
  assert.deepEqual(h.send(1, ipFrame(mac(1), GROUP_MAC, solicit("fd00::99"))), [2, 3, 11, 12]);
});

function fragmentOf(whole: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  const header = Uint8Array.fromHex("3a00000100000001");
  const bytes = Uint8Array.of(...whole.subarray(0, 40), ...header, ...whole.subarray(40));
  bytes[5] = (bytes[5] ?? 0) + 8;
  bytes[6] = 44;
  return bytes;
}

const FORGERIES: readonly [name: string, bytes: Uint8Array<ArrayBuffer>, reason: string][] = [
  ["a source that is another's", packet("fd00::2", "fd00::99"), "forged-address"],
  ["a source of IPv4 that is another's", packet("10.0.0.2", "10.0.0.99"), "forged-address"],
  ["a link-local source that is another's", packet("fe80::ff:fe00:2", "fd00::99"), "forged-address"],
  [
    "an advertisement of another's address",
    advertise("fd00::2", "fd00::1", "020000000001"),
    "forged-address",
  ],
  ["an advertisement of another's MAC", advertise("fd00::99", "fd00::1", "020000000002"), "forged-address"],
  [
    "an advertisement of a link-local address",
    advertise("fe80::ff:fe00:2", "fd00::1", "020000000001"),
    "forged-address",
  ],
  ["a solicitation from another's MAC", solicit("fd00::99", "fd00::1", "020000000002"), "forged-address"],
  [
    "a hop limit that was counted down",
    packet("fd00::77", "ff02::1", {
      protocol: 58,
      payload: Uint8Array.fromHex("8700000000000000" + "00".repeat(16)),
      hopLimit: 254,
    }),
    "bad-nd",
  ],
  [
    "headers that hide an advertisement",
    packet("fd00::1", "ff02::1", {
      protocol: 58,
      payload: Uint8Array.fromHex("8800000020000000" + ip("fd00::2").bytes.toHex()),
      hopLimit: 255,
      extension: Uint8Array.fromHex("3a00010400000000"),
    }),
    "forged-address",
  ],
  // RFC 6980: hosts do not take it, and here nothing of it is believed.
  ["an advertisement in a fragment", fragmentOf(advertise("fd00::99", "fd00::77", "020000000001")), "bad-nd"],
  ["headers that are cut off", packet("fd00::1", "ff02::1").slice(0, 39), "bad-ip"],
];

for (const [name, bytes, reason] of FORGERIES) {
  Deno.test(`FrameSwitch refuses ${name}, also behind tags and from a bridge`, () => {
    const h = harness();
    const bytesOf = (source: number) => ipFrame(mac(source), mac("33:33:00:00:00:01"), bytes);
    assert.equal(h.send(1, bytesOf(1)), reason);
    assert.equal(h.send(1, tagged(bytesOf(1), 5)), reason);
    if (!name.includes("MAC")) assert.equal(h.send(3, bytesOf(0x55)), reason);
  });
}

Deno.test("FrameSwitch refuses an advertisement with one flipped bit", () => {
  const h = harness();
  const good = advertise("fd00::1", "fd00::1", "020000000001");
  assert.deepEqual(h.send(1, ipFrame(mac(1), mac("33:33:00:00:00:01"), good)), [2, 3, 11, 12]);
  for (let bit = 40 * 8; bit < good.length * 8; bit++) {
    const flipped = good.slice();
    flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7));
    const outcome = h.send(1, ipFrame(mac(1), mac("33:33:00:00:00:01"), flipped));
    // With another type it is none, and no matter of the switch's.
    if (bit >= 41 * 8) assert.equal(outcome, "bad-nd", String(bit));
  }
});

Deno.test("FrameSwitch floods questions when a port has been answered often enough", () => {
  const h = harness();
  const ask = () => h.send(1, arpRequest(mac(1), "10.0.0.1", "10.0.0.2"));
  for (let i = 0; i < 1000; i++) {
    assert.equal(ask(), "answered");
    h.fetch();
  }
  assert.deepEqual(ask(), [2, 3, 11, 12]);
  h.advance(100);
  assert.equal(ask(), "answered");
});

Deno.test("FrameSwitch announces what is bound to a local port anew, at once and a second later", () => {
  const h = harness();
  h.advance(1);
  h.advance(1_000);
  h.fetch();
  h.bind(1, 1, mac(0x11), "10.0.0.11", "fd00::11");
  const told = h.fetch();
  assert.deepEqual(told.map(({ port }) => port), [2, 2, 3, 3, 11, 11, 12, 12]);
  assert.equal(
    told[0]?.frame.toHex(),
    "ffffffffffff0200000000110806" + "0001080006040001" + "0200000000110a00000b" + "0000000000000a00000b",
  );
  assert.equal(told[1]?.frame.subarray(0, 6).toHex(), "333300000001");
  // Nobody waits for it: the next call sets when it is said again.
  h.frames.handleTimeout(h.now);
  assert.ok((h.frames.pollTimeout() ?? Infinity) <= h.now + 1_000);
  h.advance(999);
  assert.equal(h.fetch().filter(({ frame }) => frame[12] === 8).length, 0);
  h.advance(1);
  assert.equal(h.fetch().filter(({ frame }) => frame[12] === 8).length, 4);
  h.advance(5_000);
  assert.equal(h.fetch().filter(({ frame }) => frame[12] === 8).length, 0);
  h.frames.announce(1);
  assert.equal(h.fetch().filter(({ frame }) => frame[12] === 8).length, 8);
});

Deno.test("FrameSwitch announces nothing of what moved to another host, and nothing that is gone", () => {
  const h = harness();
  h.bind(1, 11, mac(1), "10.0.0.1");
  assert.equal(h.fetch().length, 0);
  h.bind(1, 2, mac(1), "10.0.0.1");
  h.frames.removeBinding(1, mac(1));
  assert.equal(h.fetch().length, 0);
  assert.deepEqual(h.send(2, frame(mac(2), mac(1))), [1, 3, 11, 12]);
});
