import assert from "node:assert/strict";
import { parseAgentOptions } from "../config/mod.ts";
import { readStatusToken, refuseWithoutOverlay, statusPageText } from "./status_page.ts";
import { SamplePorts } from "./testing/sample_ports.ts";

const optionsOf = (values: object) => parseAgentOptions({ stateDir: "/state", ...values });

Deno.test("readStatusToken() takes a file of its owner alone, of a token's size", async () => {
  const ports = new SamplePorts();
  const options = optionsOf({ statusTokenFile: "/etc/weft/token" });
  assert.equal(await readStatusToken(optionsOf({}), ports), undefined);
  await assert.rejects(readStatusToken(options, ports), /Cannot read the token of the status page from/);
  ports.files.set("/etc/weft/token", "0123456789abcdef\n");
  assert.equal(await readStatusToken(options, ports), "0123456789abcdef\n");
  for (const access of ["read", "write"] as const) {
    ports.access.set("/etc/weft/token", access);
    await assert.rejects(
      readStatusToken(options, ports),
      (error: Error) => !error.message.includes("0123456789"),
    );
  }
  ports.access.clear();
  ports.files.set("/etc/weft/token", "x".repeat(1025));
  await assert.rejects(readStatusToken(options, ports), /longer than a token/);
});

Deno.test("refuseWithoutOverlay() refuses a rootless node its overlay address, and says what works", () => {
  assert.throws(() => refuseWithoutOverlay(optionsOf({ rootless: true, statusAddress: "overlay" })), {
    hint: /weft offer 9180/,
  });
  refuseWithoutOverlay(optionsOf({ rootless: true, statusAddress: "any" }));
  refuseWithoutOverlay(optionsOf({ statusAddress: "loopback,overlay" }));
});

const texts: readonly (readonly [string, RegExp, RegExp])[] = [
  ["loopback", /^Status page: http:\/\/127\.0\.0\.1:9180\/\n$/, /token|plain/],
  [
    "overlay",
    /^Status page: http:\/\/10\.200\.0\.1:9180\/\nFrom other machines it asks for the token/,
    /plain/,
  ],
  ["loopback,overlay", /http:\/\/127\.0\.0\.1:9180\/ and http:\/\/10\.200\.0\.1:9180\//, /plain/],
  ["any", /^Status page: http:\/\/localhost:9180\/\n[^]*It is plain HTTP/, /10\.200/],
  ["10.200.0.1", /http:\/\/10\.200\.0\.1:9180\/\nFrom other/, /plain/],
  ["::", /localhost[^]*plain HTTP/, /\[/],
  ["2001:db8::1", /http:\/\/\[2001:db8::1\]:9180\/[^]*plain HTTP/, /127/],
];
for (const [where, says, never] of texts) {
  Deno.test(`statusPageText() of ${where} says where the page is, and who can read it`, () => {
    const { statusAddress } = optionsOf({ statusAddress: where });
    const text = statusPageText(statusAddress, new SamplePorts().overlay, 9180);
    assert.match(text, says);
    assert.doesNotMatch(text, never);
  });
}
