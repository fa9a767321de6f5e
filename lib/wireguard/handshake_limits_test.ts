import assert from "node:assert/strict";
import { millis } from "../base/mod.ts";
import { IpAddress } from "../net/mod.ts";
import { LoadMeter, RateLimiter } from "./handshake_limits.ts";

Deno.test("LoadMeter.note() is calm at its limit, for as long as it lasts", () => {
  const meter = new LoadMeter(10);
  for (let nowMs = 0; nowMs < 60_000; nowMs += 100) assert.equal(meter.note(millis(nowMs)), false);
});

Deno.test("LoadMeter.note() is under load beyond its limit, until a second after", () => {
  const meter = new LoadMeter(10);
  for (let i = 0; i < 10; i++) assert.equal(meter.note(millis(5000)), false);
  assert.equal(meter.note(millis(5400)), true);
  assert.equal(meter.note(millis(6399)), true);
  assert.equal(meter.note(millis(6400)), false);
});

Deno.test("LoadMeter.note() stays under load while the flood goes on", () => {
  const meter = new LoadMeter(10);
  for (let nowMs = 0; nowMs < 11 * 20; nowMs += 20) meter.note(millis(nowMs));
  for (let nowMs = 220; nowMs < 60_000; nowMs += 20) {
    assert.equal(meter.note(millis(nowMs)), true, `${nowMs}`);
  }
});

function address(text: string): IpAddress {
  const parsed = IpAddress.parse(text);
  assert.ok(parsed !== undefined, text);
  return parsed;
}

/** @returns how many of `count` packets at `nowMs` are allowed */
function allowed(limiter: RateLimiter, nowMs: number, source: IpAddress, count: number): number {
  let total = 0;
  for (let i = 0; i < count; i++) if (limiter.allows(millis(nowMs), source)) total++;
  return total;
}

Deno.test("RateLimiter.allows() lets five through at once and one more each 50 ms", () => {
  const limiter = new RateLimiter();
  const source = address("192.0.2.1");
  assert.equal(allowed(limiter, 5000, source, 100), 5);
  assert.equal(allowed(limiter, 5049, source, 100), 0);
  assert.equal(allowed(limiter, 5050, source, 100), 1);
  assert.equal(allowed(limiter, 5200, source, 100), 3);
  assert.equal(allowed(limiter, 9000, source, 100), 5);
});

Deno.test("RateLimiter.allows() lets 20 a second through over a long time", () => {
  const limiter = new RateLimiter();
  const source = address("192.0.2.1");
  let total = 0;
  for (let nowMs = 0; nowMs < 60_000; nowMs += 7) total += allowed(limiter, nowMs, source, 1);
  assert.ok(total >= 1195 && total <= 1206, `${total}`);
});

Deno.test("RateLimiter.allows() counts IPv4 addresses apart and an IPv6 /64 as one", () => {
  const limiter = new RateLimiter();
  assert.equal(allowed(limiter, 0, address("192.0.2.1"), 9), 5);
  assert.equal(allowed(limiter, 0, address("192.0.2.2"), 9), 5);
  assert.equal(allowed(limiter, 0, address("2001:db8::1"), 9), 5);
  assert.equal(allowed(limiter, 0, address("2001:db8::2"), 9), 0);
  assert.equal(allowed(limiter, 0, address("2001:db8:0:1::1"), 9), 5);
});

Deno.test("RateLimiter.allows() remembers 8,192 addresses and forgets those that fell silent", () => {
  const limiter = new RateLimiter();
  const fresh = (i: number) => IpAddress.fromBytes(Uint8Array.of(10, i >> 16, (i >> 8) & 255, i & 255));
  for (let i = 0; i < 8192; i++) assert.ok(limiter.allows(millis(100), fresh(i)));
  assert.equal(limiter.allows(millis(100), fresh(8192)), false);
  assert.ok(limiter.allows(millis(100), fresh(0)), "who is known is not hurt by the crowd");
  assert.ok(limiter.allows(millis(1101), fresh(8192)));
});
