/**
 * A program with an endpoint in a plain network, without a mesh, that answers pings: `REMOTE MAC ADDRESS`.
 * @module
 */

import { OverlayManager } from "../../../mod.ts";

const [remote = "", macAddress = "", ipAddress = ""] = Deno.args;
await using manager = new OverlayManager({ underlay: "udp" });
await manager.initialize();
const { mtu } = await manager.createNetwork({
  name: "lab",
  type: "vxlan",
  vni: 42,
  cidr: "10.9.0.0/24",
  plain: { remotes: [remote] },
});
const endpoint = await manager.createEndpoint(
  { networkId: "lab", name: "echo", macAddress, ipAddress },
  answer,
);
// deno-lint-ignore no-console -- the test reads it
console.log("ready", mtu);
await new Promise(() => {});

/** Answers whoever asks for the address (RFC 826), and echo requests (RFC 792), in the frame itself. */
function answer(frame: Uint8Array): void {
  const view = new DataView(frame.buffer, frame.byteOffset, frame.length);
  const type = view.getUint16(12);
  if (type === 0x0806 && frame[21] === 1 && frame.subarray(38, 42).join(".") === ipAddress) {
    const asks = frame.slice(22, 32);
    frame[21] = 2;
    frame.set([...macAddress.split(":").map((byte) => parseInt(byte, 16)), ...frame.slice(38, 42)], 22);
    frame.set(asks, 32);
  } else if (type === 0x0800 && frame[14] === 0x45 && frame[23] === 1 && frame[34] === 8) {
    const [from, to] = [frame.slice(26, 30), frame.slice(30, 34)];
    frame.set([...to, ...from], 26);
    frame[34] = 0;
    // RFC 1624: the type went from 8 to 0.
    const sum = view.getUint16(36) + 0x0800;
    view.setUint16(36, sum > 0xffff ? sum + 1 : sum);
  } else return;
  frame.copyWithin(0, 6, 12);
  frame.set(macAddress.split(":").map((byte) => parseInt(byte, 16)), 6);
  endpoint.send(frame);
}
