import assert from "node:assert/strict";
import { icmpv6Checksum, internetChecksum, MacAddress, transportChecksum } from "../../net/mod.ts";
import { frame, ip, ipFrame, mac, packet, SwitchHarness, tagged } from "./testing/mod.ts";

function harness(gateway = false): SwitchHarness {
  const h = new SwitchHarness();
  const addresses = ["10.0.0.254", "fd00::fe"].map(ip);
  h.network(1, { mtuBytes: 1370, ...(gateway && { gateway: { mac: mac(0xfe), addresses } }) });
  h.ports(1, "local", [1, 2]);
  h.bind(1, 1, mac(1));
  h.bind(1, 2, mac(2));
  return h;
}

function random(length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, i) => (i * 31) & 0xff);
}

const FOUR = packet("10.0.0.1", "10.0.0.2", { payload: random(1400), flags: 0x40 });
const SIX = packet("fd00::1", "fd00::2", { payload: random(1400) });

Deno.test("FrameSwitch sends what fits exactly, and answers a byte more with the MTU", () => {
  const h = harness();
  const fits = packet("10.0.0.1", "10.0.0.2", { payload: random(1350), flags: 0x40 });
  assert.deepEqual(h.send(1, ipFrame(mac(1), mac(2), fits)), [2]);
  const more = packet("10.0.0.1", "10.0.0.2", { payload: random(1351), flags: 0x40 });
  assert.equal(h.send(1, ipFrame(mac(1), mac(2), more)), "too-long");
  const [{ port, frame: answer } = assert.fail(), ...rest] = h.fetch();
  assert.equal(rest.length, 0);
  assert.equal(port, 1);
  // From where it was to go.
  assert.equal(answer.subarray(0, 14).toHex(), "020000000001" + "020000000002" + "0800");
  assert.deepEqual([...answer.subarray(26, 34)], [10, 0, 0, 2, 10, 0, 0, 1]);
  assert.deepEqual([...answer.subarray(34, 36), ...answer.subarray(38, 42)], [3, 4, 0, 0, 0x05, 0x5a]);
  assert.equal(internetChecksum(answer, 14, 20), 0);
  assert.equal(internetChecksum(answer, 34, answer.length - 34), 0);
});

Deno.test("FrameSwitch answers for IPv6 that the packet is too big", () => {
  const h = harness();
  assert.equal(h.send(1, ipFrame(mac(1), mac(2), SIX)), "too-long");
  const answer = h.fetch()[0]?.frame ?? assert.fail();
  assert.equal(answer.length, 14 + 1280);
  assert.deepEqual([...answer.subarray(54, 56), ...answer.subarray(58, 62)], [2, 0, 0, 0, 0x05, 0x5a]);
  assert.equal(icmpv6Checksum(answer, 14, 54, answer.length - 54), 0);
});

Deno.test("FrameSwitch answers as the gateway where there is one, also for IPv6 groups", () => {
  const h = harness(true);
  h.send(1, ipFrame(mac(1), mac(2), FOUR));
  h.send(
    1,
    ipFrame(mac(1), mac("33:33:00:01:00:01"), packet("fd00::1", "ff15::1", { payload: random(1400) })),
  );
  const [four, six] = h.fetch().map((sent) => sent.frame);
  assert.equal(four?.subarray(6, 12).toHex(), "0200000000fe");
  assert.deepEqual([...four?.subarray(26, 30) ?? []], [10, 0, 0, 254]);
  assert.equal(internetChecksum(four ?? assert.fail(), 14, 20), 0);
  assert.equal(six?.subarray(22, 38).toHex(), ip("fd00::fe").bytes.toHex());
  assert.equal(icmpv6Checksum(six ?? assert.fail(), 14, 54, six.length - 54), 0);
});

