/**
 * What every store of parts and records does, whoever keeps it.
 * @module
 */

import assert from "node:assert/strict";
import {
  MAX_LOCKS_PER_ORIGIN,
  MAX_OPEN_PER_ORIGIN,
  MAX_PREPARED_BYTES,
  MAX_RESULT_BYTES,
} from "../bounds.ts";
import type { DataEngine, PrepareRequest, TransactionStore, Write } from "../engine.ts";
import { fails } from "./conformance.ts";

/** An engine that keeps parts and records. */
export type TransactionEngine = DataEngine & { readonly prepared: TransactionStore };

/** Where engines are opened that hold the same, one after the other. */
export interface TransactionHarness extends AsyncDisposable {
  /** As after a crash of the one that was opened before. */
  open(): Promise<TransactionEngine>;
}

const SPEC = { name: "orders", key: "id", index: [] };

function put(id: string | number, more: object = {}): Write {
  return { kind: "put", collection: "orders", value: { id, ...more } };
}

/** @returns a part of a transaction of ann, with its record at the same place */
export function part(
  id: string,
  writes: readonly Write[],
  more: Partial<PrepareRequest> = {},
): PrepareRequest {
  const commit = { reads: [], writes };
  return { id, attempt: `${id}-1`, origin: "ann", record: { collection: "orders" }, commit, ...more };
}

