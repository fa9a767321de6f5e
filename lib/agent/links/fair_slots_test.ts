import assert from "node:assert/strict";
import { FairSlots } from "./fair_slots.ts";

Deno.test("FairSlots lets a flood from one origin displace itself only", () => {
  const slots = new FairSlots(4);
  const gone: string[] = [];
  const acquire = (origin: string, name: string) => slots.acquire(origin, () => gone.push(name));
  acquire("honest", "h1");
  for (let i = 1; i <= 10; i++) acquire("crowd", `c${i}`);
  assert.deepEqual(gone, ["c1", "c2", "c3", "c4", "c5", "c6", "c7"]);
  assert.equal(slots.size, 4);
});

Deno.test("FairSlots evicts the oldest when all are of different origins", () => {
  const slots = new FairSlots(2);
  const gone: string[] = [];
  for (const name of ["a", "b", "c"]) slots.acquire(name, () => gone.push(name));
  assert.deepEqual(gone, ["a"]);
});

Deno.test("FairSlots releases a slot once", () => {
  const slots = new FairSlots(2);
  const release = slots.acquire("a", () => assert.fail("nobody needs the slot"));
  slots.acquire("b", () => assert.fail("nobody needs the slot"));
  release();
  release();
  slots.acquire("c", () => assert.fail("nobody needs the slot"));
  assert.equal(slots.size, 2);
});
