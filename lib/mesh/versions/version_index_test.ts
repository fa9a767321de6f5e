import assert from "node:assert/strict";
import fc from "fast-check";
import { decodeHex, encodeHex, type UnixMillis, unixMillis, utf8Bytes } from "../../base/mod.ts";
import { blake2s } from "../../crypto/mod.ts";
import type { Origin } from "../records/state_entry.ts";
import {
  bucketBounds,
  BucketPool,
  BUCKETS,
  FINGERPRINT_BYTES,
  type Versioned,
  VersionIndex,
} from "./version_index.ts";

const now = unixMillis(1000);
const nothing = { payload: new Uint8Array(0), signature: new Uint8Array(0) };

function origin(name: string): Origin {
  return encodeHex(blake2s(utf8Bytes(name)).subarray(0, 16)) as Origin;
}

function versioned(slot: string, version: number, expiresAt?: UnixMillis): Versioned {
  const mark = new DataView(blake2s(utf8Bytes(`${slot} ${version}`)).buffer).getBigUint64(0);
  return { slot, version, mark, isFinal: false, expiresAt, signed: nothing };
}

function all(index: VersionIndex, wall = now): [Origin, string[]][] {
  return [...index.range("0".repeat(32), "f".repeat(32), wall)]
    .map(({ origin, slots }) => [origin, slots.map(({ slot, version }) => `${slot}:${version}`)]);
}

Deno.test("VersionIndex agrees with a plain map, whatever is set and deleted", () => {
  const change = fc.tuple(fc.nat(20), fc.nat(3), fc.nat(3));
  fc.assert(fc.property(fc.array(change, { maxLength: 80 }), (changes) => {
    const index = new VersionIndex();
    const expected = new Map<Origin, Map<string, string>>();
    for (const [who, what, version] of changes) {
      const id = origin(`n${who}`);
      const slot = `s${what}`;
      const slots = expected.get(id) ?? new Map<string, string>();
      expected.set(id, slots);
      if (version === 0) {
        index.delete(id, slot);
        slots.delete(slot);
      } else {
        index.set(id, versioned(slot, version));
        slots.set(slot, `${slot}:${version}`);
      }
    }
    const plain = [...expected].filter(([, slots]) => slots.size > 0)
      .map(([id, slots]) => [id, [...slots.values()].sort()])
      .sort(([a = ""], [b = ""]) => a < b ? -1 : 1);
    assert.deepEqual(all(index), plain);
  }));
});

Deno.test("VersionIndex.digest() differs in the part of what differs, and nowhere else", () => {
  const [a, b] = [new VersionIndex(), new VersionIndex()];
  for (let i = 0; i < 200; i++) for (const index of [a, b]) index.set(origin(`${i}`), versioned("record", 1));
  assert.deepEqual(a.digest(now), b.digest(now));
  const changed = origin("77");
  b.set(changed, versioned("record", 2));
  const [ofA, ofB] = [a.digest(now), b.digest(now)];
  assert.equal(ofA.length, BUCKETS * FINGERPRINT_BYTES);
  const differing: number[] = [];
  for (let bucket = 0; bucket < BUCKETS; bucket++) {
    const at = bucket * FINGERPRINT_BYTES;
    const same = encodeHex(ofA.subarray(at, at + 8)) === encodeHex(ofB.subarray(at, at + 8));
    if (!same) differing.push(bucket);
  }
  assert.deepEqual(differing, [(decodeHex(changed)?.[0] ?? 0) >> 2]);
  const { first, last } = bucketBounds(differing[0] ?? assert.fail());
  assert.ok(first <= changed && changed <= last);
});

Deno.test("VersionIndex leaves out what has expired, and its node with its record", () => {
  const [index, without] = [new VersionIndex(), new VersionIndex()];
  const [a, b] = [origin("a"), origin("b")].sort() as [Origin, Origin];
  for (const each of [index, without]) each.set(b, versioned("statement", 1));
  index.set(a, versioned("record", 1, unixMillis(2000)));
  index.set(a, versioned("statement", 1));
  index.set(b, versioned("name/x", 1, unixMillis(3000)));
  const early = index.digest(now);
  assert.deepEqual(all(index), [[a, ["record:1", "statement:1"]], [b, ["name/x:1", "statement:1"]]]);
  assert.deepEqual(all(index, unixMillis(2000)), [[b, ["name/x:1", "statement:1"]]]);
  assert.deepEqual(index.of(a, unixMillis(2000)), []);
  assert.notDeepEqual(index.digest(unixMillis(2000)), early);
  assert.deepEqual(index.digest(unixMillis(3000)), without.digest(now));
  assert.deepEqual(index.digest(now), early, "a clock that is set back");
});

Deno.test("VersionIndex over a base is the same as one of its own, in whatever order, and shares what is alike", () => {
  const change = fc.record({ who: fc.nat(12), what: fc.nat(2), version: fc.nat(3), isFinal: fc.boolean() });
  const apply = (
    index: VersionIndex,
    { who, what, version, isFinal }: { who: number; what: number; version: number; isFinal: boolean },
  ) => {
    const id = origin(`n${who}`);
    if (version === 0) return index.delete(id, `s${what}`);
    // As of a payload, which names its origin: parts are told apart by the sum of their marks.
    const mark = new DataView(blake2s(utf8Bytes(`${who} ${what} ${version}`)).buffer).getBigUint64(0);
    index.set(id, { ...versioned(`s${what}`, version), mark, isFinal });
  };
  fc.assert(fc.property(fc.array(change), fc.array(change), (first, then) => {
    const [versions, plain, before] = [new VersionIndex(), new VersionIndex(), new VersionIndex()];
    for (const each of first) for (const index of [versions, plain, before]) apply(index, each);
    const pool = new BucketPool();
    const [a, b] = [new VersionIndex({ versions, pool }), new VersionIndex({ versions, pool })];
    for (const each of then) for (const index of [a, b, plain]) apply(index, each);
    for (const index of [a, b]) {
      assert.deepEqual(all(index), all(plain));
      assert.deepEqual(index.digest(now), plain.digest(now));
    }
    assert.deepEqual(all(versions), all(before), "the base is as it was");
    a.reset();
    assert.deepEqual(a.digest(now), before.digest(now));
  }));
});
