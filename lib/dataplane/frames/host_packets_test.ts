import assert from "node:assert/strict";
import { IpAddress, OuterHeader } from "../../net/mod.ts";
import { builtInDrivers } from "../../../drivers/mod.ts";
import { carrierHeaderBytes, carrierOf, writeCarrierHeader } from "./carrier.ts";
import { PortableFrames } from "./portable_frames.ts";

const MTU_BYTES = 1300;

for (const driver of builtInDrivers().names) {
  for (const [own, member] of [["10.42.0.1", "10.42.0.2"], ["fd00::1", "fd00::2"]] as const) {
    Deno.test(`PortableFrames forbids packets of this host in a network of its own over ${driver} to ${member}`, () => {
      const made = builtInDrivers().get(driver)?.() ?? assert.fail();
      const identifier = made.capabilities.identifier.min + 100;
      const packetOf = (number: number) => {
        const encapsulation = made.encapsulation(number, {});
        const { transport } = made.capabilities;
        const carrier = carrierOf(transport);
        const header = new OuterHeader({
          source: IpAddress.parse(own) ?? assert.fail(),
          destination: IpAddress.parse(member) ?? assert.fail(),
          carries: transport.kind === "udp" ? { udpPort: carrier } : { protocol: carrier },
        });
        const headerAt = header.lengthBytes + carrierHeaderBytes(made);
        const packet = new Uint8Array(headerAt + encapsulation.headerBytes + 60);
        const frameAt = headerAt + encapsulation.headerBytes;
        packet.set([2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 0x90, 0], frameAt);
        encapsulation.encode(packet, frameAt, 60, 0);
        writeCarrierHeader(made, packet, headerAt);
        header.write(packet, 0, packet.length - header.lengthBytes, 0);
        return packet;
      };
      const frames = new PortableFrames({ onPortEvent: () => {}, sendMesh: () => true });
      assert.equal(frames.forbids(packetOf(identifier)), false);
      const options = {};
      const wire = { driver, identifier, options, underlay: { kind: "mesh" } } as const;
      frames.setNetwork({ network: 1, name: "blue", mtuBytes: MTU_BYTES, ...wire });
      const packet = packetOf(identifier);
      const before = packet.slice();
      assert.equal(frames.forbids(packet), true);
      assert.deepEqual(packet, before);
      assert.equal(frames.networkCounts(1)?.drops["from-host"], 1);
      assert.equal(frames.forbids(packetOf(identifier + 1)), false);
      for (let length = 0; length < packet.length; length++) frames.forbids(packet.subarray(0, length));
      frames.close();
    });
  }
}
