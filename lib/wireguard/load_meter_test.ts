/**
 * Tests of when a device is under load.
 * @module
 */

import assert from "node:assert/strict";
import { millis } from "../base/mod.ts";
import { LoadMeter } from "./load_meter.ts";

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
