// deno-lint-ignore-file no-console -- whoever started it reads the lines
/**
 * Asks a `nat_responder.ts` where it is seen, and answers what comes there: `punched_echo.ts ADDRESS PORT LOCAL_PORT`. Prints
 * `ready OUTSIDE_PORT`, then `from ADDRESS:PORT` for each datagram.
 * @module
 */

const [hostname = "", port = "", localPort = ""] = Deno.args;

const socket = Deno.listenDatagram({ transport: "udp", hostname: "0.0.0.0", port: Number(localPort) });
const request = new TextEncoder().encode(JSON.stringify({ n: 0 }));
await socket.send(request, { transport: "udp", hostname, port: Number(port) });
const [answer] = await socket.receive();
console.log(`ready ${JSON.parse(new TextDecoder().decode(answer)).from.split(":")[1]}`);
for await (const [bytes, source] of socket) {
  if (source.transport === "udp") console.log(`from ${source.hostname}:${source.port}`);
  await socket.send(bytes, source);
}
