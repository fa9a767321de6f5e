import assert from "node:assert/strict";
import { MAX_NODE_SERVICES, MAX_NODE_SUBSCRIPTIONS } from "../bounds.ts";
import type { PeerId } from "../ports.ts";
import { TopicPath } from "../topics/mod.ts";
import { EMPTY_ADVERT, type ServiceAdvert } from "../wire/mod.ts";
import { ServiceDirectory } from "./service_directory.ts";

const peer = (name: string) => name as PeerId;
const topic = TopicPath.parse("orders/eu/created");

function subscriptions(patterns: readonly string[], group = ""): ServiceAdvert {
  return { ...EMPTY_ADVERT, run: 1, subscriptions: patterns.map((pattern) => ({ pattern, group })) };
}

function services(count: number): ServiceAdvert {
  const service = {
    version: "",
    description: "",
    state: "running",
    actions: [],
    events: [],
    elects: false,
  } as const;
  return {
    ...EMPTY_ADVERT,
    run: 1,
    services: Array.from({ length: count }, (_, i) => ({ ...service, path: `s${i}`, port: 0, protocol: "" })),
  };
}

Deno.test("ServiceDirectory follows so much of one node, the first, and says how much is left out", () => {
  const directory = new ServiceDirectory(() => {});
  assert.equal(
    directory.set(peer("a"), [services(200), services(0), services(300)]),
    500 - MAX_NODE_SERVICES,
  );
  const patterns = Array.from({ length: 38_400 }, (_, i) => `orders/${i}/>`);
  const parts = Array.from(
    { length: 24 },
    (_, i) => subscriptions(patterns.slice(i * 1_600, (i + 1) * 1_600)),
  );
  assert.equal(directory.set(peer("a"), parts), 38_400 - MAX_NODE_SUBSCRIPTIONS);
  assert.equal(directory.listeners(TopicPath.parse("orders/1151/x")).length, 1);
  assert.equal(directory.listeners(TopicPath.parse("orders/1152/x")).length, 0);
  assert.equal(directory.set(peer("a"), []), 0);
  assert.equal(directory.listeners(TopicPath.parse("orders/1/x")).length, 0);
});

Deno.test("ServiceDirectory bounds all nodes together, and follows a few things of each in any case", () => {
  const directory = new ServiceDirectory(() => {});
  for (let i = 0; i < 128; i++) assert.equal(directory.set(peer(`m${i}`), [services(256)]), 0);
  assert.equal(directory.set(peer("late"), [services(256)]), 240);
  assert.equal(directory.set(peer("honest"), [services(16)]), 0);
  directory.set(peer("m0"), []);
  assert.equal(directory.set(peer("late"), [services(200)]), 0);
});

Deno.test("ServiceDirectory.listeners() finds a pattern once, whatever its parameters are called", () => {
  const directory = new ServiceDirectory(() => {});
  const names = Array.from({ length: 1_000 }, (_, i) => `orders/{p${i}}/created`);
  assert.equal(directory.set(peer("a"), [subscriptions([...names, "orders/*/created", "orders/>"])]), 0);
  assert.equal(directory.listeners(topic).length, 2);
  directory.set(peer("a"), []);
  assert.deepEqual(directory.listeners(topic), []);
});
