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
  assert.deepEqual(decodeAdvert(encodeAdvert(advert({ path: "x".repeat(255) })))?.services.length, 1);
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
