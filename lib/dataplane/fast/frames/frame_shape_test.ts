import assert from "node:assert/strict";
import { GSO, VIRTIO_HEADER_BYTES } from "../superpacket.ts";
import { makeSuperpacket } from "../testing/superpackets.ts";
import { FrameShape } from "./frame_shape.ts";

const AT = 64;
const LINK = [0xa2, 0, 0, 0, 0, 1, 0x42, 0, 0, 0, 0, 2, 8, 0];

for (
  const [name, protocol, payloadBytes, missingBytes, isSound] of [
    ["a superpacket of UDP with 4 bytes of payload", "udp", 4, 0, true],
    ["a superpacket of UDP without payload", "udp", 4, 4, true],
    ["one of UDP whose header is cut", "udp", 4, 5, false],
    ["one of TCP with 4 bytes of payload", "tcp", 4, 0, true],
    ["one of TCP whose header is cut", "tcp", 4, 17, false],
  ] as const
) {
  Deno.test(`FrameShape ${isSound ? "takes" : "refuses"} ${name}`, () => {
    const memory = new WebAssembly.Memory({ initial: 1, maximum: 1 });
    const { packet, header } = makeSuperpacket({ protocol, version: 4, payloadBytes, gsoSize: 2 });
    new Uint8Array(memory.buffer).set([...LINK, ...packet], AT);
    const view = new DataView(memory.buffer);
    const virtio = AT - VIRTIO_HEADER_BYTES;
    view.setUint8(virtio + 1, protocol === "udp" ? GSO.UDP : GSO.TCP4);
    view.setUint16(virtio + 4, 2, true);
    view.setUint16(virtio + 6, LINK.length + header.checksumStart, true);
    const shape = new FrameShape(memory, 1);
    // What lies behind the frame is none of its.
    assert.equal(
      shape.read(AT, LINK.length + 20 + headerOf(protocol) + payloadBytes - missingBytes),
      isSound,
    );
    assert.equal(shape.isSuperpacket, isSound);
  });
}

/** @returns how many bytes the header of the protocol has in `makeSuperpacket` */
function headerOf(protocol: "tcp" | "udp"): number {
  return protocol === "udp" ? 8 : 32;
}
