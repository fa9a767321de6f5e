/**
 * Has a router map a port by NAT-PMP (RFC 6886 §3.3) and answers what comes there: `mapped_echo.ts ROUTER PORT`. Prints
 * `ready OUTSIDE_PORT` once it is mapped.
 * @module
 */

const [router = "", port = ""] = Deno.args;

// Version 0, opcode 1 (map UDP), two reserved bytes, inside port, suggested outside port, lifetime in seconds.
const request = new Uint8Array(12);
const view = new DataView(request.buffer);
view.setUint8(1, 1);
view.setUint16(4, Number(port));
view.setUint32(8, 600);

const client = Deno.listenDatagram({ transport: "udp", hostname: "0.0.0.0", port: 0 });
await client.send(request, { transport: "udp", hostname: router, port: 5351 });
const [answer] = await client.receive();
client.close();
const answered = new DataView(answer.buffer, answer.byteOffset, answer.byteLength);
if (answered.getUint16(2) !== 0) throw new Error(`The router refuses with ${answered.getUint16(2)}`);

const socket = Deno.listenDatagram({ transport: "udp", hostname: "0.0.0.0", port: Number(port) });
// deno-lint-ignore no-console -- whoever started this program waits for the line
console.log(`ready ${answered.getUint16(10)}`);
for await (const [bytes, source] of socket) await socket.send(bytes, source);
