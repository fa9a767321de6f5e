/**
 * Random adverts, and their parts, for the tests of this folder.
 * @module
 */

import fc from "fast-check";
import { isPrintable } from "../../base/mod.ts";
import { isBuiltIn } from "../topics/topic_path.ts";
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
/** Characters of names. */
const NAME_CHARACTER = fc.constantFrom(..."azAZ09_.$-");
/** Names of actions and events. */
const NAME = fc.string({ unit: NAME_CHARACTER, minLength: 1, maxLength: 64 })
  .filter((name) => name !== "." && name !== "..");
/** Text that is one printable line. */
const LINE = TEXT.filter(isPrintable);
const PATH = fc.array(NAME, { minLength: 1, maxLength: 3 })
  .map((segments) => segments.join("/")).filter((path) => !isBuiltIn(path));
const VERSION = fc.oneof(fc.constant(""), NAME.map((text) => `1.0+${text.replaceAll("$", "")}`.slice(0, 64)));
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
const ACTION = fc.tuple(NAME, FLAG, ALLOW).map(([name, idempotent, allow]) => ({
  name,
  idempotent,
  ...allow,
}));
const PATTERN = fc.string({ unit: fc.constantFrom(..."az09/*>{}:"), minLength: 1, maxLength: 60 });
/** Any advert that its decoder takes. */
export const ADVERT: fc.Arbitrary<ServiceAdvert> = record({
  run: NUMBER,
  services: fc.array(
    record({
      path: PATH,
      version: VERSION,
      description: LINE,
      state: STATE,
      actions: fc.array(ACTION, { maxLength: 3 }),
      events: fc.array(NAME, { maxLength: 3 }),
      elects: FLAG,
      port: fc.integer({ min: 0, max: 65_535 }),
      protocol: fc.constantFrom("", "tcp", "udp", "http", "dns/udp"),
    }).chain((service) => ALLOW.map((allow) => ({ ...service, ...allow }))),
    { maxLength: 3 },
  ),
  subscriptions: fc.array(record({ pattern: PATTERN, group: LINE }), { maxLength: 3 }),
  retains: FLAG,
});
