import assert from "node:assert/strict";
import fc from "fast-check";
import { WireWriter } from "../../proto/mod.ts";
import { decodeNodeMessage } from "./node_message.ts";
import { ADVERT } from "../testing/arbitrary_advert.ts";
import { decodeAdvert, encodeAdvert, type ServiceAdvert } from "./service_advert.ts";

const SERVICE = {
  path: "math",
  version: "1.0.0",
  description: "",
  state: "running",
  actions: [],
  events: [],
  elects: false,
  port: 0,
  protocol: "tcp",
} as const;

Deno.test("decodeAdvert() gives back what encodeAdvert() was given", () => {
  fc.assert(fc.property(ADVERT, (advert) => assert.deepEqual(decodeAdvert(encodeAdvert(advert)), advert)));
});

Deno.test("decodeAdvert() rejects what is no advert, is too long, or is cut off", async (test) => {
  const advert = (service: object): ServiceAdvert => ({
    run: 1,
    services: [{ ...SERVICE, ...service }],
    subscriptions: [],
    retains: false,
  });
  const long = "x".repeat(256);
  const many = <T>(count: number, item: T) => Array.from({ length: count }, () => item);
  const subscription = { pattern: "a", group: "" };
  const cases: Record<string, ServiceAdvert> = {
    "a service without a path": advert({ path: "" }),
    "a service in no state": advert({ state: "none of them" }),
    "a port that is none": advert({ port: 65_536 }),
    "a long path": advert({ path: long }),
    "a long version": advert({ version: long }),
    "a long description": advert({ description: long }),
    "a long protocol": advert({ protocol: long }),
    "a long name of an action": advert({ actions: [{ name: long, idempotent: false }] }),
    "a long name of an event": advert({ events: ["ok", long] }),
    "a long selector": advert({ allow: "x".repeat(1_025) }),
    "a long selector of an action": advert({
      actions: [{ name: "a", idempotent: false, allow: "x".repeat(1_025) }],
    }),
    "a long pattern": { ...advert({}), subscriptions: [{ pattern: long, group: "" }] },
    "a long group": { ...advert({}), subscriptions: [{ pattern: "a", group: long }] },
    "too many services": { ...advert({}), services: many(5_000, { ...SERVICE, version: "", protocol: "" }) },
    "too many subscriptions": { ...advert({}), subscriptions: many(5_000, subscription) },
    "more than 256 KiB": {
      ...advert({}),
      services: many(1_500, { ...SERVICE, description: "x".repeat(200) }),
    },
  };
  assert.deepEqual(decodeAdvert(encodeAdvert(advert({})))?.services, [SERVICE]);
  assert.deepEqual(decodeAdvert(encodeAdvert(advert({ path: "x".repeat(250) })))?.services.length, 1);
  for (const [name, refused] of Object.entries(cases)) {
    await test.step(name, () => {
      const bytes = encodeAdvert(refused);
      assert.equal(decodeAdvert(bytes), undefined);
      const writer = new WireWriter();
      writer.bytes(1, bytes);
      writer.message(4, 0);
      assert.equal(decodeNodeMessage(writer.finish()), undefined);
    });
  }
  await test.step("a run over 2^53", () => {
    const bytes = encodeAdvert(advert({}));
    bytes.set([0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff], 1);
    assert.equal(decodeAdvert(bytes), undefined);
  });
  await test.step("random bytes", () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => void decodeAdvert(bytes)), {
      numRuns: 2_000,
    });
  });
});

/** How many services are left, and how many texts or services were refused. */
function taken(...services: readonly object[]): readonly [readonly string[], number] {
  const advert = decodeAdvert(encodeAdvert({
    run: 1,
    services: services.map((service) => ({ ...SERVICE, ...service })),
    subscriptions: [],
    retains: false,
  }));
  assert.ok(advert !== undefined);
  return [advert.services.map(({ path }) => path), advert.refused ?? 0];
}

const forged: Readonly<Record<string, object>> = {
  "a path that climbs": { path: "../../etc/passwd" },
  "a path with a segment of one dot": { path: "a/./b" },
  "a path with a line feed": { path: "a\nb  running" },
  "a path that begins with a slash": { path: "/etc/passwd" },
  "a path with an empty segment": { path: "a//b" },
  "a path of another alphabet": { path: "m\u0430th" },
  "a path that is written otherwise than it is shown": { path: "mesh:math" },
  "a path of what every node has": { path: "$registry" },
  "an action with a line feed": { actions: [{ name: "add\nmath", idempotent: false }] },
  "an action that turns its line": { actions: [{ name: "add\u202edda", idempotent: false }] },
  "an action without a name": { actions: [{ name: "", idempotent: false }] },
  "an action with a slash": { actions: [{ name: "a/b", idempotent: false }] },
  "an action that climbs": { actions: [{ name: "..", idempotent: false }] },
  "an event with an escape": { events: ["placed", "\x1b[2J"] },
  "an event with a space": { events: ["two words"] },
  "a protocol that is none": { protocol: "http\n" },
  "a protocol of another transport": { protocol: "http/sctp" },
};
for (const [what, service] of Object.entries(forged)) {
  Deno.test(`decodeAdvert() leaves out a service with ${what}, and keeps the others`, () => {
    assert.deepEqual(taken({ path: "good" }, service, { path: "better" }), [["good", "better"], 1]);
  });
}

Deno.test("decodeAdvert() leaves out versions and descriptions that are no printable line", () => {
  const read = (service: object) =>
    decodeAdvert(encodeAdvert({
      run: 1,
      services: [{ ...SERVICE, ...service }],
      subscriptions: [],
      retains: false,
    }));
  for (const version of ["1.0\nforged", "1.0 ", "\u202e1.0", "v".repeat(65), "1.0/2"]) {
    assert.deepEqual(read({ version })?.services, [{ ...SERVICE, version: "" }], version);
    assert.equal(read({ version })?.refused, 1);
  }
  for (
    const description of ["one\ntwo", "a\u202eb", "\ufeffa", "a\u2066b\u2069", "a\u200bb", "\x1b]0;t\x07"]
  ) {
    assert.deepEqual(read({ description })?.services, [SERVICE], JSON.stringify(description));
  }
  for (const [version, description] of [["v1.2.3-rc.1+b5", "Rechnet größer, 加"], ["2026-11", ""]]) {
    assert.deepEqual(read({ version, description }), {
      run: 1,
      services: [{ ...SERVICE, version, description }],
      subscriptions: [],
      retains: false,
    });
  }
});

Deno.test("decodeAdvert() leaves out subscriptions to what no pattern is made of", () => {
  const subscriptions = ["orders/>", "a\nb", "shop:orders/{id}/*", "a\u202eb", ""].map((pattern) => ({
    pattern,
    group: "math",
  }));
  const odd = { pattern: "a", group: "x\ny" };
  const advert = decodeAdvert(
    encodeAdvert({ run: 1, services: [], subscriptions: [...subscriptions, odd], retains: false }),
  );
  assert.deepEqual(advert?.subscriptions.map(({ pattern }) => pattern), ["orders/>", "shop:orders/{id}/*"]);
  assert.equal(advert?.refused, 4);
});
