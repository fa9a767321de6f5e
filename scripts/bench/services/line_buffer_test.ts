import assert from "node:assert/strict";
import { LineBuffer } from "./line_buffer.ts";

Deno.test("LineBuffer gives the same lines however the text is cut", () => {
  const text = '{"a":1}\n\n{"b":2}\nrest';
  for (let at = 0; at <= text.length; at++) {
    const buffer = new LineBuffer();
    const lines = [...buffer.push(text.slice(0, at)), ...buffer.push(text.slice(at)), ...buffer.push("\n")];
    assert.deepEqual(lines, ['{"a":1}', "", '{"b":2}', "rest"]);
  }
});
