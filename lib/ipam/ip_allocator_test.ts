import assert from "node:assert/strict";
import fc from "fast-check";
import { StateError } from "../base/mod.ts";
import { AddressRange, Cidr, IpAddress } from "../net/mod.ts";
import {
  AddressTakenError,
  IpAllocator,
  OutOfRangeError,
  PoolExhaustedError,
  ReservedAddressError,
} from "./mod.ts";

function poolOf(text: string): IpAllocator {
  const cidr = Cidr.parse(text);
  assert.ok(cidr !== undefined, text);
  return new IpAllocator(cidr);
}

function address(text: string): IpAddress {
  const parsed = IpAddress.parse(text);
  assert.ok(parsed !== undefined, text);
  return parsed;
}

function range(text: string): AddressRange {
  return AddressRange.parse(text) ?? assert.fail(text);
}

const edges: readonly { cidr: string; hosts: string[]; reserved: string[]; outside: string[] }[] = [
  {
    cidr: "10.0.0.8/29",
    hosts: ["10.0.0.9", "10.0.0.10", "10.0.0.11", "10.0.0.12", "10.0.0.13", "10.0.0.14"],
    reserved: ["10.0.0.8", "10.0.0.15"],
    outside: ["10.0.0.7", "10.0.0.16", "::a00:9"],
  },
  {
    cidr: "10.0.0.4/30",
    hosts: ["10.0.0.5", "10.0.0.6"],
    reserved: ["10.0.0.4", "10.0.0.7"],
    outside: ["10.0.0.3", "10.0.0.8"],
  },
  { cidr: "10.0.0.4/31", hosts: ["10.0.0.4", "10.0.0.5"], reserved: [], outside: ["10.0.0.3", "10.0.0.6"] },
  { cidr: "10.0.0.4/32", hosts: ["10.0.0.4"], reserved: [], outside: ["10.0.0.3", "10.0.0.5"] },
  {
    cidr: "255.255.255.252/30",
    hosts: ["255.255.255.253", "255.255.255.254"],
    reserved: ["255.255.255.252", "255.255.255.255"],
    outside: ["0.0.0.0"],
  },
  {
    cidr: "fd00::/126",
    hosts: ["fd00::1", "fd00::2", "fd00::3"],
    reserved: ["fd00::"],
    outside: ["fcff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "fd00::4", "0.0.0.1"],
  },
  { cidr: "fd00::2/127", hosts: ["fd00::2", "fd00::3"], reserved: [], outside: ["fd00::1", "fd00::4"] },
  { cidr: "fd00::2/128", hosts: ["fd00::2"], reserved: [], outside: ["fd00::1", "fd00::3"] },
];
for (const { cidr, hosts, reserved, outside } of edges) {
  Deno.test(`IpAllocator of ${cidr} hands out exactly its hosts, lowest first`, () => {
    const pool = poolOf(cidr);
    assert.equal(pool.leaderAddress.toString(), hosts[0]);
    assert.equal(pool.capacity, hosts.length);
    assert.deepEqual(hosts.map(() => pool.allocate().toString()), hosts);
    assert.equal(pool.allocatedCount, hosts.length);
    assert.throws(() => pool.allocate(), PoolExhaustedError);
    for (const text of hosts) assert.throws(() => pool.allocateSpecific(address(text)), AddressTakenError);
    for (const text of reserved) {
      assert.throws(() => pool.allocateSpecific(address(text)), ReservedAddressError);
    }
    for (const text of outside) assert.throws(() => pool.allocateSpecific(address(text)), OutOfRangeError);
    for (const text of [...reserved, ...outside]) {
      assert.equal(pool.isAllocated(address(text)), false);
      assert.equal(pool.release(address(text)), false);
    }
    for (const text of hosts) assert.equal(pool.release(address(text)), true);
    assert.equal(pool.allocatedCount, 0);
    for (const text of hosts.toReversed()) pool.allocateSpecific(address(text));
    assert.throws(() => pool.allocate(), PoolExhaustedError);
  });
}

Deno.test("IpAllocator errors name the address, the pool and a stable code", () => {
  const pool = poolOf("10.0.0.0/30");
  pool.allocate();
  const cases = [
    ["10.0.0.1", "AddressTaken", "Cannot allocate 10.0.0.1: the address is taken"],
    ["10.0.0.0", "ReservedAddress", "Cannot allocate 10.0.0.0: it is the network address of 10.0.0.0/30"],
    ["10.0.0.3", "ReservedAddress", "Cannot allocate 10.0.0.3: it is the broadcast address of 10.0.0.0/30"],
    ["10.0.0.4", "OutOfRange", "Cannot allocate 10.0.0.4: it is not in 10.0.0.0/30"],
  ] as const;
  for (const [text, code, message] of cases) {
    assert.throws(() => pool.allocateSpecific(address(text)), { code, message });
  }
  pool.allocate();
  assert.throws(() => pool.allocate(), {
    code: "PoolExhausted",
    message: "Cannot allocate an address in 10.0.0.0/30: all 2 are taken",
  });
});

/** What the allocator must do, with one entry for each host. */
class NaivePool {
  readonly taken = new Set<string>();
  readonly #hosts: readonly string[];

  constructor(hosts: readonly string[]) {
    this.#hosts = hosts;
  }

  allocate(): string | undefined {
    const lowest = this.#hosts.find((host) => !this.taken.has(host));
    if (lowest !== undefined) this.taken.add(lowest);
    return lowest;
  }
}

const arbitraryStep = fc.oneof(
  { weight: 3, arbitrary: fc.record({ kind: fc.constant("allocate"), offset: fc.nat(20) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("allocateSpecific"), offset: fc.nat(20) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("release"), offset: fc.nat(20) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("restart"), offset: fc.nat(20) }) },
);

Deno.test("IpAllocator agrees with a list of all hosts, also across its state", () => {
  const cidrs = [
    "10.0.0.0/28",
    "10.0.0.16/30",
    "10.0.0.2/31",
    "10.0.0.1/32",
    "fd00::/124",
    "fd00::/127",
    "::/125",
  ];
  fc.assert(
    fc.property(fc.constantFrom(...cidrs), fc.array(arbitraryStep, { maxLength: 80 }), (text, steps) => {
      let pool = poolOf(text);
      const { cidr, leaderAddress, capacity } = pool;
      const at = (start: bigint, offset: number) => IpAddress.fromBigInt(start + BigInt(offset), cidr.family);
      const hosts = Array.from({ length: capacity }, (_, i) => at(leaderAddress.toBigInt(), i).toString());
      const naive = new NaivePool(hosts);
      for (const { kind, offset } of steps) {
        const target = at(cidr.network.toBigInt(), offset);
        const name = target.toString();
        switch (kind) {
          case "allocate": {
            const expected = naive.allocate();
            if (expected === undefined) assert.throws(() => pool.allocate(), PoolExhaustedError);
            else assert.equal(pool.allocate().toString(), expected);
            break;
          }
          case "allocateSpecific":
            if (!cidr.contains(target)) assert.throws(() => pool.allocateSpecific(target), OutOfRangeError);
            else if (!hosts.includes(name)) {
              assert.throws(() => pool.allocateSpecific(target), ReservedAddressError);
            } else if (naive.taken.has(name)) {
              assert.throws(() => pool.allocateSpecific(target), AddressTakenError);
            } else {
              pool.allocateSpecific(target);
              naive.taken.add(name);
            }
            break;
          case "release":
            assert.equal(pool.release(target), naive.taken.delete(name));
            break;
          case "restart":
            pool = IpAllocator.fromState(JSON.parse(JSON.stringify(pool.toState())));
            break;
        }
        assert.equal(pool.isAllocated(target), naive.taken.has(name));
        assert.equal(pool.allocatedCount, naive.taken.size);
      }
    }),
    { numRuns: 300 },
  );
});

Deno.test("IpAllocator.toState() keeps runs, not addresses", () => {
  const pool = poolOf("10.0.0.0/8");
  for (let i = 0; i < 1000; i++) pool.allocate();
  pool.release(address("10.0.1.0"));
  assert.deepEqual(pool.toState(), {
    cidr: "10.0.0.0/8",
    allocated: [["10.0.0.1", "10.0.0.255"], ["10.0.1.1", "10.0.3.232"]],
  });
});

Deno.test("IpAllocator.fromState() refuses what toState() never gives", () => {
  const run = (first: unknown, last: unknown) => ({ cidr: "10.0.0.0/24", allocated: [[first, last]] });
  const malformed: unknown[] = [
    undefined,
    null,
    7,
    "10.0.0.0/24",
    [],
    {},
    { cidr: "10.0.0.0/24" },
    { cidr: "10.0.0.0", allocated: [] },
    { cidr: "10.0.0.0/24", allocated: {} },
    { cidr: "10.0.0.0/24", allocated: ["10.0.0.1"] },
    { cidr: "10.0.0.0/24", allocated: [["10.0.0.1"]] },
    { cidr: "10.0.0.0/24", allocated: [["10.0.0.1", "10.0.0.2", "10.0.0.3"]] },
    { cidr: "10.0.0.0/24", allocated: [["10.0.0.5", "10.0.0.6"], ["10.0.0.1", "10.0.0.2"]] },
    { cidr: "10.0.0.0/24", allocated: [["10.0.0.1", "10.0.0.6"], ["10.0.0.6", "10.0.0.7"]] },
    run("10.0.0.2", "10.0.0.1"),
    run("10.0.0.0", "10.0.0.1"),
    run("10.0.0.254", "10.0.0.255"),
    run("10.0.1.1", "10.0.1.2"),
    run("::a00:1", "::a00:2"),
    run(1, 2),
    run("", ""),
    run("x".repeat(1_000_000), ""),
  ];
  for (const state of malformed) {
    assert.throws(() => IpAllocator.fromState(state), (error) => {
      assert.ok(error instanceof StateError);
      assert.ok(error.message.length < 200);
      return true;
    });
  }
});

Deno.test("IpAllocator fills, thins out and refills 60,000 addresses", () => {
  const pool = poolOf("10.0.0.0/8");
  for (let i = 1; i <= 60_000; i++) pool.allocate();
  const addressAt = (offset: number) => IpAddress.fromBigInt(0x0a000000n + BigInt(offset), 4);
  for (let offset = 2; offset <= 60_000; offset += 2) assert.equal(pool.release(addressAt(offset)), true);
  for (let offset = 2; offset <= 60_000; offset += 2) {
    assert.equal(pool.allocate().toBigInt(), 0x0a000000n + BigInt(offset));
  }
  assert.equal(pool.allocatedCount, 60_000);
  assert.equal(pool.toState().allocated.length, 1);
});

Deno.test("IpAllocator of an IPv6 /8 counts beyond the safe integers", () => {
  const pool = poolOf("fd00::/8");
  assert.equal(pool.capacity, 2 ** 120);
  assert.equal(pool.allocate().toString(), "fd00::1");
  pool.allocateSpecific(address("fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"));
  assert.equal(pool.allocate().toString(), "fd00::2");
  assert.equal(pool.allocatedCount, 3);
});

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
