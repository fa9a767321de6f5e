import assert from "node:assert/strict";
import { sampleNetwork } from "../../../agent/testing/sample_networks.ts";
import { overlayFinding } from "./mod.ts";

const [endpoint] = sampleNetwork.endpoints;
assert.ok(endpoint);
const withEndpoint = (said: Partial<typeof endpoint>) => [{
  ...sampleNetwork,
  endpoints: [{ ...endpoint, ...said }],
}];

Deno.test("overlayFinding() counts what is well", () => {
  assert.equal(overlayFinding([]), undefined);
  assert.deepEqual(overlayFinding([sampleNetwork, { ...sampleNetwork, name: "red", isActive: false }]), {
    kind: "ok",
    detail: "2 overlay networks, 2 endpoints here; inactive: red",
  });
  assert.equal(overlayFinding(withEndpoint({ state: "inactive" }))?.kind, "ok");
  assert.equal(overlayFinding(withEndpoint({ state: "conflict", isLocal: false }))?.kind, "ok");
});

const wrong = [
  [
    "a TAP that is gone",
    { state: "failed", problem: "its device web-1 is gone", hint: "Make it." },
    /is gone$/,
  ],
  ["no device", { state: "failed" }, /blue\/web-1 is not up: there is no device/],
  ["a lost conflict", { state: "conflict" }, /another endpoint has its MAC/],
  ["a loop", { state: "blocked" }, /come back by another way/],
] as const;
for (const [name, said, says] of wrong) {
  Deno.test(`overlayFinding() tells of ${name}`, () => {
    const finding = overlayFinding(withEndpoint(said));
    assert.equal(finding?.kind, "problem");
    assert.match(finding.detail, says);
    assert.ok(finding.hint);
  });
}

Deno.test("overlayFinding() tells of a network that does not work before its endpoints", () => {
  const problem = "UDP port 4789 is taken";
  const finding = overlayFinding([{ ...withEndpoint({ state: "failed" })[0] ?? sampleNetwork, problem }]);
  assert.match(finding?.detail ?? "", /network blue does not work: UDP port 4789 is taken/);
  assert.match(finding?.kind === "problem" ? finding.hint : "", /weft network show blue/);
});
