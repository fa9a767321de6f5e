import assert from "node:assert/strict";
import type { Channel, MessageHandler } from "../../channel/mod.ts";
import { peerId } from "../../service/mod.ts";
import { EarlyMessageGate } from "./early_message_gate.ts";

const PEER = peerId("member");

/** A gate, what goes in at it, and what comes out. */
function gate() {
  const heard: number[] = [];
  const ends: string[] = [];
  let say: MessageHandler = () => assert.fail("nothing is attached");
  const channel = {
    attach: (_: string, handler: MessageHandler) => say = handler,
    onStream() {},
    close: (reason: string) => void ends.push(reason),
  } as unknown as Channel;
  const opened = new EarlyMessageGate(channel, "forward", {
    handleMessage: (_, bytes) => void heard.push(bytes.length),
    handleStream() {},
    handleForward() {},
  });
  return { heard, ends, say: (bytes: number) => say(new Uint8Array(bytes)), opened };
}

Deno.test("EarlyMessageGate keeps what comes early, in order", () => {
  const { heard, ends, say, opened } = gate();
  for (const bytes of [1, 2, 3]) say(bytes);
  assert.deepEqual(heard, []);
  opened.open(PEER);
  say(4);
  assert.deepEqual([heard, ends], [[1, 2, 3, 4], []]);
});

Deno.test("EarlyMessageGate closes a channel that says too much before its peer is known, by messages and by bytes", () => {
  for (const [count, bytes] of [[65, 1], [5, 1 << 20]] as const) {
    const { heard, ends, say, opened } = gate();
    for (let i = 1; i < count; i++) say(bytes);
    assert.deepEqual(ends, []);
    say(bytes);
    assert.equal(ends.length, 1);
    opened.open(PEER);
    assert.deepEqual(heard, []);
  }
});
