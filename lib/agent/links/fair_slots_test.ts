import assert from "node:assert/strict";
import { Endpoint } from "../../net/mod.ts";
import { FairSlots, originOf } from "./fair_slots.ts";

Deno.test("FairSlots lets a crowd of one origin displace itself only", () => {
  const room = new FairSlots(4);
  const gone: string[] = [];
  const enter = (origin: string, name: string) => room.enter(origin, () => gone.push(name));
  enter("honest", "h1");
  for (let i = 1; i <= 10; i++) enter("crowd", `c${i}`);
  assert.deepEqual(gone, ["c1", "c2", "c3", "c4", "c5", "c6", "c7"]);
  assert.equal(room.size, 4);
});

Deno.test("FairSlots sends the oldest away when all come from elsewhere", () => {
  const room = new FairSlots(2);
  const gone: string[] = [];
  for (const name of ["a", "b", "c"]) room.enter(name, () => gone.push(name));
  assert.deepEqual(gone, ["a"]);
});

Deno.test("FairSlots gives a place free once", () => {
  const room = new FairSlots(2);
  const leave = room.enter("a", () => assert.fail("nobody needs the place"));
  room.enter("b", () => assert.fail("nobody needs the place"));
  leave();
  leave();
  room.enter("c", () => assert.fail("nobody needs the place"));
  assert.equal(room.size, 2);
});

Deno.test("originOf() takes an IPv6 site for one origin and IPv4 addresses apart", () => {
  const origin = (text: string) => originOf(Endpoint.parse(text) ?? assert.fail(text));
  assert.equal(origin("[2001:db8::1]:5"), origin("[2001:db8::2:3]:6"));
  assert.notEqual(origin("[2001:db8::1]:5"), origin("[2001:db8:0:1::1]:5"));
  assert.equal(origin("192.0.2.1:5"), origin("192.0.2.1:6"));
  assert.notEqual(origin("192.0.2.1:5"), origin("192.0.2.2:5"));
});
