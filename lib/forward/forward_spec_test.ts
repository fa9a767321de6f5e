import assert from "node:assert/strict";
import fc from "fast-check";
import { type ForwardSpec, InvalidForwardError, parseForward } from "./forward_spec.ts";

/** @returns the text that `parseForward` reads as the same */
function formatForward({ bind, port, targetHost, targetPort }: ForwardSpec): string {
  return `${bracketed(bind)}:${port}:${bracketed(targetHost)}:${targetPort}`;
}

function bracketed(host: string): string {
  return host.includes(":") ? `[${host}]` : host;
}

const good: readonly (readonly [string, string, number, string, number])[] = [
  ["8080:web:80", "127.0.0.1", 8080, "web", 80],
  [" 8080:Web.weft.internal:80 ", "127.0.0.1", 8080, "web.weft.internal", 80],
  ["0:web:1", "127.0.0.1", 0, "web", 1],
  ["0.0.0.0:65535:web:65535", "0.0.0.0", 65535, "web", 65535],
  ["*:8080:web:80", "0.0.0.0", 8080, "web", 80],
  ["localhost:8080:web:80", "127.0.0.1", 8080, "web", 80],
  ["[::1]:8080:web:80", "::1", 8080, "web", 80],
  ["[::]:8080:[FD00:0::7]:80", "::", 8080, "fd00::7", 80],
  ["8080:[fd00::7]:80", "127.0.0.1", 8080, "fd00::7", 80],
  ["8080:10.200.0.7:80", "127.0.0.1", 8080, "10.200.0.7", 80],
  ["8080:_db.my-web_1:5432", "127.0.0.1", 8080, "_db.my-web_1", 5432],
];
for (const [text, bind, port, targetHost, targetPort] of good) {
  Deno.test(`parseForward() reads ${text}`, () => {
    const spec = parseForward(text);
    assert.deepEqual(spec, { bind, port, targetHost, targetPort });
    assert.deepEqual(parseForward(formatForward(spec)), spec);
  });
}

const bad: readonly (readonly [string, RegExp])[] = [
  ["", /it is not of that shape/],
  ["8080", /not of that shape/],
  ["8080:web", /not of that shape/],
  ["a:b:c:d:e", /not of that shape/],
  ["::1:8080:web:80", /not of that shape/],
  ["8080:fd00::7:80", /not of that shape/],
  ["x".repeat(10_000), /not of that shape/],
  [":8080:web:80", /"" is no address to listen on/],
  ["web:8080:web:80", /"web" is no address to listen on/],
  ["[10.0.0.1]:8080:web:80", /is no address to listen on/],
  [":web:80", /"" is no port to listen on/],
  ["080:web:80", /"080" is no port to listen on/],
  ["65536:web:80", /"65536" is no port/],
  ["-1:web:80", /"-1" is no port/],
  ["8080::80", /"" is no name and no address/],
  ["8080:we b:80", /"we b" is no name/],
  ["8080:-web:80", /is no name/],
  ["8080:web..x:80", /is no name/],
  ["8080:10.0.0.256:80", /is no name and no address/],
  ["8080:0.0.0.0:80", /is no name and no address/],
  ["8080:[::]:80", /is no name and no address/],
  ["8080:web:0", /"0" is no port of web/],
  ["8080:web:", /"" is no port of web/],
  ["8080:web:http", /"http" is no port of web/],
];
for (const [text, problem] of bad) {
  Deno.test(`parseForward() refuses ${JSON.stringify(text.slice(0, 30))}`, () => {
    assert.throws(() => parseForward(text), (error) => {
      assert.ok(error instanceof InvalidForwardError);
      assert.equal(error.code, "InvalidForward");
      assert.match(error.message, problem);
      assert.ok(error.message.length < 250);
      assert.match(error.hint ?? "", /8080:web:80/);
      return true;
    });
  });
}

Deno.test("parseForward() takes any text, and reads again what formatForward() writes", () => {
  const pieces = fc.constantFrom("80", "web", ":", "[", "]", "::1", "0.0.0.0", "*", ".", "-", " ", "ä");
  const text = fc.oneof(fc.string(), fc.array(pieces, { maxLength: 10 }).map((all) => all.join("")));
  fc.assert(
    fc.property(text, (text) => {
      let spec: ForwardSpec;
      try {
        spec = parseForward(text);
      } catch (error) {
        return assert.ok(error instanceof InvalidForwardError);
      }
      assert.deepEqual(parseForward(formatForward(spec)), spec);
    }),
    { numRuns: 1_000 },
  );
});
