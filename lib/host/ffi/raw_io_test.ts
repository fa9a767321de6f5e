/**
 * Tests of calls on memory by address.
 * @module
 */

import assert from "node:assert/strict";
import { RawIo } from "./raw_io.ts";

Deno.test({
  name: "RawIo.now() is the time since the machine started, which goes on while it sleeps",
  ignore: Deno.build.os !== "linux",
  fn: () => {
    const io = RawIo.open();
    try {
      // In seconds with two decimals, by the same clock (proc_uptime(5)).
      const uptimeMs = () => Number(Deno.readTextFileSync("/proc/uptime").split(" ")[0]) * 1000;
      const [before, now, after] = [uptimeMs(), io.now(), uptimeMs()];
      assert.ok(now >= before - 1 && now <= after + 11, `${before} ${now} ${after}`);
      assert.ok(io.now() >= now);
    } finally {
      io.unload();
    }
  },
});
