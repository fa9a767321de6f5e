/**
 * What every StateStore must do; the tests of each implementation call it.
 * @module
 */

import assert from "node:assert/strict";
import fc from "fast-check";
import { utf8Bytes } from "../bytes.ts";
import type { StateStore } from "../state_store.ts";

/**
 * Registers the suite.
 * @param name the class under test
 * @param use opens an empty store, hands it to `body`, and closes it, also when `body` throws
 */
export function testStateStore(name: string, use: (body: (store: StateStore) => void) => void): void {
  const one = utf8Bytes("one");
  const two = utf8Bytes("two");
  const test = (what: string, body: (store: StateStore) => void) =>
    Deno.test(`${name} ${what}`, () => use(body));

  test("gives back what was put, and nothing else", (store) => {
    assert.equal(store.get("a", "key"), undefined);
    store.put("a", "key", one);
    assert.deepEqual(store.get("a", "key"), one);
    assert.equal(store.get("b", "key"), undefined);
    assert.equal(store.get("a", "KEY"), undefined);
    store.put("a", "key", two);
    assert.deepEqual(store.get("a", "key"), two);
    store.delete("a", "key");
    store.delete("a", "key");
    store.delete("c", "key");
    assert.equal(store.get("a", "key"), undefined);
    assert.deepEqual(store.entries("a"), []);
  });

  test("keeps any collection, key and value apart", (store) => {
    const names = [
      "",
      " ",
      "a",
      "A",
      "__proto__",
      "constructor",
      "a'; drop table x; --",
      "%",
      "_",
      "é",
      "e\u0301",
      "😀",
    ];
    for (const [i, collection] of names.entries()) {
      for (const [j, key] of names.entries()) store.put(collection, key, Uint8Array.of(i, j, 0, 255));
    }
    store.put("sizes", "empty", new Uint8Array(0));
    store.put("sizes", "large", new Uint8Array(1 << 20).fill(7));
    for (const [i, collection] of names.entries()) {
      for (const [j, key] of names.entries()) {
        assert.deepEqual(store.get(collection, key), Uint8Array.of(i, j, 0, 255));
      }
      assert.equal(store.entries(collection).length, names.length);
    }
    assert.deepEqual(store.get("sizes", "empty"), new Uint8Array(0));
    assert.equal(store.get("sizes", "large")?.length, 1 << 20);
  });

  test("copies values on the way in and out", (store) => {
    const backing = Uint8Array.of(9, 1, 2, 9);
    const value = backing.subarray(1, 3);
    store.put("a", "key", value);
    value.fill(0);
    store.get("a", "key")?.fill(0);
    store.entries("a")[0]?.[1].fill(0);
    assert.deepEqual(store.get("a", "key"), Uint8Array.of(1, 2));
    assert.deepEqual(store.entries("a"), [["key", Uint8Array.of(1, 2)]]);
  });

  test("lists entries in ascending order of UTF-16 code units", (store) => {
    // UTF-8 and UTF-16 order the last two differently.
    const keys = ["", "1", "10", "2", "A", "a", "aa", "b", "😀", "～"];
    for (const key of keys.toReversed()) store.put("a", key, one);
    assert.deepEqual(store.entries("a").map(([key]) => key), keys);
  });

  test("undoes a transaction that throws, and passes on what it threw", (store) => {
    store.put("a", "kept", one);
    store.put("a", "deleted", one);
    const reason = new Error("stop");
    assert.throws(() =>
      store.transaction(() => {
        store.put("a", "kept", two);
        store.put("a", "kept", new Uint8Array(0));
        store.delete("a", "deleted");
        store.put("a", "added", two);
        store.put("b", "added", two);
        assert.equal(store.get("a", "kept")?.length, 0);
        assert.deepEqual(store.entries("a").map(([key]) => key), ["added", "kept"]);
        throw reason;
      }), (error) => error === reason);
    assert.deepEqual(store.entries("a"), [["deleted", one], ["kept", one]]);
    assert.deepEqual(store.entries("b"), []);
    assert.equal(store.transaction(() => 7), 7);
  });

  test("makes a nested transaction part of the outer one", (store) => {
    assert.throws(() =>
      store.transaction(() => {
        store.transaction(() => store.put("a", "inner", one));
        store.put("a", "after", one);
        throw new Error("stop");
      })
    );
    assert.deepEqual(store.entries("a"), []);
  });

  test("undoes only the nested transaction when the outer one goes on", (store) => {
    store.transaction(() => {
      store.put("a", "before", one);
      assert.throws(() =>
        store.transaction(() => {
          store.put("a", "before", two);
          store.put("a", "inner", two);
          throw new Error("stop");
        })
      );
      store.put("a", "after", one);
    });
    assert.deepEqual(store.entries("a"), [["after", one], ["before", one]]);
  });

  test("agrees with plain maps", (store) => {
    const key = fc.constantFrom("a", "b", "c");
    const write = fc.record({ key, value: fc.option(fc.uint8Array({ maxLength: 3 }), { nil: undefined }) });
    const transaction = fc.record({ writes: fc.array(write, { maxLength: 4 }), fails: fc.boolean() });
    let run = 0;
    fc.assert(
      fc.property(fc.array(transaction, { maxLength: 8 }), (transactions) => {
        const collection = `run ${run++}`;
        let model = new Map<string, Uint8Array>();
        for (const { writes, fails } of transactions) {
          const after = new Map(model);
          const body = () => {
            for (const { key, value } of writes) {
              if (value === undefined) store.delete(collection, key);
              else store.put(collection, key, value);
              if (value === undefined) after.delete(key);
              else after.set(key, value);
            }
            if (fails) throw new Error("stop");
          };
          if (fails) assert.throws(() => store.transaction(body), { message: "stop" });
          else store.transaction(body);
          if (!fails) model = after;
          const expected = [...model].sort(([a], [b]) => a < b ? -1 : 1);
          assert.deepEqual(store.entries(collection), expected);
        }
      }),
      { numRuns: 30 },
    );
  });
}