Deno.test("FrameSwitch measures a superpacket by its longest packet", () => {
  const h = harness();
  const large = packet("10.0.0.1", "10.0.0.2", { protocol: 6, payload: random(30_000), flags: 0x40 });
  assert.deepEqual(h.send(1, ipFrame(mac(1), mac(2), large), 1370), [2]);
  assert.equal(h.send(1, ipFrame(mac(1), mac(2), large), 1371), "too-long");
  assert.equal(h.fetch().length, 1);
});

Deno.test("FrameSwitch takes tags from the MTU, and answers behind the same tags", () => {
  const h = harness();
  const fits = packet("10.0.0.1", "10.0.0.2", { payload: random(1346), flags: 0x40 });
  assert.deepEqual(h.send(1, tagged(ipFrame(mac(1), mac(2), fits), 7)), [2]);
  assert.equal(h.send(1, tagged(ipFrame(mac(1), mac(2), FOUR), 7)), "too-long");
  const answer = h.fetch()[0]?.frame ?? assert.fail();
  assert.equal(answer.subarray(12, 18).toHex(), "810000070800");
  assert.deepEqual([...answer.subarray(42, 46)], [0, 0, 0x05, 0x56]);
});

Deno.test("FrameSwitch tells nobody about other protocols, groups, errors, later fragments, and not for ever", () => {
  const h = harness();
  const broadcast = packet("10.0.0.1", "10.0.0.255", { payload: random(1400), flags: 0x40 });
  const error = packet("10.0.0.1", "10.0.0.2", {
    protocol: 1,
    payload: Uint8Array.of(3, ...random(1400)),
    flags: 0x40,
  });
  const nobody = packet("0.0.0.0", "10.0.0.2", { payload: random(1400), flags: 0x40 });
  const later = packet("10.0.0.1", "10.0.0.2", { payload: random(1400), flags: 0x41 });
  for (
    const sent of [
      frame(mac(1), mac(2), { payload: random(1400) }),
      ipFrame(mac(1), MacAddress.BROADCAST, broadcast),
      ipFrame(mac(1), mac(2), error),
      ipFrame(mac(1), mac(2), nobody),
      ipFrame(mac(1), mac(2), later),
      ipFrame(mac(1), mac("33:33:00:01:00:01"), packet("fd00::1", "ff15::1", { payload: random(1400) })),
    ]
  ) {
    assert.equal(h.send(1, sent), "too-long");
    assert.equal(h.fetch().length, 0);
  }
  let told = 0;
  for (let i = 0; i < 200; i++) {
    h.send(1, ipFrame(mac(1), mac(2), FOUR));
    told += h.fetch().length;
  }
  assert.ok(told > 90 && told <= 100, String(told));
});

Deno.test("FrameSwitch cuts IPv4 packets that may be cut, and they join to what was sent", () => {
  const h = harness();
  const sent = packet("10.0.0.1", "10.0.0.2", { payload: random(4000) });
  // The checksum may be left to the device.
  const begun = sent.slice();
  begun.set([0x12, 0x34], 26);
  assert.equal(h.send(1, ipFrame(mac(1), mac(2), begun)), "answered");
  const frames = h.fetch();
  assert.equal(frames.length, 3);
  const joined = new Uint8Array(sent.length);
  joined.set(sent.subarray(0, 20));
  for (const [i, { port, frame: part }] of frames.entries()) {
    assert.equal(port, 2);
    assert.ok(part.length <= 14 + 1370);
    assert.equal(internetChecksum(part, 14, 20), 0);
    const view = new DataView(part.buffer);
    assert.equal(view.getUint16(16), part.length - 14);
    const field = view.getUint16(20);
    assert.equal(field >> 13, i < 2 ? 1 : 0);
    joined.set(part.subarray(34), 20 + 8 * (field & 0x1fff));
  }
  assert.equal(transportChecksum(joined, 20, 17), 0);
  assert.deepEqual(joined.subarray(28), sent.subarray(28));
  assert.equal(h.frames.portCounts(2)?.framesOut, 3);
});

