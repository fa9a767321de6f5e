import assert from "node:assert/strict";
import { millis, silentLogger, unixMillis } from "../base/mod.ts";
import { parseAgentOptions } from "../config/mod.ts";
import { systemTimers } from "../host/mod.ts";
import { Endpoint } from "../net/mod.ts";
import { FOUND_MS, MISSED_MS, NamedEndpoints } from "./named_endpoints.ts";

const name = { hostname: "vpn.example.com", port: 51820 };

function make(answers: (readonly string[] | Error)[]) {
  let now = 0;
  let asked = 0;
  const clock = { now: () => millis(now), wall: () => unixMillis(now) };
  const named = new NamedEndpoints(
    parseAgentOptions({ stateDir: "/s", endpoints: "vpn.example.com:51820, 192.0.2.9:1" }).endpoints,
    { clock, timers: systemTimers, log: silentLogger },
    () => {
      const answer = answers[Math.min(asked++, answers.length - 1)] ?? [];
      return answer instanceof Error ? Promise.reject(answer) : Promise.resolve(answer);
    },
  );
  return { named, asked: () => asked, pass: (ms: number) => now += ms };
}

Deno.test("NamedEndpoints tells the addresses of a name, and follows them", async () => {
  const { named, asked, pass } = make([["192.0.2.1", "2001:db8::1"], ["192.0.2.2"]]);
  assert.deepEqual(named.of(name), []);
  await named.look();
  assert.deepEqual(named.of(name).map(String), ["192.0.2.1:51820", "[2001:db8::1]:51820"]);
  named.lookWhenDue();
  assert.equal(asked(), 1);
  pass(FOUND_MS);
  named.lookWhenDue();
  await named.look();
  assert.equal(asked(), 2);
  assert.deepEqual(named.of(name).map(String), ["192.0.2.2:51820"]);
});

Deno.test("NamedEndpoints keeps what it knows when a look fails, and looks again soon", async () => {
  const { named, asked, pass } = make([new Error("no such host"), ["192.0.2.1"], new Error("down")]);
  await named.look();
  assert.deepEqual(named.of(name), []);
  pass(MISSED_MS);
  named.lookWhenDue();
  await named.look();
  assert.deepEqual(named.of(name).map(String), ["192.0.2.1:51820"]);
  pass(FOUND_MS);
  await named.look();
  assert.deepEqual(named.of(name).map(String), ["192.0.2.1:51820"]);
  assert.equal(asked(), 3);
});

const texts: readonly (readonly [string, boolean])[] = [
  ["vpn.example.com:51820", true],
  ["VPN.example.com.:1", true],
  ["localhost:51820", true],
  ["vpn.example.com", false],
  ["vpn.example.com:0", false],
  ["vpn.example.com:65536", false],
  ["1.2.3:80", false],
  ["1.2.3.4.5:80", false],
  ["-a.example:80", false],
  ["a_b.example:80", false],
  ["a..b:80", false],
  ["0.0.0.0:80", false],
  ["2001:db8::1:51820", false],
];
for (const [text, isOne] of texts) {
  Deno.test(`--endpoint ${isOne ? "takes" : "refuses"} ${text}`, () => {
    const parse = () => parseAgentOptions({ stateDir: "/s", endpoints: text }).endpoints;
    if (!isOne) return void assert.throws(parse, { code: "InvalidConfig" });
    const [endpoint] = parse();
    assert(endpoint !== undefined && !(endpoint instanceof Endpoint));
    assert.equal(endpoint.hostname, endpoint.hostname.toLowerCase());
  });
}
