import assert from "node:assert/strict";
import { ControlSlots, QUERY_SLOTS, SLOT_BYTES, slotMemory, WorkerSlots } from "./query_slots.ts";

function makeSlots(): { client: WorkerSlots; server: ControlSlots } {
  const memory = slotMemory();
  return { client: new WorkerSlots(memory), server: new ControlSlots(memory) };
}

/** @returns what the client takes, in hexadecimal by slot */
function taken(client: WorkerSlots): Map<number, string> {
  const answers = new Map<number, string>();
  client.takeAnswers((slot, answer, isLasting) => answers.set(slot, answer.toHex() + (isLasting ? "!" : "")));
  return answers;
}

Deno.test("WorkerSlots and ControlSlots carry queries there and answers back", () => {
  const { client, server } = makeSlots();
  const memory = Uint8Array.of(9, 1, 2, 3, 9);
  const [first, second, third] = [
    client.submit(memory, 1, 3),
    client.submit(memory, 0, 2),
    client.submit(memory, 0, 1),
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

Deno.test("WorkerSlots.takeAnswers() says that an answer of a zone that has changed since does not last", () => {
  const { client, server } = makeSlots();
  const slot = client.submit(new Uint8Array(1), 0, 1);
  server.answer(slot, Uint8Array.of(1), true);
  server.changeGeneration();
  assert.equal(client.generation, 1);
  assert.deepEqual(taken(client), new Map([[slot, "01"]]));
});

Deno.test("WorkerSlots.submit() and ControlSlots.answer() are bounded: in slots, in queries, in answers", () => {
  const { client, server } = makeSlots();
  const long = new Uint8Array(SLOT_BYTES + 10).fill(7);
  const slots = Array.from({ length: QUERY_SLOTS }, () => client.submit(long, 0, long.length));
  assert.equal(new Set(slots).size, QUERY_SLOTS);
  assert.equal(client.submit(long, 0, 1), -1);
  const [slot = 0] = slots;
  assert.equal(server.query(slot).length, SLOT_BYTES);
  server.answer(slot, long, false);
  assert.deepEqual(taken(client), new Map([[slot, ""]]));
  assert.equal(client.submit(long, 0, 1), slot);
});

Deno.test("WorkerSlots.isStopped follows ControlSlots.stop()", () => {
  const { client, server } = makeSlots();
  assert(!client.isStopped);
  server.stop();
  assert(client.isStopped);
});
