import assert from "node:assert/strict";
import { AddressRange, IpAddress } from "./mod.ts";

Deno.test("AddressRange.parse() reads what toString() wrote, and nothing else", () => {
  for (const text of ["10.0.0.1-10.0.0.9", "10.0.0.1-10.0.0.1", "fd00::1-fd00::ffff"]) {
    assert.equal(AddressRange.parse(text)?.toString(), text);
  }
  const wrong = [
    "",
    "10.0.0.1",
    "10.0.0.9-10.0.0.1",
    "10.0.0.1-fd00::1",
    "10.0.0.1-10.0.0.2-10.0.0.3",
    "-",
    "a-b",
  ];
  for (const text of wrong) assert.equal(AddressRange.parse(text), undefined, text);
});

Deno.test("AddressRange knows its size and what is in it", () => {
  const range = AddressRange.parse("10.0.0.250-10.0.1.5") ?? assert.fail();
  assert.equal(range.size, 12n);
  for (
    const [text, expected] of [["10.0.0.250", true], ["10.0.1.5", true], ["10.0.1.6", false], [
      "::a00:ff",
      false,
    ]] as const
  ) {
    assert.equal(range.contains(IpAddress.parse(text) ?? assert.fail()), expected, text);
  }
  assert.throws(() => new AddressRange(range.last, range.first), RangeError);
});
