import assert from "node:assert/strict";
import { millis } from "../base/mod.ts";
import { Moves } from "./moves.ts";

Deno.test("Moves tells of a move for three seconds, by another number each time", () => {
  const moves = new Moves();
  assert.equal(moves.told(millis(0)), 0);
  const told: number[] = [];
  for (let i = 0; i < 300; i++) {
    moves.begin(millis(i * 10));
    told.push(moves.told(millis(i * 10)));
    assert.notEqual(told.at(-1), told.at(-2));
  }
  assert.deepEqual([new Set(told).size, Math.min(...told), Math.max(...told)], [255, 1, 255]);
  assert.equal(moves.told(millis(2_990 + 3_000)), 0);
});

Deno.test("Moves takes each move of a member as news once, and no more than five a second", () => {
  const moves = new Moves();
  assert.equal(moves.isNews(millis(0), 0), false);
  assert.equal(moves.isNews(millis(0), 1), true);
  assert.equal(moves.isNews(millis(900), 1), false);
  assert.equal(moves.isNews(millis(1_000), 2), true);
  assert.equal(moves.isNews(millis(1_100), 3), false, "too soon");
  assert.equal(moves.isNews(millis(1_200), 3), true);
  let count = 0;
  for (let ms = 2_000; ms < 12_000; ms++) if (moves.isNews(millis(ms), ms % 255 + 1)) count++;
  assert.ok(count <= 50 && count > 40, `${count}`);
  // The member was started anew, long after.
  assert.equal(moves.isNews(millis(30_000), 12), true);
  assert.equal(moves.isNews(millis(40_000), 12), true);
});
