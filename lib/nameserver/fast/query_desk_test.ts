import assert from "node:assert/strict";
import { DESK_SLOTS, DeskClient, deskMemory, DeskServer, SLOT_BYTES } from "./query_desk.ts";

function makeDesk(): { client: DeskClient; server: DeskServer } {
  const memory = deskMemory();
  return { client: new DeskClient(memory), server: new DeskServer(memory) };
}

/** @returns what the client takes, in hexadecimal by slot */
function taken(client: DeskClient): Map<number, string> {
  const answers = new Map<number, string>();
  client.takeAnswers((slot, answer, isLasting) => answers.set(slot, answer.toHex() + (isLasting ? "!" : "")));
  return answers;
}

Deno.test("a desk carries queries there and answers back", () => {
  const { client, server } = makeDesk();
  const memory = Uint8Array.of(9, 1, 2, 3, 9);
  const [first, second, third] = [
    client.leave(memory, 1, 3),
    client.leave(memory, 0, 2),
    client.leave(memory, 0, 1),
  ];
  assert.equal(server.query(first).toHex(), "010203");
  assert.equal(server.query(second).toHex(), "0901");
  assert.deepEqual(taken(client), new Map());
  server.answer(second, Uint8Array.of(0xaa, 0xbb), true);
  server.answer(third, undefined, false);
  assert.deepEqual(taken(client), new Map([[second, "aabb!"], [third, ""]]));
  server.answer(first, Uint8Array.of(0xcc), false);
  assert.deepEqual(taken(client), new Map([[first, "cc"]]));
  assert.deepEqual(taken(client), new Map());
});

Deno.test("an answer of a zone that has changed since does not last", () => {
  const { client, server } = makeDesk();
  const slot = client.leave(new Uint8Array(1), 0, 1);
  server.answer(slot, Uint8Array.of(1), true);
  server.changeGeneration();
  assert.equal(client.generation, 1);
  assert.deepEqual(taken(client), new Map([[slot, "01"]]));
});

Deno.test("a desk is bounded: in slots, in queries, in answers", () => {
  const { client, server } = makeDesk();
  const long = new Uint8Array(SLOT_BYTES + 10).fill(7);
  const slots = Array.from({ length: DESK_SLOTS }, () => client.leave(long, 0, long.length));
  assert.equal(new Set(slots).size, DESK_SLOTS);
  assert.equal(client.leave(long, 0, 1), -1);
  const [slot = 0] = slots;
  assert.equal(server.query(slot).length, SLOT_BYTES);
  server.answer(slot, long, false);
  assert.deepEqual(taken(client), new Map([[slot, ""]]));
  assert.equal(client.leave(long, 0, 1), slot);
});

Deno.test("a desk says when it is over", () => {
  const { client, server } = makeDesk();
  assert(!client.isStopped);
  server.stop();
  assert(client.isStopped);
});
