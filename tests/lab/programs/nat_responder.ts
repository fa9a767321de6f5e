/**
 * Answers datagrams as a server of RFC 5780 would: `nat_responder.ts ADDRESS OTHER_ADDRESS PORT OTHER_PORT`. It listens at both
 * ports of both addresses. A datagram is JSON: an answer of `{ n, from: "address:port" }` comes from where it was sent to, or,
 * with `answerFrom`, from that index of [address:port, address:other, other:port, other:other] instead; with `afterMs` so much
 * later. Prints `ready` once it listens.
 * @module
 */

const [address = "", otherAddress = "", port = "", otherPort = ""] = Deno.args;

const sockets = [address, otherAddress].flatMap((hostname) =>
  [port, otherPort].map((number) => Deno.listenDatagram({ transport: "udp", hostname, port: Number(number) }))
);
// deno-lint-ignore no-console -- whoever started this program waits for the line
console.log("ready");
await Promise.all(sockets.map(async (socket) => {
  for await (const [bytes, source] of socket) {
    if (source.transport !== "udp") continue;
    const { n, answerFrom, afterMs = 0 } = JSON.parse(new TextDecoder().decode(bytes));
    const answer = JSON.stringify({ n, from: `${source.hostname}:${source.port}` });
    const answering = () => (sockets[answerFrom] ?? socket).send(new TextEncoder().encode(answer), source);
    setTimeout(() => answering().catch(() => {}), afterMs);
  }
}));
