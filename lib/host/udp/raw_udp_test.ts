import assert from "node:assert/strict";
import { canConfigureNetwork } from "../tun/mod.ts";
import { enlargeUdpBuffers, markUdpSocket } from "./raw_udp.ts";

const needsRoot = Deno.build.os !== "linux" || !canConfigureNetwork();
// deno-lint-ignore no-console -- the reason of a skipped test belongs in the output
if (needsRoot) console.log("skipped: enlargeUdpBuffers() lets a burst wait: needs root on Linux");

Deno.test({
  name: "enlargeUdpBuffers() lets a burst wait that the usual buffer has no room for",
  ignore: needsRoot,
  fn: async () => {
    const receiver = Deno.listenDatagram({ transport: "udp", hostname: "127.0.0.1", port: 0 });
    const sender = Deno.listenDatagram({ transport: "udp", hostname: "127.0.0.1", port: 0 });
    const { port } = receiver.addr as Deno.NetAddr;
    try {
      assert.equal(enlargeUdpBuffers(port), true);
      assert.equal(markUdpSocket(port, 0), true);
      const burst = 1000;
      for (let i = 0; i < burst; i++) await sender.send(new Uint8Array(1000), receiver.addr);
      for (let i = 0; i < burst; i++) assert.equal((await receiver.receive())[0].length, 1000);
    } finally {
      receiver.close();
      sender.close();
    }
  },
});

Deno.test({
  name: "enlargeUdpBuffers() and markUdpSocket() say when there is no such socket",
  ignore: Deno.build.os !== "linux",
  fn: () => {
    const closed = Deno.listenDatagram({ transport: "udp", hostname: "127.0.0.1", port: 0 });
    const { port } = closed.addr as Deno.NetAddr;
    closed.close();
    assert.equal(enlargeUdpBuffers(port), false);
    assert.equal(markUdpSocket(port, 1), false);
  },
});
