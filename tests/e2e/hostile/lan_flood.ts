/**
 * Calls garbage out to everybody on the network: `lan_flood.ts COUNT`.
 * @module
 */

const EVERYBODY = { transport: "udp", hostname: "255.255.255.255", port: 45678 } as const;

const count = Number(Deno.args[0]);
const address = Deno.networkInterfaces().find(({ name, family }) => name === "eth0" && family === "IPv4")
  ?.address;
const socket = Deno.listenDatagram({ transport: "udp", hostname: address ?? "0.0.0.0", port: 0 });
for (let i = 0; i < count; i++) {
  const datagram = crypto.getRandomValues(new Uint8Array(i % 3 === 0 ? i % 1_400 : 48));
  // Half of them look right up to their tag.
  if (i % 2 === 0 && datagram.length === 48) datagram.set([0x77, 0x66, 0x74, 0x64, 1, 1]);
  await socket.send(datagram, EVERYBODY);
}
socket.close();