/** Registers the tests. */
export function testTransactionStore(
  name: string,
  setUp: () => Promise<TransactionHarness>,
  register: (name: string, run: () => Promise<void>) => void = Deno.test,
): void {
  register(
    `${name}: a part that is prepared keeps its keys from everybody, over a crash, until it has ended`,
    async () => {
      await using harness = await setUp();
      let engine = await harness.open();
      await engine.create(SPEC);
      await engine.commit({ reads: [], writes: [put(1), put(2)] });
      const [, second] = await engine.get("orders", ["1", "2"]);
      const read = { collection: "orders", key: "2", revision: second?.revision ?? 0 };
      const reads = [read];
      const request = part("t", [], { commit: { reads, writes: [put(1, { by: "t" })] } });
      assert.deepEqual(await engine.prepared.prepare("orders", request), { kind: "ready" });
      for (let life = 0; life < 2; life++) {
        assert.equal(await engine.prepared.isPrepared("orders", { id: "t", attempt: "t-1" }), true);
        assert.equal(await engine.prepared.isPrepared("orders", { id: "t", attempt: "t-2" }), false);
        await fails("Locked", engine.get("orders", ["1"]));
        assert.equal((await engine.get("orders", ["1"], true)).length, 1);
        assert.equal((await engine.get("orders", ["2"]))[0]?.key, "2");
        for (const id of [1, 2]) await fails("Locked", engine.commit({ reads: [], writes: [put(id)] }));
        await fails("Locked", engine.commit({ reads: [{ ...read, key: "1" }], writes: [] }));
        await engine.commit({ reads, writes: [put(3 + life)] });
        await fails("Locked", engine.prepared.prepare("orders", part("other", [put(2)])));
        // Another one reads what this one has read.
        engine = await harness.open();
      }
      assert.equal(
        await engine.prepared.finish("orders", { id: "t", attempt: "t-1" }, "committed", "ann"),
        "committed",
      );
      assert.deepEqual((await engine.get("orders", ["1"]))[0]?.value, { id: 1, by: "t" });
      assert.equal(await engine.prepared.isPrepared("orders", { id: "t", attempt: "t-1" }), false);
      assert.deepEqual(await engine.prepared.places(), []);
      // It has happened, whoever sends it, and as what.
      assert.equal((await engine.prepared.prepare("orders", part("t", [put(9)]))).kind, "committed");
      assert.equal(
        (await engine.commit({ id: "t", origin: "ann", reads: [], writes: [put(9)] })).isRepeated,
        true,
      );
      assert.equal(
        await engine.prepared.finish("orders", { id: "t", attempt: "t-1" }, "rolled-back"),
        "committed",
      );
    },
  );

  register(
    `${name}: what somebody else has prepared or opened, nobody ends who does not know its attempt, or is not its origin`,
    async () => {
      await using harness = await setUp();
      const engine = await harness.open();
      await engine.create(SPEC);
      const { prepared } = engine;
      const of = { id: "t", attempt: "t-1" };
      const places = [{ collection: "orders" }];
      await prepared.openRecord("orders", { ...of, origin: "ann", places });
      await prepared.prepare("orders", part("t", [put(1)]));
      assert.equal(await prepared.finish("orders", { ...of, attempt: "guessed" }, "committed"), undefined);
      await fails("Refused", prepared.finish("orders", of, "committed", "eve"));
      await fails("Refused", prepared.decide("orders", of, "eve"));
      assert.equal(await prepared.decide("orders", { ...of, attempt: "guessed" }, "ann"), "rolled-back");
      assert.equal(await prepared.outcome("orders", { ...of, attempt: "guessed" }), "rolled-back");
      await fails("Locked", prepared.openRecord("orders", { ...of, attempt: "t-2", origin: "eve", places }));
      assert.equal(await prepared.decide("orders", of, "ann", 7), "committed");
      assert.equal(await prepared.outcome("orders", of), "committed");
      const again = await prepared.openRecord("orders", { ...of, attempt: "t-2", origin: "ann", places });
      assert.deepEqual(again, { kind: "committed", result: 7 });
      await prepared.settle("orders", of, "ann");
      assert.deepEqual((await prepared.open("orders")).map(({ state }) => state), ["prepared"]);
      await prepared.finish("orders", of, "committed");
      await engine.close();
    },
  );

  register(`${name}: an id that a database does not keep as it is, is none, and locks nothing`, async () => {
    await using harness = await setUp();
    const engine = await harness.open();
    await engine.create(SPEC);
    for (const id of ["a\0b", "\ud800", ""]) {
      await fails("InvalidKey", engine.prepared.prepare("orders", part(id, [put(1)])));
      const record = { id, attempt: "1", origin: "ann", places: [{ collection: "orders" }] };
      await fails("InvalidKey", engine.prepared.openRecord("orders", record));
      await fails("InvalidKey", engine.commit({ id, reads: [], writes: [put(1)] }));
    }
    await engine.commit({ reads: [], writes: [put(1)] });
    assert.deepEqual(await engine.prepared.places(), []);
  });

  register(`${name}: a record keeps no longer result than any other commit`, async () => {
    await using harness = await setUp();
    const engine = await harness.open();
    await engine.create(SPEC);
    const of = { id: "t", attempt: "1" };
    const places = [{ collection: "orders" }];
    await engine.prepared.openRecord("orders", { ...of, origin: "ann", places });
    const long = "r".repeat(MAX_RESULT_BYTES);
    await fails("TooLarge", engine.prepared.decide("orders", of, "ann", long));
    assert.equal(await engine.prepared.decide("orders", of, "ann", long.slice(2)), "committed");
  });

  register(`${name}: a record that was asked before it was decided is rolled back, for good`, async () => {
    await using harness = await setUp();
    const engine = await harness.open();
    await engine.create(SPEC);
    const { prepared } = engine;
    const of = { id: "t", attempt: "t-1" };
    const places = [{ collection: "orders" }];
    await prepared.openRecord("orders", { ...of, origin: "ann", places });
    assert.equal(await prepared.outcome("orders", of), "rolled-back");
    assert.equal(await prepared.decide("orders", of, "ann"), "rolled-back");
    // One that was never opened, too.
    assert.equal(await prepared.decide("orders", { id: "u", attempt: "u-1" }, "ann"), "rolled-back");
    // The next attempt is another one.
    const next = { id: "t", attempt: "t-2" };
    await prepared.openRecord("orders", { ...next, origin: "ann", places });
    assert.equal(await prepared.decide("orders", next, "ann"), "committed");
    assert.equal(await prepared.outcome("orders", of), "rolled-back");
    assert.equal(await prepared.state("orders", "t"), "committed");
    await engine.close();
  });

  register(
    `${name}: nobody has more parts, keys or records open than so many, and others still have theirs`,
    async () => {
      await using harness = await setUp();
      const engine = await harness.open();
      await engine.create(SPEC);
      const { prepared } = engine;
      for (let n = 0; n < MAX_OPEN_PER_ORIGIN; n++) await prepared.prepare("orders", part(`t${n}`, [put(n)]));
      await fails("Locked", prepared.prepare("orders", part("more", [put("more")])));
      const keys = Array.from({ length: 1_000 }, (_, n) => put(`k${n}`));
      const parts = Math.floor(MAX_LOCKS_PER_ORIGIN / 1_000);
      for (let n = 0; n <= parts; n++) {
        const writes = keys.map((_, i) => put(`${n}-${i}`));
        const asked = prepared.prepare("orders", part(`b${n}`, writes, { origin: "bob" }));
        if (n < parts) await asked;
        else await fails("Locked", asked);
      }
      const places = [{ collection: "orders" }];
      for (let n = 0; n <= MAX_OPEN_PER_ORIGIN; n++) {
        const asked = prepared.openRecord("orders", { id: `r${n}`, attempt: `r${n}`, origin: "ann", places });
        if (n < MAX_OPEN_PER_ORIGIN) await asked;
        else await fails("Locked", asked);
      }
      await prepared.openRecord("orders", { id: "c", attempt: "c-1", origin: "carol", places });
      await prepared.prepare("orders", part("c", [put("c")], { origin: "carol" }));
      const long = put("long", { text: "x".repeat(MAX_PREPARED_BYTES) });
      await fails("TooLarge", prepared.prepare("orders", part("long", [long], { origin: "dan" })));
      await engine.close();
    },
  );
}
