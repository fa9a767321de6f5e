import assert from "node:assert/strict";
import { SocketError } from "./errors.ts";
import { listenDatagrams } from "./runtime_datagrams.ts";
import { openUdp } from "./udp_socket.ts";

Deno.test("listenDatagrams() opens a socket where the runtime has them", () => {
  const socket = listenDatagrams({ hostname: "127.0.0.1", port: 0 });
  assert.equal(socket.addr.transport, "udp");
  socket.close();
});

Deno.test("listenDatagrams() and openUdp() say how a runtime without UDP is started", () => {
  const { listenDatagram } = Deno;
  Reflect.deleteProperty(Deno, "listenDatagram");
  try {
    const isTold = (error: unknown) =>
      error instanceof SocketError && /without UDP/.test(error.message) &&
      /--unstable-net/.test(error.hint ?? "");
    assert.throws(() => listenDatagrams({ hostname: "127.0.0.1", port: 0 }), isTold);
    assert.throws(() => openUdp({ port: 0 }), isTold);
  } finally {
    Object.assign(Deno, { listenDatagram });
  }
});
