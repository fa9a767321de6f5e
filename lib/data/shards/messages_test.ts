import assert from "node:assert/strict";
import { MAX_TOLD_REVISION } from "../bounds.ts";
import { readPart } from "./messages.ts";

const change = (revision: number) => ({ revision, key: "a", at: 0 });
const commit = { id: "t", origin: "o", revision: 5, revisions: [5] };
const PART = { after: 3, position: 6, changes: [change(4), change(5), change(6)], commits: [commit] };

Deno.test("readPart() takes what is in order, and what only asks where somebody stands", () => {
  assert.deepEqual(readPart(PART), PART);
  const asks = { after: -1, position: -1, changes: [], commits: [] };
  assert.deepEqual(readPart(asks), asks);
});

Deno.test("readPart() refuses revisions that are none, out of order, or further than counters come", () => {
  for (
    const wrong of [
      { after: -2 },
      { position: 2 },
      { position: 2 ** 53 - 1, changes: [change(2 ** 53 - 1)] },
      { position: MAX_TOLD_REVISION + 1 },
      { changes: [change(3)] },
      { changes: [change(7)] },
      { changes: [change(5), change(4)] },
      { changes: [change(4), change(4)] },
      { commits: [{ ...commit, revision: 7 }] },
      { commits: [{ ...commit, revisions: [-1] }] },
      { commits: [{ ...commit, id: "x".repeat(1_000) }] },
      { commits: [{ ...commit, origin: "x".repeat(1_000) }] },
      { commits: [{ ...commit, result: "x".repeat(10_000) }] },
    ]
  ) {
    assert.equal(readPart({ ...PART, ...wrong }), undefined, JSON.stringify(wrong).slice(0, 80));
  }
});
