import assert from "node:assert/strict";
import { Endpoint } from "../../net/mod.ts";
import { UncutUdp } from "./uncut_udp.ts";

const isLinux = Deno.build.os === "linux";

for (const [hostname, target] of [["127.0.0.1", "127.0.0.1"], ["::", "127.0.0.1"]] as const) {
  Deno.test({
    name: `UncutUdp sends from a port of the runtime at ${hostname}, which stays when it is closed`,
    ignore: !isLinux,
    fn: async () => {
      const sender = Deno.listenDatagram({ transport: "udp", hostname, port: 0 });
      const receiver = Deno.listenDatagram({ transport: "udp", hostname: "127.0.0.1", port: 0 });
      const { port } = sender.addr as Deno.NetAddr;
      const destination = Endpoint.parse(`${target}:${(receiver.addr as Deno.NetAddr).port}`) ??
        assert.fail();
      try {
        const uncut = UncutUdp.open(port) ?? assert.fail();
        assert.ok(uncut.send(new Uint8Array(1500).fill(7), destination));
        uncut.close();
        uncut.close();
        const [datagram, from] = await receiver.receive();
        assert.deepEqual(datagram, new Uint8Array(1500).fill(7));
        assert.equal((from as Deno.NetAddr).port, port);
        await receiver.send(Uint8Array.of(1), { transport: "udp", hostname: "127.0.0.1", port });
        assert.deepEqual((await sender.receive())[0], Uint8Array.of(1));
      } finally {
        sender.close();
        receiver.close();
      }
    },
  });
}

Deno.test({
  name: "UncutUdp says when there is no such socket, and when the kernel takes nothing",
  ignore: !isLinux,
  fn: () => {
    const socket = Deno.listenDatagram({ transport: "udp", hostname: "127.0.0.1", port: 0 });
    const { port } = socket.addr as Deno.NetAddr;
    const uncut = UncutUdp.open(port) ?? assert.fail();
    assert.equal(uncut.send(Uint8Array.of(1), Endpoint.parse("127.0.0.1:0") ?? assert.fail()), false);
    assert.equal(uncut.send(Uint8Array.of(1), Endpoint.parse("[::1]:9") ?? assert.fail()), false);
    uncut.close();
    socket.close();
    assert.equal(UncutUdp.open(port), undefined);
  },
});
