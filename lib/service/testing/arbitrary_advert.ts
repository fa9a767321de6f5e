/**
 * Random adverts, and their parts, for the tests of this folder.
 * @module
 */

import fc from "fast-check";
import type { ServiceAdvert, ServiceState } from "../wire/service_advert.ts";

/** As `fc.record`, of ordinary objects. */
export function record<T>(model: { [K in keyof T]: fc.Arbitrary<T[K]> }): fc.Arbitrary<T> {
  return fc.record(model, { noNullPrototype: true }) as fc.Arbitrary<T>;
}

/** What 53 bits hold. */
export const NUMBER: fc.Arbitrary<number> = fc.oneof(
  fc.nat(),
  fc.maxSafeNat(),
  fc.constantFrom(0, 127, 128, 2 ** 32, 2 ** 53 - 1),
);
/** Short texts of any characters. */
export const TEXT: fc.Arbitrary<string> = fc.string({ unit: "binary", maxLength: 60 });
/** Truth values. */
export const FLAG: fc.Arbitrary<boolean> = fc.boolean();
const STATE = fc.constantFrom<ServiceState[]>(
  "created",
  "initialized",
  "running",
  "paused",
  "stopped",
  "error",
);
const ALLOW = fc.oneof(fc.constant({}), TEXT.filter((text) => text !== "").map((allow) => ({ allow })));
const ACTION = fc.tuple(TEXT, FLAG, ALLOW).map(([name, idempotent, allow]) => ({
  name,
  idempotent,
  ...allow,
}));
/** Any advert that its decoder takes. */
export const ADVERT: fc.Arbitrary<ServiceAdvert> = record({
  run: NUMBER,
  services: fc.array(
    record({
      path: TEXT.filter((text) => text !== ""),
      version: TEXT,
      description: TEXT,
      state: STATE,
      actions: fc.array(ACTION, { maxLength: 3 }),
      events: fc.array(TEXT, { maxLength: 3 }),
      elects: FLAG,
      port: fc.integer({ min: 0, max: 65_535 }),
      protocol: TEXT,
    }).chain((service) => ALLOW.map((allow) => ({ ...service, ...allow }))),
    { maxLength: 3 },
  ),
  subscriptions: fc.array(record({ pattern: TEXT, group: TEXT }), { maxLength: 3 }),
  retains: FLAG,
});
