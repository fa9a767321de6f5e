import assert from "node:assert/strict";
import fc from "fast-check";
import { StateError } from "../base/mod.ts";
import { AddressRange, Cidr, IpAddress } from "../net/mod.ts";
import { IpAllocator, OutOfRangeError, PoolExhaustedError } from "./mod.ts";

function poolOf(text: string): IpAllocator {
  return new IpAllocator(Cidr.parse(text) ?? assert.fail(text));
}

function range(text: string): AddressRange {
  return AddressRange.parse(text) ?? assert.fail(text);
}

function address(text: string): IpAddress {
  return IpAddress.parse(text) ?? assert.fail(text);
}

Deno.test("IpAllocator.cutSlice() gives up the upper half of what lies above everything allocated", () => {
  const pool = poolOf("10.0.0.0/24");
  assert.deepEqual(pool.slices.map(String), ["10.0.0.1-10.0.0.254"]);
  pool.allocate();
  assert.equal(pool.cutSlice()?.toString(), "10.0.0.129-10.0.0.254");
  assert.equal(pool.cutSlice()?.toString(), "10.0.0.66-10.0.0.128");
  assert.deepEqual(pool.slices.map(String), ["10.0.0.1-10.0.0.65"]);
  pool.allocateSpecific(address("10.0.0.64"));
  // Nobody is given an address that was left free below one that was taken.
  assert.equal(pool.cutSlice(), undefined);
  for (let i = 0; i < 62; i++) pool.allocate();
  assert.equal(pool.allocate().toString(), "10.0.0.65");
  assert.throws(() => pool.allocate(), PoolExhaustedError);
  assert.throws(() => pool.allocate(), /all 65 of this leader's are taken/);
});

Deno.test("IpAllocator.setSlices() merges what touches and leaves out what is no host", () => {
  const pool = poolOf("10.0.0.0/24");
  pool.setSlices(["10.0.0.20-10.0.0.29", "10.0.0.0-10.0.0.2", "10.0.0.30-10.0.0.30"].map(range));
  assert.deepEqual(pool.slices.map(String), ["10.0.0.1-10.0.0.2", "10.0.0.20-10.0.0.30"]);
  assert.deepEqual([1, 2, 3].map(() => pool.allocate().toString()), ["10.0.0.1", "10.0.0.2", "10.0.0.20"]);
  assert.throws(() => pool.setSlices([range("10.0.0.250-10.0.1.3")]), OutOfRangeError);
  const again = IpAllocator.fromState(JSON.parse(JSON.stringify(pool.toState())));
  assert.deepEqual(again.slices.map(String), pool.slices.map(String));
  assert.throws(() => IpAllocator.fromState({ ...pool.toState(), slices: ["x"] }), StateError);
  pool.setSlices([]);
  assert.throws(() => pool.allocate(), PoolExhaustedError);
  // Addresses of others can be reserved all the same.
  pool.allocateSpecific(address("10.0.0.200"));
});

Deno.test("IpAllocator never gives an address twice, however several leaders allocate, release and cut", () => {
  const step = fc.tuple(fc.nat(9), fc.constantFrom("allocate", "allocate", "allocate", "release", "cut"));
  fc.assert(fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
    const pools = [poolOf("10.0.0.0/25")];
    const held = new Map<string, IpAllocator>();
    for (const [who, what] of steps) {
      const pool = pools[who % pools.length] ?? assert.fail();
      if (what === "release") {
        // Only the one that gave it can know that it is free.
        const mine = [...held].filter(([, owner]) => owner === pool).map(([text]) => text);
        const [text] = mine;
        if (text === undefined) continue;
        held.delete(text);
        pool.release(address(text));
      } else if (what === "cut") {
        const slice = pool.cutSlice();
        if (slice === undefined) continue;
        const other = poolOf("10.0.0.0/25");
        other.setSlices([slice]);
        pools.push(other);
      } else {
        let given: string;
        try {
          given = pool.allocate().toString();
        } catch (error) {
          assert.ok(error instanceof PoolExhaustedError);
          continue;
        }
        assert.ok(!held.has(given), given);
        held.set(given, pool);
      }
    }
    const slices = pools.flatMap((pool) => [...pool.slices]);
    for (const [i, slice] of slices.entries()) {
      for (const other of slices.slice(i + 1)) {
        assert.ok(!slice.contains(other.first) && !other.contains(slice.first), `${slice} and ${other}`);
      }
    }
  }));
});
