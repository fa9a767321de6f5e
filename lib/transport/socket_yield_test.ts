import assert from "node:assert/strict";
import type { Timers } from "../base/mod.ts";
import { SocketYield } from "./socket_yield.ts";

const timers: Timers = {
  setTimer(delayMs, fire) {
    const timer = setTimeout(fire, delayMs);
    return () => clearTimeout(timer);
  },
};

Deno.test("SocketYield.yieldNow() lets every socket be read", async () => {
  const socketYield = new SocketYield(timers);
  await socketYield.yieldNow();
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  using near = await Deno.connect({ hostname: "127.0.0.1", port: listener.addr.port });
  using far = await listener.accept();
  const echo = async () => {
    const bytes = new Uint8Array(1);
    for (;;) {
      const length = await far.read(bytes);
      if (length === null) return;
      await far.write(bytes);
    }
  };
  const echoing = echo();
  let [answers, ended] = [0, false];
  const ask = async () => {
    const bytes = new Uint8Array(1);
    while (!ended) {
      await near.write(bytes);
      await near.read(bytes);
      answers++;
    }
  };
  const asking = ask();
  const turnsTaken = 200;
  for (let turn = 0; turn < turnsTaken; turn++) await socketYield.yieldNow();
  ended = true;
  await asking;
  near.closeWrite();
  await echoing;
  assert.ok(answers > turnsTaken / 4, `${answers} answers in ${turnsTaken} turns`);
  await socketYield.close();
});

Deno.test("SocketYield goes on after it was closed, and calls at the same time share one turn", async () => {
  const socketYield = new SocketYield(timers);
  const first = socketYield.yieldNow();
  assert.equal(socketYield.yieldNow(), first);
  await first;
  await socketYield.close();
  await socketYield.close();
  await socketYield.yieldNow();
});
