/**
 * Sends VXLAN packets (RFC 7348 §5) that somebody has made up: `frame_forger.ts TARGET VNI FRAME…`, each frame in hexadecimal
 * and sent a hundred times. It runs on a member's host, so they go through that member's own session.
 * @module
 */

const [hostname = "", vni = "0", ...frames] = Deno.args;
const REPEATS = 100;
const socket = Deno.listenDatagram({ transport: "udp", hostname: "0.0.0.0", port: 0 });
const number = Number(vni);
const header = Uint8Array.of(0x08, 0, 0, 0, number >> 16, number >> 8, number, 0);
for (const frame of frames) {
  const packet = new Uint8Array([...header, ...Uint8Array.fromHex(frame)]);
  for (let i = 0; i < REPEATS; i++) await socket.send(packet, { transport: "udp", hostname, port: 4789 });
}
socket.close();
