import assert from "node:assert/strict";
import { millis } from "../../base/mod.ts";
import { CircuitBreaker } from "./circuit_breaker.ts";

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
