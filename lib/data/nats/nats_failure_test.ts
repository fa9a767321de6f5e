import assert from "node:assert/strict";
import { isRefusal, reasonOf, refusal } from "./nats_failure.ts";

/** An answer of the API, as the client throws it. */
function answer(code: number): Error {
  return Object.assign(new Error(`answer ${code}`), { apiError: {}, code });
}

Deno.test("isRefusal() is no word of a server that has no majority, or is one of many that are asked too much", () => {
  const cases: readonly (readonly [string, number, boolean])[] = [
    ["the cluster has no leader", 10008, false],
    ["it is no leader any more", 10009, false],
    ["the message of that name is on its way to the others", 10158, false],
    ["too many messages wait", 10167, false],
    ["the stream is full", 10077, true],
    ["the message is too long", 10054, true],
    ["the stream is sealed", 10109, true],
  ];
  for (const [what, code, expected] of cases) assert.equal(isRefusal(answer(code)), expected, what);
  assert.equal(isRefusal(new Error("timeout")), false);
  assert.equal(refusal(answer(10077)).code, "DiskFull");
  assert.equal(refusal(answer(10109)).code, "Failed");
});

Deno.test("reasonOf() says which name can't be found", () => {
  for (const code of ["EAI_AGAIN", "ENOTFOUND"]) {
    const error = Object.assign(new Error(`getaddrinfo ${code} nats.example`), { code });
    assert.equal(reasonOf(error), "the name nats.example can't be found");
  }
});
