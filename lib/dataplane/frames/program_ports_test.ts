import assert from "node:assert/strict";
import { VirtualClock, VirtualTimers } from "../../base/mod.ts";
import { ProgramPorts } from "./program_ports.ts";

const FRAME = new Uint8Array(60).fill(7);

Deno.test("ProgramPorts hands over frames in order, each in memory of its own", () => {
  const ports = new ProgramPorts(new VirtualTimers(new VirtualClock()), () => {});
  const got: Uint8Array[] = [];
  const id = ports.open((frame) => got.push(frame));
  ports.attach(5, id);
  const memory = new Uint8Array(100);
  for (let i = 0; i < 3; i++) {
    memory.fill(i);
    assert.ok(ports.push(5, memory, 10, 60));
  }
  memory.fill(99);
  assert.equal(got.length, 0);
  ports.deliver();
  assert.deepEqual(got.map((frame) => [frame.length, frame[0]]), [[60, 0], [60, 1], [60, 2]]);
});

Deno.test("ProgramPorts refuses what comes when 512 frames or 16 MiB wait", () => {
  const ports = new ProgramPorts(new VirtualTimers(new VirtualClock()), () => {});
  for (const port of [1, 2]) ports.attach(port, ports.open(() => {}));
  const accepted = Array.from({ length: 600 }, () => ports.push(1, FRAME, 0, FRAME.length));
  assert.equal(accepted.filter((taken) => taken).length, 512);
  const large = new Uint8Array(65_000);
  const bytes = Array.from({ length: 512 }, () => ports.push(2, large, 0, large.length));
  assert.equal(bytes.filter((taken) => taken).length, Math.floor(((16 << 20) - 512 * 60) / 65_000));
  ports.deliver();
  assert.ok(ports.push(1, FRAME, 0, FRAME.length));
});

Deno.test("ProgramPorts ends a turn though two programs answer each other for ever", () => {
  const timers = new VirtualTimers(new VirtualClock());
  let answers = 0;
  const ports: ProgramPorts = new ProgramPorts(timers, (port, frame) => {
    ports.push(3 - port, frame, 0, frame.length);
    ports.deliver();
  });
  const ids = [0, 0].map(() => 0);
  for (const port of [1, 2]) {
    const id = ids[port - 1] = ports.open((frame) => {
      answers++;
      if (answers < 10_000) ports.send(ids[port - 1] ?? 0, frame);
    });
    ports.attach(port, id);
  }
  ports.push(1, FRAME, 0, FRAME.length);
  ports.deliver();
  assert.ok(answers > 0 && answers < 1_000, `${answers} in one turn`);
  for (let turn = 0; turn < 100 && answers < 10_000; turn++) timers.advance(1);
  assert.equal(answers, 10_000);
});

Deno.test("ProgramPorts delivers nothing after close, and a program that closes in its handler hears no more", () => {
  const ports = new ProgramPorts(new VirtualTimers(new VirtualClock()), () => {});
  let got = 0;
  const id = ports.open(() => {
    got++;
    ports.close(id);
  });
  ports.attach(1, id);
  for (let i = 0; i < 3; i++) ports.push(1, FRAME, 0, FRAME.length);
  ports.deliver();
  assert.equal(got, 1);
  assert.equal(ports.push(1, FRAME, 0, FRAME.length), false);
  assert.equal(ports.send(id, FRAME), false);
  assert.throws(() => ports.attach(2, id), RangeError);
});

Deno.test("ProgramPorts carries on when a program throws, and throws that by itself", () => {
  const timers = new VirtualTimers(new VirtualClock());
  const ports = new ProgramPorts(timers, () => {});
  const heard: number[] = [];
  const failing = ports.open(() => {
    throw new Error("not mine");
  });
  ports.attach(1, failing);
  ports.attach(2, ports.open((frame) => heard.push(frame.length)));
  for (const port of [1, 2]) assert.ok(ports.push(port, FRAME, 0, FRAME.length));
  ports.deliver();
  assert.deepEqual(heard, [60]);
  assert.throws(() => timers.advance(1), /not mine/);
});
