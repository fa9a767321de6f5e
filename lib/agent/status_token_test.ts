import assert from "node:assert/strict";
import { MemoryStateStore, SeededRandom } from "../base/mod.ts";
import { StatusToken } from "./status_token.ts";

Deno.test("StatusToken draws a token on first need and keeps it over restarts", () => {
  const store = new MemoryStateStore();
  const token = new StatusToken(store, new SeededRandom(1));
  assert.equal(store.entries("status-token").length, 0);
  const text = token.current();
  assert.match(text, /^[A-Za-z0-9_-]{43}$/);
  assert.equal(new StatusToken(store, new SeededRandom(2)).current(), text);
  assert(token.matches(text));
  for (const wrong of ["", text.slice(1), `${text}x`]) assert(!token.matches(wrong));
});

Deno.test("StatusToken.renew() makes the former one good for nothing", () => {
  const token = new StatusToken(new MemoryStateStore(), new SeededRandom(1));
  const former = token.current();
  const session = token.sign("session");
  assert.notEqual(token.renew(), former);
  assert(!token.matches(former));
  assert.notEqual(token.sign("session"), session);
});

Deno.test("StatusToken takes one from a file, and refuses what is none without repeating it", () => {
  const store = new MemoryStateStore();
  const token = new StatusToken(store, new SeededRandom(1));
  token.use("  0123456789abcdef\n");
  assert.equal(token.current(), "0123456789abcdef");
  assert.equal(store.entries("status-token").length, 0);
  assert.throws(() => token.renew(), { code: "InvalidRequest" });
  for (const wrong of ["", "short", "0123456789 abcdef", "0123456789abcde\u00e9", "x".repeat(513)]) {
    assert.throws(() => token.use(wrong), (error: Error) => wrong === "" || !error.message.includes(wrong));
  }
  assert(token.matches("0123456789abcdef"));
});
