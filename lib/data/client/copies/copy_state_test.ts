import assert from "node:assert/strict";
import { fails } from "../../testing/conformance.ts";
import { CopyRoom, type CopyRow, CopyState } from "./copy_state.ts";

const row = (key: string, revision: number, size = 10): CopyRow => ({
  key,
  revision,
  size,
  value: { id: key, revision },
});
const shown = ({ rows }: CopyState) => rows && [...rows].map(([key, { revision }]) => `${key}@${revision}`);

/** Filled with `a` at revision 1 and `b` at 2, as of time 100. */
function filled(room = new CopyRoom(100, 1_000)): CopyState {
  const state = new CopyState(room);
  assert.equal(state.handleOpened({ revision: 2, at: 20, rights: "r" }), "fill");
  state.handlePage([row("a", 1), row("b", 2)]);
  state.handleListed();
  state.handleState(100, state.position, 2);
  return state;
}

Deno.test("a copy shows nothing until its position is where the owner was after the last page", () => {
  const state = new CopyState(new CopyRoom(100, 1_000));
  assert.equal(state.resumeAfter, undefined);
  assert.equal(state.handleOpened({ revision: 2, at: 20 }), "fill");
  state.handlePage([row("a", 1)]);
  state.handleState(90, 2, 2);
  assert.equal(shown(state), undefined, "there may be other pages");
  state.handlePage([row("b", 4)]);
  state.handleListed();
  assert.equal(shown(state), undefined, "what was asked before says nothing");
  state.handleState(100, 2, 4);
  assert.equal(shown(state), undefined, "the change of revision 3 is not there");
  state.handleChange({ revision: 3, key: "a", row: row("a", 3) }, 30);
  assert.equal(shown(state), undefined);
  state.handleChange({ revision: 4, key: "b", row: row("b", 4) }, 40);
  assert.deepEqual(shown(state), ["a@3", "b@4"]);
  assert.equal(state.asOf, 100);
});

Deno.test("a page that was read before a change comes too late to undo it", () => {
  const state = new CopyState(new CopyRoom(100, 1_000));
  state.handleOpened({ revision: 2, at: 20 });
  state.handleChange({ revision: 3, key: "a", row: undefined }, 30);
  state.handleChange({ revision: 4, key: "b", row: row("b", 4) }, 40);
  state.handlePage([row("a", 1), row("b", 2), row("c", 9)]);
  state.handleChange({ revision: 5, key: "c", row: row("c", 5) }, 50);
  state.handleListed();
  state.handleState(100, 5, 9);
  state.handleProgress({ revision: 9, at: 90 });
  assert.deepEqual(shown(state), ["b@4", "c@9"]);
});

Deno.test("a copy is as old as the question whose answer it has reached, by the reader's clock", () => {
  const state = filled();
  assert.equal(state.asOf, 100);
  state.handleState(200, 2, 3);
  state.handleState(300, 2, 4);
  assert.equal(state.asOf, 100, "it is behind");
  state.handleChange({ revision: 3, key: "c", row: row("c", 3) }, 30);
  assert.equal(state.asOf, 200);
  state.handleState(400, 3, 4);
  state.handleState(500, 3, 4);
  state.handleProgress({ revision: 4, at: 40, rights: "r" });
  assert.equal(state.asOf, 500);
});

Deno.test("a copy goes on from its revision where that is the same change as before, and is filled anew elsewhere", () => {
  const cases = [
    ["the same", { revision: 2, at: 20, rights: "r" }, "resumed"],
    ["another history", { revision: 2, at: 21, rights: "r" }, "reopen"],
    ["a change that is not kept", { revision: 2, rights: "r" }, "reopen"],
    ["other rights", { revision: 2, at: 20, rights: "s" }, "reopen"],
  ] as const;
  for (const [name, place, expected] of cases) {
    const state = filled();
    state.handleLost();
    assert.equal(state.resumeAfter, 2);
    assert.equal(state.handleOpened(place), expected, name);
    assert.equal(state.resumeAfter, expected === "resumed" ? 2 : undefined);
    assert.deepEqual(shown(state), ["a@1", "b@2"], "what is shown stays until it is replaced as a whole");
  }
  const empty = new CopyState(new CopyRoom(1, 1));
  empty.handleOpened({ revision: 0 });
  empty.handleListed();
  empty.handleState(1, 0, 0);
  empty.handleLost();
  assert.equal(empty.handleOpened({ revision: 0 }), "resumed", "before the first change nothing can differ");
});

Deno.test("a copy that is filled anew shows the old whole, and then the new one", () => {
  const state = filled();
  state.handleProgress({ revision: 3, at: 30, rights: "other" });
  assert.ok(state.needsFill);
  state.handleState(150, 3, 3);
  assert.equal(state.asOf, 100, "with other rights it is no newer");
  state.handleOpened({ revision: 3, at: 30, rights: "other" });
  state.handlePage([row("b", 2)]);
  state.handleLost();
  assert.ok(state.needsFill, "half a fill is nothing to go on from");
  state.handleOpened({ revision: 3, at: 30, rights: "other" });
  state.handlePage([row("b", 2)]);
  assert.deepEqual(shown(state), ["a@1", "b@2"]);
  state.handleListed();
  state.handleState(200, 3, 3);
  assert.deepEqual(shown(state), ["b@2"]);
});

Deno.test("an owner whose revisions have gone back has everything read anew; an answer that was under way has not", () => {
  const state = filled();
  const position = state.position;
  state.handleChange({ revision: 3, key: "c", row: row("c", 3) }, 30);
  state.handleState(200, position, 2);
  assert.ok(!state.needsFill);
  state.handleState(300, state.position, 1);
  assert.ok(state.needsFill);
});

Deno.test("a copy has as much as its room, over fills and losses", async () => {
  const room = new CopyRoom(3, 30);
  const state = filled(room);
  const full = () =>
    Promise.resolve().then(() => state.handleChange({ revision: 9, key: "e", row: row("e", 9) }, 9));
  for (let i = 0; i < 5; i++) {
    state.handleState(200, state.position, 0);
    state.handleOpened({ revision: 2, at: 20, rights: "r" });
    state.handlePage([row("a", 1), row("b", 2)]);
    if (i % 2 === 0) state.handleLost();
  }
  state.handleOpened({ revision: 2, at: 20, rights: "r" });
  state.handlePage([row("a", 1), row("b", 2), row("c", 2)]);
  state.handleListed();
  state.handleState(300, 2, 2);
  assert.deepEqual(shown(state), ["a@1", "b@2", "c@2"]);
  await fails("TooLarge", full());
  state.empty();
  assert.equal(shown(state), undefined);
  room.take(3, 30);
  assert.throws(() => room.take(0, 1), { code: "TooLarge" });
});
