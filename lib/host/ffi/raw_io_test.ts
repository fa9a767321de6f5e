/**
 * Tests of calls on memory by address.
 * @module
 */

import assert from "node:assert/strict";
import { addressOf, RawIo } from "./raw_io.ts";
import { EPOLL, EPOLL_EVENT_BYTES, epollEvents, epollToken, POLLIN, writeEpollEvent } from "./structures.ts";
import { WakeUp } from "./wake_up.ts";

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

Deno.test({
  name:
    "RawIo.epollReady() tells which descriptors have something to read, by their tokens, and none that was removed",
  ignore: Deno.build.os !== "linux",
  fn: () => {
    const io = RawIo.open();
    const memory = new WebAssembly.Memory({ initial: 1, maximum: 1, shared: true });
    const view = new DataView(memory.buffer);
    const base = addressOf(memory);
    const wakeUps = [new WakeUp(), new WakeUp(), new WakeUp()];
    const epoll = io.epollCreate();
    const ready = () => {
      const count = io.epollReady(epoll, base, 8);
      return Array.from({ length: count }, (_, i) => {
        assert.equal(epollEvents(view, i * EPOLL_EVENT_BYTES), POLLIN);
        return epollToken(view, i * EPOLL_EVENT_BYTES);
      }).toSorted();
    };
    try {
      for (const [i, { fd }] of wakeUps.entries()) {
        writeEpollEvent(view, 256, 0xffff_fff0 + i);
        assert.equal(io.epollControl(epoll, EPOLL.ADD, fd, base + 256), 0);
      }
      assert.deepEqual(ready(), []);
      wakeUps[0]?.wake();
      wakeUps[2]?.wake();
      assert.deepEqual(ready(), [0xffff_fff0, 0xffff_fff2]);
      assert.equal(io.epollControl(epoll, EPOLL.REMOVE, wakeUps[0]?.fd ?? -1, base + 256), 0);
      assert.deepEqual(ready(), [0xffff_fff2]);
    } finally {
      io.close(epoll);
      for (const wakeUp of wakeUps) wakeUp.close();
      io.unload();
    }
  },
});
