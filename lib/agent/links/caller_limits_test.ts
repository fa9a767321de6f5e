import assert from "node:assert/strict";
import { millis } from "../../base/mod.ts";
import type { Member, MemberRecord } from "../../mesh/mod.ts";
import { Endpoint } from "../../net/mod.ts";
import { CallerLimits, originOf } from "./caller_limits.ts";

const nobody = { linkableRecords: function* () {}, linkable: () => undefined };
const endpoint = (text: string) => Endpoint.parse(text) ?? assert.fail(text);

/** @returns how many of `count` calls a second were admitted, spread over `seconds` after the burst is gone */
function sustained(limits: CallerLimits, perSecond: number, origin: (i: number) => string): number {
  let admitted = 0;
  for (let i = 0; i < 20 * perSecond; i++) {
    const wasAdmitted = limits.admit(millis(i * 1000 / perSecond), origin(i)) !== undefined;
    if (wasAdmitted && i >= 10 * perSecond) admitted++;
  }
  return admitted / 10;
}

Deno.test("CallerLimits admits 50 handshakes a second of one source, and 200 of all strangers", () => {
  const one = sustained(new CallerLimits(nobody), 3_300, () => "192.0.2.1");
  assert.ok(one >= 49 && one <= 51, `${one}`);
  const many = sustained(new CallerLimits(nobody), 3_300, (i) => `source ${i}`);
  assert.ok(many >= 199 && many <= 201, `${many}`);
});

Deno.test("CallerLimits has a member in during a flood from 100,000 sources, if it was here before", () => {
  const limits = new CallerLimits(nobody);
  limits.noteMember("198.51.100.7", "direct");
  for (let i = 0; i < 100_000; i++) limits.admit(millis(i / 10), `source ${i}`);
  while (limits.admit(millis(10_000), "a newcomer") !== undefined);
  assert.equal(limits.admit(millis(10_000), "another"), undefined);
  assert.equal(limits.admit(millis(10_000), "198.51.100.7"), "proven");
});

Deno.test("CallerLimits has a member in during a flood where its statement says that it is", () => {
  const record = { nodeId: "n", roles: ["member"] } as unknown as MemberRecord;
  const statement = { channelEndpoints: [endpoint("198.51.100.7:51820")] };
  const limits = new CallerLimits({
    linkableRecords: () => [record].values() as unknown as Generator<MemberRecord>,
    linkable: () => ({ record, statement }) as unknown as Member,
  });
  for (let i = 0; i < 10_000; i++) limits.admit(millis(1_000), `source ${i}`);
  assert.equal(limits.admit(millis(1_000), originOf(endpoint("198.51.100.7:40000"))), "stated");
  assert.equal(limits.admit(millis(1_000), originOf(endpoint("198.51.100.8:40000"))), undefined);
});

Deno.test("originOf() takes an IPv6 site for one origin and IPv4 addresses apart", () => {
  const origin = (text: string) => originOf(endpoint(text));
  assert.equal(origin("[2001:db8::1]:5"), origin("[2001:db8::2:3]:6"));
  assert.notEqual(origin("[2001:db8::1]:5"), origin("[2001:db8:0:1::1]:5"));
  assert.equal(origin("192.0.2.1:5"), origin("192.0.2.1:6"));
  assert.notEqual(origin("192.0.2.1:5"), origin("192.0.2.2:5"));
});

Deno.test("CallerLimits takes nobody behind a web proxy or a relay for proven because a member called by it", () => {
  for (const way of ["web", "relay", "direct", "tunnel"] as const) {
    const limits = new CallerLimits(nobody);
    limits.noteMember("198.51.100.7", way);
    const expected = way === "web" || way === "relay" ? "stranger" : "proven";
    assert.equal(limits.admit(millis(0), "198.51.100.7"), expected);
  }
});
