import assert from "node:assert/strict";
import { nameOf } from "./testing/samples.ts";
import { dataText, nameInData, soaData, soaMinimumSeconds, srvData, stringsData } from "./record_data.ts";
import { parseType, RECORD_TYPE, responseCodeText, typeText } from "./record_type.ts";

const soa = soaData(nameOf("a.b"), nameOf("c.b"), [4_000_000_000, 1, 2, 3, 5]);

const texts: readonly (readonly [keyof typeof RECORD_TYPE, Uint8Array, string])[] = [
  ["A", Uint8Array.of(10, 200, 0, 1), "10.200.0.1"],
  ["AAAA", Uint8Array.from([0xfd, ...new Array(14).fill(0), 1]), "fd00::1"],
  ["PTR", nameOf("web.weft.internal").wire, "web.weft.internal."],
  ["MX", Uint8Array.of(0, 10, ...nameOf("mail.b").wire), "10 mail.b."],
  ["SRV", srvData({ priority: 1, weight: 2, port: 8080, target: nameOf("a.b") }), "1 2 8080 a.b."],
  ["SOA", soa, "a.b. c.b. 4000000000 1 2 3 5"],
  ["TXT", stringsData(['say "hi"', "", "ü\u0007"]), '"say \\"hi\\"" "" "\\195\\188\\007"'],
  ["CAA", Uint8Array.of(1, 2), "\\# 2 0102"],
];
for (const [type, data, text] of texts) {
  Deno.test(`dataText() writes ${type}`, () => assert.equal(dataText(RECORD_TYPE[type], data), text));
}

Deno.test("stringsData() refuses a string that is too long", () => {
  assert.equal(stringsData(["x".repeat(255)]).length, 256);
  assert.throws(() => stringsData(["x".repeat(256)]), RangeError);
});

Deno.test("nameInData() and soaMinimumSeconds() read what was made", () => {
  const data = srvData({ priority: 1, weight: 2, port: 3, target: nameOf("A.b") });
  assert.equal(nameInData(RECORD_TYPE.SRV, data)?.toString(), "A.b.");
  assert.equal(nameInData(RECORD_TYPE.A, Uint8Array.of(1, 2, 3, 4)), undefined);
  assert.equal(soaMinimumSeconds(soa), 5);
  assert.equal(soaMinimumSeconds(Uint8Array.of(1)), 0);
});

Deno.test("parseType(), typeText() and responseCodeText() know names, and numbers for the rest", () => {
  assert.equal(parseType("aaaa"), 28);
  assert.equal(parseType("TYPE65280"), 65280);
  for (const text of ["TYPE65536", "BOGUS", "", "toString"]) assert.equal(parseType(text), undefined);
  assert.equal(typeText(33), "SRV");
  assert.equal(typeText(999), "TYPE999");
  assert.equal(responseCodeText(3), "NXDOMAIN");
  assert.equal(responseCodeText(9), "RCODE9");
});
