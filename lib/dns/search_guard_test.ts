import assert from "node:assert/strict";
import type { DnsMessage } from "./message.ts";
import { addressRecord } from "./network_names.ts";
import { address, corporate, everything, first, ResponderHarness } from "./testing/responder_harness.ts";
import { ipOf, nameOf } from "./testing/samples.ts";
import { RECORD_RANK } from "./zone.ts";

/** `web-1`, `beta`, `api.beta` and `*.apps` are names of the zone; example.com is searched after it. */
function guarded(routes = everything): ResponderHarness {
  const harness = new ResponderHarness(routes, {}, { searched: ["example.com", "."] });
  const records = ["beta", "api.beta", "com", "*.apps"].map((name) =>
    addressRecord(nameOf(`${name}.weft.internal`), ipOf("10.200.0.9"), 300)
  );
  harness.authority.setGroup("more", RECORD_RANK.member, records);
  return harness;
}

for (
  const name of [
    "gone.weft.internal.example.com",
    "weft.internal.EXAMPLE.com",
    "api.web-1.weft.internal.example.com",
    "web-1",
    "api.web-1",
    "b.a.WEB-1",
  ]
) {
  Deno.test(`SearchGuard asks nobody for ${name}`, () => {
    const harness = guarded();
    assert.equal(harness.answer(name).responseCode, 3);
    assert.deepEqual(harness.serve(), []);
  });
}

for (
  const name of [
    "nobody",
    "beta.example.com",
    "internal.example.com",
    "weft.internal.example.org",
    "api.web-2",
    ".",
  ]
) {
  Deno.test(`SearchGuard keeps ${name} from nobody`, () => {
    const harness = guarded();
    assert.equal(harness.ask(name).kind, "pending");
    assert.equal(harness.serve().length, 1);
  });
}

Deno.test("SearchGuard asks for the top alone, and for nothing below it when that does not exist", () => {
  const harness = guarded();
  assert.equal(harness.ask("api.beta").kind, "pending");
  assert.deepEqual(harness.serve(() => ({ responseCode: 3 })), [`beta. ${first} udp`]);
  const [reply] = harness.replies();
  assert.equal(reply?.message.responseCode, 3);
  assert.equal(reply?.message.questions[0]?.name.toString(), "api.beta.");
  assert.deepEqual(harness.serve(), []);
});

Deno.test("SearchGuard keeps no name of a site from its servers, whoever is called as the site is", () => {
  const harness = new ResponderHarness(everything, {}, { searched: ["site.office", "office"] });
  const records = ["lan", "office"].map((name) =>
    addressRecord(nameOf(`${name}.weft.internal`), ipOf("10.200.0.9"), 300)
  );
  harness.authority.setGroup("more", RECORD_RANK.member, records);
  for (const name of ["nas.lan", "Router.LAN", "printer.office", "printer.site.office"]) {
    assert.equal(harness.ask(name).kind, "pending");
    assert.deepEqual(harness.serve(), [`${name}. ${first} udp`], name);
  }
});

Deno.test("SearchGuard lets nobody take a domain that exists, whoever is called by its name", () => {
  const harness = guarded();
  const exists = ({ questions: [question] }: DnsMessage) =>
    question?.name.labelCount === 1 ? {} : { answers: [address("shop.com")] };
  assert.equal(harness.ask("shop.com").kind, "pending");
  assert.deepEqual(harness.serve(exists), [`com. ${first} udp`]);
  assert.deepEqual(harness.replies(), []);
  assert.deepEqual(harness.serve(exists), [`shop.com. ${first} udp`]);
  assert.equal(harness.replies()[0]?.message.answers.length, 1);
});

Deno.test("SearchGuard does without the top's answer when that fails", () => {
  const harness = guarded();
  harness.ask("api.beta");
  harness.serve(() => ({ responseCode: 2 }));
  assert.equal(harness.replies()[0]?.message.responseCode, 2);
  assert.deepEqual(harness.serve(), []);
});

Deno.test("SearchGuard keeps no name from the servers of a suffix that is named", () => {
  const harness = guarded([...everything, { suffix: nameOf("web-1"), servers: [corporate] }]);
  assert.equal(harness.ask("api.web-1").kind, "pending");
  assert.deepEqual(harness.serve(), [`api.web-1. ${corporate} udp`]);
});

Deno.test("SearchGuard lets no IPv6 address of a name that the zone has wait for servers that do not answer", () => {
  const harness = guarded();
  for (const [name, type, code] of [["beta.example.com", "AAAA", 0], ["beta", "AAAA", 0]] as const) {
    // A failure is remembered for a second.
    harness.advance(1000);
    harness.ask(name, { type });
    harness.serve(() => ({ responseCode: 2 }));
    assert.equal(harness.replies()[0]?.message.responseCode, code, name);
  }
  for (const [name, type] of [["beta.example.com", "A"], ["nobody.example.com", "AAAA"]] as const) {
    harness.advance(1000);
    harness.ask(name, { type });
    harness.serve(() => ({ responseCode: 2 }));
    assert.equal(harness.replies()[0]?.message.responseCode, 2, name);
  }
});
