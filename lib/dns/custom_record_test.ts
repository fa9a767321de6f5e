import assert from "node:assert/strict";
import { formatRecord, parseRecord } from "./custom_record.ts";
import { nameOf } from "./testing/samples.ts";

const zone = nameOf("weft.internal");

const good: readonly (readonly [string, string, string, string])[] = [
  ["db", "A", "10.0.0.9", "db.weft.internal. A 10.0.0.9"],
  ["db.weft.internal.", "aaaa", "fd00::1", "db.weft.internal. AAAA fd00::1"],
  ["db.weft.internal", "A", "10.0.0.9", "db.weft.internal. A 10.0.0.9"],
  ["9.0.200.10.in-addr.arpa", "PTR", "db.weft.internal", "9.0.200.10.in-addr.arpa. PTR db.weft.internal."],
  ["*.apps", "A", "10.0.0.9", "*.apps.weft.internal. A 10.0.0.9"],
  ["www", "CNAME", "web-1", "www.weft.internal. CNAME web-1.weft.internal."],
  ["www", "CNAME", "example.com.", "www.weft.internal. CNAME example.com."],
  ["@", "MX", "10 mail", "weft.internal. MX 10 mail.weft.internal."],
  ["_http._tcp.web", "SRV", "0 5 80 web-1", "_http._tcp.web.weft.internal. SRV 0 5 80 web-1.weft.internal."],
  ["note", "TXT", "v=1 plain words", 'note.weft.internal. TXT "v=1 plain words"'],
  ["note", "TXT", '"two" "strings \\"x\\""', 'note.weft.internal. TXT "two" "strings \\"x\\""'],
  ["note", "TXT", "gr\u00fc\u00dfe", 'note.weft.internal. TXT "gr\\195\\188\\195\\159e"'],
  ["note", "TXT", '"a\\010b\\\\"', 'note.weft.internal. TXT "a\\010b\\\\"'],
  ["9.0.200.10.in-addr.arpa.", "PTR", "db", "9.0.200.10.in-addr.arpa. PTR db.weft.internal."],
];
for (const [name, type, data, text] of good) {
  Deno.test(`parseRecord() reads ${name} ${type} ${data}`, () => {
    const record = parseRecord(zone, { name, type, data });
    assert("data" in record, JSON.stringify(record));
    const written = formatRecord(record);
    assert.equal(`${written.name} ${written.type} ${written.data}`, text);
    // As it is written it is read again.
    assert.deepEqual(parseRecord(zone, written), record);
  });
}

const bad: readonly (readonly [string, string, string, RegExp])[] = [
  ["", "A", "10.0.0.9", /"" is no name/],
  ["a..b", "A", "10.0.0.9", /no name/],
  ["a b", "A", "10.0.0.9", /no name/],
  ["-a", "A", "10.0.0.9", /no name/],
  ["a.*", "A", "10.0.0.9", /no name/],
  ["bücher", "A", "10.0.0.9", /no name/],
  ["x".repeat(64), "A", "10.0.0.9", /no name/],
  ["a.".repeat(125) + "a", "A", "10.0.0.9", /no name/],
  ["a", "A", "fd00::1", /no data of type A$/],
  ["a", "A", "10.0.0.256", /no data/],
  ["a", "AAAA", "10.0.0.1", /no data/],
  ["a", "CNAME", "", /no data/],
  ["a", "SRV", "0 0 70000 b", /no data/],
  ["a", "SRV", "0 0 80", /no data/],
  ["a", "SRV", "0 0 80 b c", /no data/],
  ["a", "MX", "x mail", /no data/],
  ["a", "TXT", "x".repeat(256), /no data/],
  ["a", "TXT", '"open', /no data/],
  ["a", "TXT", '"\\256"', /no data/],
  ["a", "SOA", "x", /SOA are not taken; A, AAAA/],
  ["a", "NS", "b", /NS are not taken/],
  ["a", "BOGUS", "b", /no type "BOGUS"/],
];
for (const [name, type, data, problem] of bad) {
  Deno.test(`parseRecord() refuses ${JSON.stringify(name.slice(0, 20))} ${type} ${data.slice(0, 20)}`, () => {
    const result = parseRecord(zone, { name, type, data });
    assert("problem" in result);
    assert.match(result.problem, problem);
  });
}

Deno.test("parseRecord() bounds the TTL", () => {
  for (const ttlSeconds of [-1, 0.5, 604_801, NaN]) {
    assert("problem" in parseRecord(zone, { name: "a", type: "A", data: "10.0.0.1", ttlSeconds }));
  }
});
