import assert from "node:assert/strict";
import { isPathDatagram, pathKindAt } from "./path_header.ts";

Deno.test("pathKindAt() knows kinds by their header and their lengths", () => {
  const cases: [head: number[], lengthBytes: number, kind: number][] = [
    [[0x77, 1, 0, 0], 55, 0],
    [[0x77, 1, 0, 0], 56, 1],
    [[0x77, 1, 0, 0], 1500, 1],
    [[0x77, 1, 0, 0], 1501, 0],
    [[0x77, 2, 0, 0], 56, 2],
    [[0x77, 2, 0, 0], 57, 0],
    [[0x77, 3, 0, 0], 47, 0],
    [[0x77, 3, 0, 0], 48, 3],
    [[0x77, 3, 0, 0], 1500, 3],
    [[0x77, 4, 0, 0], 48, 4],
    [[0x77, 4, 0, 0], 49, 0],
    [[0x77, 0, 0, 0], 56, 0],
    [[0x77, 5, 0, 0], 56, 0],
    [[0x77, 1, 1, 0], 56, 0],
    [[0x77, 1, 0, 1], 56, 0],
    [[4, 1, 0, 0], 56, 0],
  ];
  for (const [head, lengthBytes, kind] of cases) {
    const bytes = new Uint8Array(lengthBytes + 1);
    bytes.set(head, 1);
    assert.equal(pathKindAt(bytes, 1, lengthBytes), kind, `${head} of ${lengthBytes}`);
    if (kind > 0) assert.ok(isPathDatagram(bytes, 1, lengthBytes));
  }
});
