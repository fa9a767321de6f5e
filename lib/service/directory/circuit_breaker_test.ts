import assert from "node:assert/strict";
import { millis } from "../../base/mod.ts";
import { ActionBreakers, CircuitBreaker } from "./circuit_breaker.ts";

Deno.test("CircuitBreaker opens after failures in a row, and a success starts the count anew", () => {
  const breaker = new CircuitBreaker({ failureThreshold: 3 });
  for (const outcome of ["failure", "failure", "success", "failure", "failure"]) {
    if (outcome === "success") breaker.handleSuccess();
    else breaker.handleFailure(millis(0));
    assert.equal(breaker.state(millis(0)), "closed", outcome);
  }
  breaker.handleFailure(millis(0));
  assert.equal(breaker.state(millis(9_999)), "open");
  assert.equal(breaker.allows(millis(9_999)), false);
});

Deno.test("CircuitBreaker lets one call through when it is half open, and opens again when that fails", () => {
  const breaker = new CircuitBreaker({ failureThreshold: 1, openMs: 100 });
  breaker.handleFailure(millis(0));
  assert.equal(breaker.state(millis(100)), "half-open");
  assert.equal(breaker.allows(millis(100)), true);
  assert.equal(breaker.allows(millis(101)), false, "one trial at a time");
  breaker.handleFailure(millis(150));
  assert.equal(breaker.allows(millis(249)), false);
  assert.equal(breaker.allows(millis(250)), true);
  breaker.handleSuccess();
  assert.equal(breaker.allows(millis(251)), true);
  assert.equal(breaker.allows(millis(251)), true);
});

Deno.test("CircuitBreaker forgets a trial that nobody reported", () => {
  const breaker = new CircuitBreaker({ failureThreshold: 1, openMs: 100 });
  breaker.handleFailure(millis(0));
  assert.equal(breaker.allows(millis(100)), true);
  assert.equal(breaker.allows(millis(199)), false);
  assert.equal(breaker.allows(millis(200)), true);
});

Deno.test("CircuitBreaker rejects an invalid threshold or time", () => {
  assert.throws(() => new CircuitBreaker({ failureThreshold: 0 }), RangeError);
  assert.throws(() => new CircuitBreaker({ openMs: NaN }), RangeError);
});

Deno.test("ActionBreakers spares the action that times out, and no other", () => {
  const breakers = new ActionBreakers({ failureThreshold: 2 });
  for (let i = 0; i < 2; i++) {
    breakers.handleFailure("slow", "Timeout", millis(0));
    breakers.handleSuccess("quick");
  }
  assert.deepEqual(["slow", "quick"].map((action) => breakers.state(action, millis(0))), ["open", "closed"]);
  assert.deepEqual([breakers.allows("slow", millis(0)), breakers.allows("quick", millis(0))], [false, true]);
  assert.equal(breakers.open(millis(0)), 1);
  assert.equal(breakers.allows("slow", millis(10_000)), true);
  breakers.handleSuccess("slow");
  assert.equal(breakers.open(millis(10_000)), 0);
});

Deno.test("ActionBreakers takes any success of a node for a sign that it is there and has room", () => {
  const breakers = new ActionBreakers({ failureThreshold: 1 });
  for (const code of ["Overloaded", "Unreachable", "OutcomeUnknown"]) {
    breakers.handleFailure("a", code, millis(0));
    assert.equal(breakers.state("a", millis(0)), "open", code);
    breakers.handleSuccess("b");
    assert.equal(breakers.state("a", millis(0)), "closed", code);
  }
});

Deno.test("ActionBreakers counts what it is told to count", () => {
  const breakers = new ActionBreakers({ failureThreshold: 1, counts: ["Unreachable"] });
  breakers.handleFailure("a", "Timeout", millis(0));
  assert.equal(breakers.state("a", millis(0)), "closed");
  breakers.handleFailure("a", "Unreachable", millis(0));
  assert.equal(breakers.state("a", millis(0)), "open");
  const never = new ActionBreakers({ failureThreshold: Infinity });
  for (let i = 0; i < 1_000; i++) never.handleFailure("a", "Timeout", millis(0));
  assert.equal(never.open(millis(0)), 0);
  assert.throws(() => new ActionBreakers({ failureThreshold: 0.5 }), RangeError);
});

Deno.test("ActionBreakers is bounded, however many actions fail", () => {
  const breakers = new ActionBreakers({ failureThreshold: 1 });
  for (let i = 0; i < 10_000; i++) breakers.handleFailure(`a${i}`, "Timeout", millis(0));
  assert.equal(breakers.open(millis(0)), 257);
  assert.equal(breakers.state("another", millis(0)), "open", "those beyond the bound share one");
});
