/**
 * Tests of the indices of handshakes and sessions.
 * @module
 */

import assert from "node:assert/strict";
import { type RandomSource, SeededRandom } from "../base/mod.ts";
import { IndexTable } from "./index_table.ts";

Deno.test("IndexTable hands out unique indices and frees them", () => {
  const table = new IndexTable<number>(new SeededRandom(1));
  const indices = Array.from({ length: 1000 }, (_, i) => table.allocate(i));
  assert.equal(new Set(indices).size, 1000);
  assert.equal(table.size, 1000);
  indices.forEach((index, i) => assert.equal(table.get(index), i));
  for (const index of indices) table.release(index);
  for (const index of indices) table.release(index);
  assert.equal(table.size, 0);
  assert.equal(table.get(indices[0] ?? 0), undefined);
});

Deno.test("IndexTable.allocate() draws again when an index is taken", () => {
  const draws = [7, 7, 7, 9];
  const random: RandomSource = {
    fill(out) {
      out.fill(0);
      out[0] = draws.shift() ?? 0;
    },
  };
  const table = new IndexTable<string>(random);
  assert.equal(table.allocate("first"), 7);
  assert.equal(table.allocate("second"), 9);
  assert.equal(table.get(7), "first");
});

Deno.test("IndexTable.replace() changes what an index stands for", () => {
  const table = new IndexTable<string>(new SeededRandom(2));
  const index = table.allocate("handshake");
  table.replace(index, "session");
  assert.equal(table.get(index), "session");
  assert.equal(table.size, 1);
});
