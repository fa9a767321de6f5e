/**
 * Sends datagrams to `datagram_echo_client.ts ADDRESS PORT` until one comes back, then prints `ready`.
 * @module
 */

const [hostname = "", port = ""] = Deno.args;

const socket = Deno.listenDatagram({ transport: "udp", hostname: "0.0.0.0", port: 0 });
const target = { transport: "udp", hostname, port: Number(port) } as const;
const timer = setInterval(() => socket.send(new Uint8Array(8), target).catch(() => {}), 100);
await socket.receive();
clearInterval(timer);
socket.close();
// deno-lint-ignore no-console -- whoever started this program waits for the line
console.log("ready");