Deno.test("FrameSwitch cuts fragments further", () => {
  const h = harness();
  const part = packet("10.0.0.1", "10.0.0.2", { payload: random(1480), flags: 0x20 });
  new DataView(part.buffer).setUint16(6, 0x2000 | 185);
  assert.equal(h.send(1, ipFrame(mac(1), mac(2), part)), "answered");
  const fields = h.fetch().map((sent) => new DataView(sent.frame.buffer).getUint16(20));
  assert.deepEqual(fields, [0x2000 | 185, 0x2000 | (185 + 168)]);
});

Deno.test("FrameSwitch cuts nothing that nobody fetches", () => {
  const h = harness();
  const sent = ipFrame(mac(1), mac(2), packet("10.0.0.1", "10.0.0.2", { payload: random(4000) }));
  const outcomes = Array.from({ length: 200 }, () => h.send(1, sent));
  assert.equal(outcomes.filter((outcome) => outcome === "answered").length, Math.floor(512 / 3));
  assert.equal(outcomes.at(-1), "queue-full");
});

/** A network whose port 11 leads to a member with a narrow path. */
function narrowHarness(mtuBytes = 1190): SwitchHarness {
  const h = harness();
  h.ports(1, "remote", [11]);
  h.bind(1, 11, mac(11));
  h.frames.setPortMtu(11, mtuBytes);
  return h;
}

Deno.test("FrameSwitch answers, or cuts, what is too long for the way to one host, and for no other", () => {
  const h = narrowHarness();
  const at = (bytes: number, flags = 0x40) =>
    packet("10.0.0.1", "10.0.0.2", { payload: random(bytes - 20), flags });
  assert.deepEqual(h.send(1, ipFrame(mac(1), mac(11), at(1190))), [11]);
  assert.deepEqual(h.send(1, ipFrame(mac(1), mac(2), at(1191))), [2]);
  assert.equal(h.send(1, ipFrame(mac(1), mac(11), at(1191))), "too-long");
  const [{ port, frame: answer } = assert.fail()] = h.fetch();
  assert.equal(port, 1);
  assert.deepEqual([...answer.subarray(34, 36), ...answer.subarray(38, 42)], [
    3,
    4,
    0,
    0,
    1190 >> 8,
    1190 & 255,
  ]);
  h.send(1, ipFrame(mac(1), mac(11), at(1370, 0)));
  const parts = h.fetch();
  assert.deepEqual(parts.map((part) => [part.port, part.frame.length <= 14 + 1190]), [[11, true], [
    11,
    true,
  ]]);
  assert.equal(
    h.send(1, ipFrame(mac(1), mac(11), at(9000)), 1191),
    "too-long",
    "a superpacket's sender is told",
  );
  h.frames.setPortMtu(11, undefined);
  assert.deepEqual(h.send(1, ipFrame(mac(1), mac(11), at(1370))), [11]);
});

Deno.test("FrameSwitch cuts IPv6 of up to 1,280 bytes for a narrow way, with whole checksums, and tells of no less", () => {
  const h = narrowHarness();
  const udp = packet("fd00::1", "fd00::2", { protocol: 17, payload: random(1240) });
  h.send(1, ipFrame(mac(1), mac(11), udp));
  const parts = h.fetch().map(({ frame: part }) => part.subarray(14));
  assert.deepEqual(parts.map((part) => [part.length <= 1190, part[6]]), [[true, 44], [true, 44]]);
  const joined = Uint8Array.from([
    ...udp.subarray(0, 40),
    ...parts.flatMap((part) => [...part.subarray(48)]),
  ]);
  assert.equal(joined.length, udp.length);
  assert.equal(transportChecksum(joined, 40, 17), 0, "what the device was to complete is complete");
  const more = packet("fd00::1", "fd00::2", { payload: random(1241) });
  assert.equal(h.send(1, ipFrame(mac(1), mac(11), more)), "too-long");
  const answer = h.fetch()[0]?.frame ?? assert.fail();
  assert.deepEqual([...answer.subarray(54, 56), ...answer.subarray(58, 62)], [2, 0, 0, 0, 0x05, 0]);
});
