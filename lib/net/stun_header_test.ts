import assert from "node:assert/strict";
import { isStunAnswer, isStunRequest } from "./stun_header.ts";

function message(type: number, lengthBytes: number): Uint8Array {
  const datagram = new Uint8Array(lengthBytes);
  const view = new DataView(datagram.buffer);
  view.setUint16(0, type);
  view.setUint16(2, lengthBytes - 20);
  view.setUint32(4, 0x2112_a442);
  return datagram;
}

const CASES:
  readonly (readonly [name: string, datagram: Uint8Array, is: "answer" | "request" | "neither"])[] = [
    ["a success", message(0x0101, 32), "answer"],
    ["a success of IPv6", message(0x0101, 44), "answer"],
    ["an error", message(0x0111, 20), "answer"],
    ["a request", message(0x0001, 28), "request"],
    ["an indication", message(0x0011, 20), "neither"],
    ["a method of TURN", message(0x0103, 32), "neither"],
    ["one that is cut", message(0x0101, 32).subarray(0, 28), "neither"],
    ["one that is no multiple of four", message(0x0101, 33), "neither"],
    ["one that is too long", message(0x0101, 1284), "neither"],
    ["less than a header", message(0x0101, 20).subarray(0, 16), "neither"],
    ["nothing", new Uint8Array(), "neither"],
  ];

Deno.test("isStunAnswer() and isStunRequest() know the type, the cookie and the length", () => {
  for (const [name, datagram, is] of CASES) {
    assert.equal(isStunAnswer(datagram, 0, datagram.length), is === "answer", name);
    assert.equal(isStunRequest(datagram), is === "request", name);
    const moved = Uint8Array.of(9, 9, 9, ...datagram);
    assert.equal(isStunAnswer(moved, 3, datagram.length), is === "answer", `${name}, further on`);
  }
  for (let i = 0; i < 8 * 8; i++) {
    const flipped = message(0x0101, 32);
    flipped[i >> 3] = (flipped[i >> 3] ?? 0) ^ 1 << (i & 7);
    // Bit 12 makes an error of a success.
    assert.equal(isStunAnswer(flipped, 0, 32), i === 12, `bit ${i}`);
  }
});

Deno.test("isStunAnswer() takes no message of WireGuard, whatever stands behind its type", () => {
  for (const type of [1, 2, 3, 4]) {
    for (const lengthBytes of [32, 64, 92, 148]) {
      const datagram = message(0, lengthBytes);
      datagram.set([type, 0, 0, 0]);
      assert.equal(isStunAnswer(datagram, 0, lengthBytes), false);
      // Nor where the length is that of STUN.
      datagram.set([type, 0, 0, lengthBytes - 20]);
      assert.equal(isStunAnswer(datagram, 0, lengthBytes), false);
    }
  }
});
