import assert from "node:assert/strict";
import { recordsText } from "./dns_commands.ts";

const plain = { out() {}, err() {}, hasColours: false, isInteractive: false, columns: undefined };
const record = { type: "A", data: "10.200.0.2", ttlSeconds: 300 } as const;

Deno.test("recordsText() lists records by name, without those of the zone", () => {
  const text = recordsText([
    { ...record, name: "web-1.weft.internal.", source: "member" },
    { ...record, name: "db.weft.internal.", source: "custom", ttlSeconds: 5 },
    { ...record, name: "weft.internal.", type: "SOA", source: "zone" },
  ], plain);
  assert.equal(
    text,
    `NAME                  TYPE  DATA        TTL  FROM
db.weft.internal.     A     10.200.0.2    5  custom
web-1.weft.internal.  A     10.200.0.2  300  member
`,
  );
});

Deno.test("recordsText() says how names come to be when there are none", () => {
  assert.match(recordsText([], plain), /weft dns add/);
});
