/**
 * A program without privileges that answers pings to its endpoint: `TOKEN NAME STATE_DIR PORT ADDRESS NETWORK`.
 * @module
 */

import { Node, UnknownNetworkError } from "../../../mod.ts";

const [token = "", name = "", stateDir = "", port = "", address = "", network = ""] = Deno.args;
await using node = await Node.join(token, { name, stateDir, port, endpoints: `${address}:${port}` });
const config = { networkId: network, name: "echo" };
const endpoint = await untilKnown(() => node.createEndpoint(config, answer));
// deno-lint-ignore no-console -- the test reads it
console.log("ready", endpoint.ipAddresses[0]);
await node.closed;

/** Answers an echo request (RFC 792) in the frame itself: source and destination change places. */
function answer(frame: Uint8Array): void {
  const view = new DataView(frame.buffer, frame.byteOffset, frame.length);
  const isEcho = frame.length >= 42 && view.getUint16(12) === 0x0800 && frame[14] === 0x45 &&
    frame[23] === 1 &&
    frame[34] === 8;
  if (!isEcho) return;
  swap(frame, 0, 6, 6);
  swap(frame, 26, 30, 4);
  frame[34] = 0;
  // RFC 1624: the type went from 8 to 0.
  const sum = view.getUint16(36) + 0x0800;
  view.setUint16(36, sum > 0xffff ? sum + 1 : sum);
  endpoint.send(frame);
}

function swap(bytes: Uint8Array, a: number, b: number, length: number): void {
  const kept = bytes.slice(a, a + length);
  bytes.copyWithin(a, b, b + length);
  bytes.set(kept, b);
}

/** The definition of the network may be on its way. */
async function untilKnown<T>(run: () => Promise<T>): Promise<T> {
  for (let tries = 0;; tries++) {
    try {
      return await run();
    } catch (error) {
      if (!(error instanceof UnknownNetworkError) || tries > 100) throw error;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
}
