import assert from "node:assert/strict";
import type { Timers } from "../base/mod.ts";
import { SocketYield } from "./socket_yield.ts";

const timers: Timers = {
  setTimer(delayMs, fire) {
    const timer = setTimeout(fire, delayMs);
    return () => clearTimeout(timer);
  },
};

Deno.test("SocketYield lets every socket be heard between two turns", async () => {
  const turns = new SocketYield(timers);
  await turns.next();
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
  for (let turn = 0; turn < turnsTaken; turn++) await turns.next();
  ended = true;
  await asking;
  near.closeWrite();
  await echoing;
  assert.ok(answers > turnsTaken / 4, `${answers} answers in ${turnsTaken} turns`);
  await turns.close();
});

Deno.test("SocketYield go on after they were closed, and whoever asks at once shares one", async () => {
  const turns = new SocketYield(timers);
  const first = turns.next();
  assert.equal(turns.next(), first);
  await first;
  await turns.close();
  await turns.close();
  await turns.next();
});
