/**
 * Tests of ports whose frames come by a descriptor.
 * @module
 */

import assert from "node:assert/strict";
import { openSocketPair } from "../../host/mod.ts";
import type { PortEvent } from "./frame_plane.ts";
import { PortableFrames } from "./portable_frames.ts";
import { frameOf } from "./testing/frame_plane_suite.ts";

const WIRE = {
  driver: "vxlan",
  identifier: 1,
  options: {},
  mtuBytes: 1400,
  underlay: { kind: "mesh" },
} as const;

/** A plane with a network of two local ports: a descriptor, which is port 1, and a program, port 2. */
function planeWith(fd: number) {
  const events: PortEvent[] = [];
  const heard: Uint8Array[] = [];
  let wake = () => {};
  const plane = new PortableFrames({
    onPortEvent: (event) => {
      events.push(event);
      wake();
    },
  });
  plane.setNetwork({ network: 1, name: "blue", ...WIRE });
  const offloads = { tso: false, uso: false };
  const device = { kind: "descriptor", fd, hasHeader: false, offloads, of: "socket-pair" } as const;
  plane.setPort({ port: 1, network: 1, name: "tap", allowsForeign: false, device });
  const id = plane.programs.open((frame) => {
    heard.push(frame);
    wake();
  });
  const program = { kind: "program", id } as const;
  plane.setPort({ port: 2, network: 1, name: "program", allowsForeign: false, device: program });
  for (const port of [1, 2]) {
    const binding = { mac: `02:00:00:00:00:0${port}`, addresses: [`10.0.0.${port}`] };
    plane.setBinding({ network: 1, port, ...binding });
  }
  const until = async (condition: () => boolean) => {
    while (!condition()) await new Promise<void>((resolve) => wake = resolve);
  };
  return { plane, events, heard, id, until };
}

Deno.test("PortableFrames carries frames between a descriptor and a program of one host", async () => {
  using pair = openSocketPair();
  const [own, other] = pair.ends;
  const { plane, events, heard, id, until } = planeWith(own.fd);
  other.libc.write(other.fd, frameOf(0, 1, 5));
  const hasMark = (mark: number) => heard.some((frame) => frame.at(-1) === mark);
  await until(() => hasMark(5));
  assert.ok(plane.programs.send(id, frameOf(1, 0, 6)));
  const read = new Uint8Array(2_000);
  let length = 0;
  // What the switch says itself, such as whose addresses are where, comes first.
  do length = other.libc.read(other.fd, read); while (length > 0 && read[length - 1] !== 6);
  assert.equal(length, 60);
  plane.removePort(1);
  await until(() => events.some(({ kind }) => kind === "port-released"));
  assert.deepEqual(events, [{ kind: "port-released", port: 1 }]);
  plane.close();
});

Deno.test("PortableFrames says that a device is gone, and that its port is released when it is removed", async () => {
  using pair = openSocketPair();
  const [own, other] = pair.ends;
  const { plane, events, until } = planeWith(own.fd);
  other.close();
  await until(() => events.length > 0);
  assert.deepEqual(events, [{ kind: "port-gone", port: 1 }]);
  plane.removePort(1);
  assert.deepEqual(events.slice(1), [{ kind: "port-released", port: 1 }]);
  plane.close();
});

Deno.test("PortableFrames refuses a descriptor whose frames have virtio headers", () => {
  const plane = new PortableFrames({ onPortEvent: () => {} });
  plane.setNetwork({ network: 1, name: "blue", ...WIRE });
  const offloads = { tso: true, uso: true };
  const device = { kind: "descriptor", fd: 0, hasHeader: true, offloads, of: "tap" } as const;
  assert.throws(
    () => plane.setPort({ port: 1, network: 1, name: "x", allowsForeign: false, device }),
    TypeError,
  );
  assert.equal(plane.portCounts(1), undefined);
  plane.close();
});
