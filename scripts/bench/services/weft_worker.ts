/**
 * weft: `weft_worker.ts responder STATE_DIR PORT`, which leads the network, or `weft_worker.ts requester STATE_DIR TOKEN`.
 * @module
 */

import { Node, OverlayBootstrap, type SubscriptionHandle } from "../../../mod.ts";
import { work } from "./worker.mjs";

/** A member as both roles have it. */
type Member = Pick<Node, "request" | "publish" | "subscribe" | "stop">;

const [role, stateDir = "", third = ""] = Deno.args;
const CHUNK_BYTES = 64 * 1024;
/** How many requests the responder serves at a time: more than the measurement has in flight. */
const CONCURRENCY = 1_024;

const { member, token } = role === "responder"
  ? await lead(Number(third))
  : { member: await Node.join(third, { name: "requester", stateDir }), token: undefined };
let subscriptions: readonly SubscriptionHandle[] = [];

await work({
  payload: (bytes: number) => new Uint8Array(bytes).fill(7),
  request: (payload: unknown) => member.request("echo/bytes", payload),
  subscribe(count: number, heard: () => void) {
    for (const each of subscriptions) each.unsubscribe();
    subscriptions = Array.from({ length: count }, () => member.subscribe("bench/event", () => heard()));
  },
  publish: (payload: unknown) => member.publish("bench/event", payload),
  async transfer(bytes: number) {
    let received = 0;
    const stream = await member.request("echo/transfer", { bytes }) as ReadableStream<Uint8Array>;
    for await (const chunk of stream) received += chunk.length;
    if (received !== bytes) throw new Error(`${received} of ${bytes} bytes were transferred`);
  },
  close: () => member.stop(),
}, { token });

async function lead(port: number): Promise<{ member: Member; token: string }> {
  const overlay = await OverlayBootstrap.initLeader({
    name: "responder",
    stateDir,
    port,
    endpoints: `127.0.0.1:${port}`,
    rootless: true,
    discovery: false,
  });
  await overlay.start();
  const { runtime } = overlay.services;
  await runtime.addService({
    path: "echo",
    concurrency: CONCURRENCY,
    actions: {
      bytes: (bytes: Uint8Array) => bytes,
      transfer: ({ bytes }: { bytes: number }) => chunksOf(bytes),
    },
  });
  const { token } = overlay.control.createToken({ lifetimeMs: 600_000 });
  const member = {
    request: runtime.request.bind(runtime),
    publish: runtime.publish.bind(runtime),
    subscribe: runtime.subscribe.bind(runtime),
    stop: () => overlay.stop(),
  };
  return { member, token };
}

async function* chunksOf(bytes: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes; at += CHUNK_BYTES) {
    yield new Uint8Array(Math.min(CHUNK_BYTES, bytes - at));
  }
}
