/**
 * A STUN server (RFC 8489) at several ports, for tests: `stun_server.ts ADDRESS PORT…` prints `ready`, then tells everybody
 * where their datagrams come from. It answers Binding requests of IPv4 and nothing else.
 *
 * @module
 */

const [hostname = "", ...ports] = Deno.args;
for (const port of ports) {
  const socket = Deno.listenDatagram({ transport: "udp", hostname, port: Number(port) });
  (async () => {
    for await (const [request, from] of socket) {
      if (request.length < 20 || request[0] !== 0 || request[1] !== 1 || from.transport !== "udp") continue;
      const answer = new Uint8Array(32);
      const view = new DataView(answer.buffer);
      view.setUint16(0, 0x0101);
      view.setUint16(2, 12);
      answer.set(request.subarray(4, 20), 4);
      view.setUint16(20, 0x0020);
      view.setUint16(22, 8);
      view.setUint16(24, 1);
      view.setUint16(26, from.port ^ 0x2112);
      answer.set(from.hostname.split(".").map((octet, i) => Number(octet) ^ (request[4 + i] ?? 0)), 28);
      await socket.send(answer, from);
    }
  })();
}
// deno-lint-ignore no-console -- who started it waits for it
console.log("ready");
