import assert from "node:assert/strict";
import { WasmBatchCipher } from "../../crypto/mod.ts";
import { Endpoint, IpAddress, transportChecksum } from "../../net/mod.ts";
import { GSO, readVirtioHeader, splitSuperpacket, VIRTIO_HEADER_BYTES } from "./superpacket.ts";
import { EngineHarness, frame, HARNESS_PAGES } from "./testing/engine_harness.ts";
import { makeSuperpacket } from "./testing/superpackets.ts";

Deno.test("PacketEngine leads superpackets for a host without a packet plane back to the interface, header and all", () => {
  for (
    const [family, host, own] of [[4, "10.200.0.2", "10.200.0.1"], [6, "fd01:204::", "fd01:203::"]] as const
  ) {
    const harness = new EngineHarness({ cipher: new WasmBatchCipher(HARNESS_PAGES) });
    const { proxy, calls } = harness;
    const [hostAddress, ownAddress] = [host, own].map((text) => IpAddress.parse(text) ?? assert.fail(text));
    assert.ok(hostAddress && ownAddress);
    proxy.change({ listeners: [new Endpoint(ownAddress, 45_680)], add: [hostAddress] });
    const shape = { protocol: "tcp", version: family, payloadBytes: 20_000, gsoSize: 1340 } as const;
    const { packet, header } = makeSuperpacket(shape);
    const start = family === 4 ? 20 : 40;
    // Its SYN, which makes the connection.
    const syn = packet.slice(0, start + 20);
    const view = new DataView(syn.buffer);
    view.setUint16(family === 4 ? 2 : 4, family === 4 ? syn.length : 20);
    syn.set([5 << 4, 0x02], start + 12);
    calls.frames.push(frame(syn, { ...header, gsoType: GSO.NONE, gsoSize: 0 }));
    harness.run();
    const question = proxy.pollQuestion();
    assert.ok(question?.kind === "connect" && question.port === 5201);
    proxy.answer(harness.now, question.id, "accept");
    harness.run();
    assert.equal(calls.written.length, 1);
    calls.written.length = 0;
    calls.frames.push(frame(packet.slice(), header));
    harness.run();
    const [written] = calls.written;
    assert.ok(written);
    assert.deepEqual(readVirtioHeader(written, 0), { ...header });
    const sent = splitSuperpacket(packet, header) ?? assert.fail();
    const turned = splitSuperpacket(written.slice(VIRTIO_HEADER_BYTES), header) ?? assert.fail();
    assert.equal(turned.length, sent.length);
    for (const each of turned) {
      assert.equal(transportChecksum(each, start, 6), 0);
      const ports = new DataView(each.buffer, each.byteOffset);
      assert.deepEqual([ports.getUint16(start), ports.getUint16(start + 2)], [
        question.translatedPort,
        45_680,
      ]);
    }
    assert.equal(calls.sends.length, 0);
  }
});
