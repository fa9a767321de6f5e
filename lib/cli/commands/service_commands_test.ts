import assert from "node:assert/strict";
import { peerId, type ProviderReport, type ServiceReport } from "../../service/mod.ts";
import { servicesText, serviceText } from "./service_commands.ts";

const plain = { hasColours: false, isInteractive: false, columns: undefined, out: () => {}, err: () => {} };

const provider: ProviderReport = {
  id: peerId("n1"),
  name: "web-1",
  state: "running",
  version: "1.0.0",
  isLocal: false,
  isHealthy: true,
  rttMs: 0.712,
};

const math: ServiceReport = {
  path: "math",
  description: "Sums",
  actions: [{ name: "add", idempotent: true }, { name: "count", idempotent: false }],
  events: ["added"],
  providers: [provider, { ...provider, name: "web-2", state: "paused", isLocal: true, isLeader: true }],
};
const { rttMs: _, ...unmeasured } = provider;
const shop: ServiceReport = {
  path: "shop",
  description: "",
  actions: [],
  events: [],
  providers: [{ ...unmeasured, isHealthy: false }],
};

Deno.test("servicesText() says how many of a service's providers run", () => {
  assert.equal(
    servicesText([math, shop], plain),
    [
      "PATH  STATE           OFFERED BY    ACTIONS",
      "math  1 of 2 running  web-1, web-2  add, count",
      "shop  away            web-1",
      "",
    ].join("\n"),
  );
  const alone: ServiceReport = { ...shop, providers: [{ ...provider, isLocal: true, isAlone: true }] };
  assert.match(servicesText([alone], plain), /^shop +running, not granted +web-1$/m);
  assert.match(servicesText([], plain), /^No services\. /);
});

Deno.test("serviceText() shows actions, events and providers", () => {
  assert.equal(
    serviceText(math, plain),
    [
      "service  math, Sums",
      "actions  add (idempotent), count",
      "events   math/added",
      "",
      "NODE   STATE    VERSION      RTT",
      "web-1  running  1.0.0    0.71 ms",
      "web-2  paused   1.0.0    0.71 ms  leads, here",
      "",
    ].join("\n"),
  );
  assert.match(serviceText(shop, plain), /^service {2}shop\nactions {2}none\nevents {3}none\n/);
});

Deno.test("what does not serve is red", () => {
  const text = servicesText([math, shop], { ...plain, hasColours: true });
  assert(text.includes("\x1b[32m1 of 2 running\x1b[0m"));
  assert(text.includes("\x1b[31maway\x1b[0m"));
});

Deno.test("what a service says of itself forges no row and turns no line", () => {
  const evil = "1.0\nroot  running  \u202eed\x1b[2J";
  const forging: ServiceReport = {
    path: evil,
    description: evil,
    actions: [{ name: evil, idempotent: false }],
    events: [evil],
    providers: [{ ...provider, name: evil, version: evil }],
  };
  for (const hasColours of [false, true]) {
    const listed = servicesText([math, forging], { ...plain, hasColours });
    assert.equal(listed.trimEnd().split("\n").length, 3);
    const shown = serviceText(forging, { ...plain, hasColours });
    assert.equal(shown.trimEnd().split("\n").length, 6);
    for (const text of [listed, shown]) {
      assert.ok(!text.includes("\u202e") && !text.includes("\x1b[2J"), text);
      assert.ok(text.includes("1.0\\x0aroot  running  \\u202eed\\x1b[2J"), text);
    }
  }
});
