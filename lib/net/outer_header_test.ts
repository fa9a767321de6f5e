import assert from "node:assert/strict";
import fc from "fast-check";
import { IpAddress } from "./ip_address.ts";
import { internetChecksum, ipPacketLength, ipVersion, uint16At } from "./ip_packet.ts";
import { OuterHeader, OuterPacket, readOuterPacket } from "./outer_header.ts";

const address = (text: string): IpAddress => {
  const parsed = IpAddress.parse(text);
  assert.ok(parsed);
  return parsed;
};
const PAIRS = [["10.42.0.1", "10.42.255.254"], ["fd00::1", "fd00::ffff:2"]] as const;
const CARRIED = [{ udpPort: 4789 }, { protocol: 47 }] as const;

function built(
  source: string,
  destination: string,
  carries: typeof CARRIED[number],
  payloadBytes: number,
  flow = 0,
) {
  const header = new OuterHeader({ source: address(source), destination: address(destination), carries });
  const at = 7;
  const bytes = new Uint8Array(at + header.lengthBytes + payloadBytes).fill(0xa5);
  header.write(bytes, at, payloadBytes, flow);
  return { header, bytes, at };
}

Deno.test("OuterHeader writes what an IP host takes and readOuterPacket() reads", () => {
  fc.assert(
    fc.property(
      fc.constantFrom(...PAIRS),
      fc.constantFrom(...CARRIED),
      fc.integer({ min: 0, max: 65_000 }),
      fc.integer({ min: 0, max: 0xffff_ffff }),
      ([source, destination], carries, payloadBytes, flow) => {
        const { header, bytes, at } = built(source, destination, carries, payloadBytes, flow);
        assert.equal(ipPacketLength(bytes, at), header.lengthBytes + payloadBytes);
        assert.equal(ipVersion(bytes, at), header.version);
        if (header.version === 4) assert.equal(internetChecksum(bytes, at, 20), 0);
        const read = new OuterPacket();
        assert.ok(readOuterPacket(bytes, at, bytes.length - at, read));
        const udpPort = "udpPort" in carries ? carries.udpPort : 0;
        const protocol = "udpPort" in carries ? 17 : carries.protocol;
        const { version } = header;
        const expected = { version, protocol, destinationPort: udpPort, payloadBytes };
        assert.deepEqual({ ...read }, { ...expected, payloadAt: at + header.lengthBytes });
        if (udpPort !== 0) assert.ok(uint16At(bytes, read.payloadAt - 8) >= 49_152);
      },
    ),
  );
});

Deno.test("OuterHeader spreads flows over source ports and keeps one flow together", () => {
  const ports = new Set<number>();
  for (let flow = 0; flow < 1000; flow++) {
    const hash = Math.imul(flow, 0x9e37_79b1) >>> 0;
    const { bytes, at } = built("10.0.0.1", "10.0.0.2", { udpPort: 4789 }, 10, hash);
    assert.deepEqual(bytes, built("10.0.0.1", "10.0.0.2", { udpPort: 4789 }, 10, hash).bytes);
    ports.add(uint16At(bytes, at + 20));
  }
  assert.ok(ports.size > 900, `${ports.size} ports`);
});

Deno.test("OuterHeader writes a header of RFC 791 byte by byte", () => {
  const { bytes, at } = built("10.42.0.1", "10.42.0.2", { udpPort: 4789 }, 58);
  const expected = "450000560000400040112641" + "0a2a0001" + "0a2a0002" + "c00012b500420000";
  assert.equal(bytes.subarray(at, at + 28).toHex(), expected);
});

Deno.test("OuterHeader refuses addresses of two families", () => {
  const [source, destination] = [address("10.0.0.1"), address("fd00::1")];
  assert.throws(() => new OuterHeader({ source, destination, carries: { protocol: 47 } }), TypeError);
});

Deno.test("readOuterPacket() refuses truncation at every byte, fragments and contradicting lengths", () => {
  const out = new OuterPacket();
  for (const [source, destination] of PAIRS) {
    const { bytes, at } = built(source, destination, { udpPort: 4789 }, 30);
    const length = bytes.length - at;
    for (let cut = 0; cut < length; cut++) assert.equal(readOuterPacket(bytes, at, cut, out), false);
    const udpAt = at + (source.includes(":") ? 40 : 20);
    for (const udpBytes of [0, 7, 39, 0xffff]) {
      const broken = bytes.slice();
      new DataView(broken.buffer).setUint16(udpAt + 4, udpBytes);
      assert.equal(readOuterPacket(broken, at, length, out), false, `UDP length ${udpBytes}`);
    }
  }
  const { bytes, at } = built("10.0.0.1", "10.0.0.2", { udpPort: 4789 }, 30);
  for (const bits of [0x2000, 0x0001, 0x1fff]) {
    const fragment = bytes.slice();
    new DataView(fragment.buffer).setUint16(at + 6, bits);
    assert.equal(readOuterPacket(fragment, at, bytes.length - at, out), false, `fragment bits ${bits}`);
  }
});

Deno.test("readOuterPacket() stays within bytes that are random", () => {
  const out = new OuterPacket();
  fc.assert(fc.property(fc.uint8Array({ maxLength: 80 }), (bytes) => {
    if (!readOuterPacket(bytes, 0, bytes.length, out)) return;
    assert.ok(out.payloadAt + out.payloadBytes <= bytes.length);
  }));
});
