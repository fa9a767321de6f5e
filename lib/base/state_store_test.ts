import assert from "node:assert/strict";
import { MemoryStateStore, StateError } from "./state_store.ts";
import { testStateStore } from "./testing/state_store_suite.ts";

testStateStore("MemoryStateStore", (body) => body(new MemoryStateStore()));

Deno.test("MemoryStateStore transactions do not slow down as it fills", () => {
  const store = new MemoryStateStore();
  for (let i = 0; i < 20_000; i++) {
    store.transaction(() => store.put("members", `node-${i}`, Uint8Array.of(i)));
  }
  assert.equal(store.entries("members").length, 20_000);
});

Deno.test("StateError carries its code, hint and cause", () => {
  const cause = new Error("disk full");
  const error = new StateError("Cannot write /var/lib/weft: the disk is full", {
    hint: "Free some space.",
    cause,
  });
  assert.equal(error.code, "State");
  assert.equal(error.name, "StateError");
  assert.equal(error.hint, "Free some space.");
  assert.equal(error.retryable, false);
  assert.equal(error.cause, cause);
  assert.equal("cause" in new StateError("Cannot write"), false);
});
