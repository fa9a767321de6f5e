import assert from "node:assert/strict";
import type { Channel, MessageHandler } from "../../channel/mod.ts";
import { peerId } from "../../service/mod.ts";
import { EarlyMessageGate } from "./early_message_gate.ts";

const PEER = peerId("member");

/** A gate, what is sent through it, what is received, and why its channel was closed. */
function makeGate() {
  const received: number[] = [];
  const ends: string[] = [];
  let send: MessageHandler = () => assert.fail("nothing is attached");
  const channel = {
    attach: (_: string, handler: MessageHandler) => send = handler,
    onStream() {},
    close: (reason: string) => void ends.push(reason),
  } as unknown as Channel;
  const gate = new EarlyMessageGate(channel, {
    handleMessage: (_, bytes) => void received.push(bytes.length),
  }, () => {});
  return { received, ends, send: (bytes: number) => send(new Uint8Array(bytes)), gate };
}

Deno.test("EarlyMessageGate keeps what comes early, in order", () => {
  const { received, ends, send, gate } = makeGate();
  for (const bytes of [1, 2, 3]) send(bytes);
  assert.deepEqual(received, []);
  gate.open(PEER);
  send(4);
  assert.deepEqual([received, ends], [[1, 2, 3, 4], []]);
});

Deno.test("EarlyMessageGate closes a channel that sends too much before its peer is known, by messages and by bytes", () => {
  for (const [count, bytes] of [[65, 1], [5, 1 << 20]] as const) {
    const { received, ends, send, gate } = makeGate();
    for (let i = 1; i < count; i++) send(bytes);
    assert.deepEqual(ends, []);
    send(bytes);
    assert.equal(ends.length, 1);
    gate.open(PEER);
    assert.deepEqual(received, []);
  }
});
