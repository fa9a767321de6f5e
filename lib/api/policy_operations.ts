/**
 * The part of the table that is about policies: what requests hold, and what is answered.
 * @module
 */

import * as z from "zod";
import type { NetworkPolicy, PolicyDocument, PolicyRule, PolicyTest } from "../policy/mod.ts";
import { MAX_ADDRESS_LENGTH } from "../mesh/bounds.ts";
import { flag, type Lazy, type LazyObject, named, object, orNull, port } from "./json_schema.ts";
import type { Operation } from "./operation.ts";
import type * as policy from "./policy.ts";

const text = () => z.string();
const count = () => z.int().min(0);
const texts = () => z.array(z.string());
/** A revision, or the first digits of one. */
const revision = () => z.string().max(16);
/** A member, an endpoint, or one of them with a port or path. */
const end = () => z.string().min(1).max(1100);
// What a document says is read by whoever uses it, with errors of their own.
const input = () => ({ text: text().exactOptional(), document: z.unknown().exactOptional() });
const way = () => ({
  fromAddress: z.string().max(MAX_ADDRESS_LENGTH).exactOptional(),
  atPort: port(1).exactOptional(),
});

const applyRequest: LazyObject<policy.PolicyApplyRequest> = named("PolicyApplyRequest", () => ({
  ...input(),
  dryRun: z.boolean().exactOptional(),
  yes: z.boolean().exactOptional(),
  ...way(),
  expectedRevision: revision().exactOptional(),
}));
const testRequest: LazyObject<policy.PolicyTestRequest> = named("PolicyInput", input);
const diffRequest: LazyObject<policy.PolicyDiffRequest> = named("PolicyDiffRequest", () => ({
  ...input(),
  revision: revision().exactOptional(),
}));
const question: LazyObject<policy.PolicyQuestion> = named("PolicyQuestion", () => ({
  ...input(),
  source: end(),
  destination: end(),
  network: z.string().min(1).max(63).exactOptional(),
}));
const rollbackRequest: LazyObject<policy.PolicyRollbackRequest> = named("PolicyRollbackRequest", () => ({
  revision: revision().exactOptional(),
  yes: z.boolean().exactOptional(),
  ...way(),
}));
const removal: LazyObject<policy.PolicyRemoval> = object(() => ({
  trial: flag().describe("1 for the trial").exactOptional(),
}));
const logRequest: LazyObject<policy.PolicyLogRequest> = object(() => ({
  follow: flag().describe("1 for those that come, too").exactOptional(),
}));

const rule: LazyObject<PolicyRule> = named("PolicyRule", () => ({
  type: z.enum(["allow", "deny", "redirect", "qos", "limit"]),
  sourceSelector: text(),
  destinationSelector: text(),
  protocol: text(),
  sourcePortRange: text().optional(),
  destinationPortRange: text().optional(),
  actionParams: z.strictObject({
    answer: z.enum(["drop", "reject"]).optional(),
    via: text().optional(),
    rate: text().optional(),
    burst: text().optional(),
    dscp: z.union([z.int(), z.string()]).optional(),
  }).optional(),
}), "A rule.");
const networkPolicy: LazyObject<NetworkPolicy> = named("NetworkPolicy", () => ({
  id: text(),
  name: text(),
  networkId: text(),
  priority: z.int(),
  rules: z.array(rule()),
}), "Rules of one network.");
const test: LazyObject<PolicyTest> = named("PolicyTest", () => ({
  networkId: text().optional(),
  source: text(),
  accept: texts(),
  deny: texts(),
}), "What must hold before a document takes effect.");
const policyDocument: LazyObject<PolicyDocument> = named("PolicyDocument", () => ({
  policies: z.array(networkPolicy()),
  groups: z.record(z.string(), z.string()),
  tests: z.array(test()),
  answer: z.enum(["drop", "reject"]),
  names: z.enum(["show", "hide"]),
}), "All policies of a mesh.");

const policyRevision: LazyObject<policy.PolicyRevision> = named("PolicyRevision", () => ({
  revision: text(),
  appliedAt: count(),
  appliedBy: text(),
  policies: count(),
  rules: count(),
}), "A document that the network's key has signed.");
const enforced = () => ({
  revision: orNull(text()),
  isStale: z.boolean(),
  since: count().exactOptional(),
  problem: text().exactOptional(),
});
const member: LazyObject<policy.PolicyMember> = named(
  "PolicyMember",
  () => ({ name: text(), ...enforced() }),
);
const failure: LazyObject<policy.PolicyFailure> = named("PolicyFailure", () => ({
  network: text(),
  source: text(),
  destination: text(),
  expected: z.enum(["accept", "deny"]),
  rule: text(),
  message: text(),
}), "A test that does not hold.");
const status: LazyObject<policy.PolicyStatus> = named("PolicyStatus", () => ({
  enforced: orNull(policyRevision()),
  trial: orNull(policyRevision()),
  here: z.strictObject(enforced()),
  document: orNull(policyDocument()),
  trialDocument: orNull(policyDocument()),
  warnings: texts(),
  failures: z.array(failure()),
  members: z.array(member()),
  stale: count(),
  history: z.array(policyRevision()),
}), "Which policy is in force, and who enforces it.");
const change: LazyObject<policy.PolicyChange> = named("PolicyChange", () => ({
  network: text(),
  source: text(),
  destination: text(),
  gained: texts(),
  lost: texts(),
}), "What is different for one pair.");
const difference: LazyObject<policy.PolicyDifference> = named("PolicyDifference", () => ({
  from: orNull(text()),
  to: orNull(text()),
  changed: count(),
  gaining: count(),
  losing: count(),
  pairs: count(),
  changes: z.array(change()),
  isPartial: z.boolean(),
  addedRules: texts(),
  removedRules: texts(),
}), "What is different for whom.");
const tested = () => ({
  revision: text(),
  tests: count(),
  failures: z.array(failure()),
  warnings: texts(),
});
const testReport: LazyObject<policy.PolicyTestReport> = named("PolicyTestReport", tested);
const applyReport: LazyObject<policy.PolicyApplyReport> = named("PolicyApplyReport", () => ({
  ...tested(),
  isTrial: z.boolean(),
  isSame: z.boolean(),
  difference: difference(),
  sizeBytes: count(),
}));
const explanation: LazyObject<policy.PolicyExplanation> = named("PolicyExplanation", () => ({
  network: text(),
  source: text(),
  destination: text(),
  isAllowed: z.boolean(),
  rule: text(),
  message: text(),
  answer: z.enum(["drop", "reject"]).exactOptional(),
  via: texts().exactOptional(),
  limit: text().exactOptional(),
  qos: text().exactOptional(),
  steps: z.array(z.strictObject({
    rule: text(),
    text: text(),
    isMatch: z.boolean(),
    reason: text().exactOptional(),
  })),
  stale: texts(),
}), "Why something passes, or does not.");
const counters: LazyObject<policy.PolicyCounters> = named("PolicyCounters", () => ({
  revision: orNull(text()),
  rules: z.array(z.strictObject({
    rule: text(),
    text: text(),
    packets: count(),
    bytes: count(),
    flows: count(),
  })),
  flows: count(),
  denied: count(),
}), "What rules have decided on this node.");
const logLine: Lazy<policy.PolicyLogLine> = () =>
  z.union([
    z.object({ dropped: count() }),
    z.object({
      at: count(),
      network: text(),
      direction: z.enum(["out", "in", "through"]),
      source: text(),
      destination: text(),
      protocol: text(),
      sourcePort: count(),
      destinationPort: count(),
      path: text().exactOptional(),
      rule: text(),
      isTrial: z.boolean(),
      count: count(),
    }),
  ]);

/** The operations. */
export const POLICY_OPERATIONS: { readonly [Name in keyof policy.PolicyControl]: Operation<Name> } = {
  policyStatus: {
    route: "GET /policies",
    summary: "Which policy is in force, and who enforces it",
    isPublic: true,
    answer: status,
  },
  applyPolicy: {
    route: "POST /policies",
    summary: "Has a policy take effect, or with `dryRun` be tried",
    request: applyRequest,
    carriesValue: true,
    answer: applyReport,
  },
  testPolicy: {
    route: "POST /policies/test",
    summary: "Runs the tests of a policy, or of the one in force",
    request: testRequest,
    carriesValue: true,
    answer: testReport,
  },
  diffPolicy: {
    route: "POST /policies/diff",
    summary: "What a policy would change, and for whom",
    request: diffRequest,
    carriesValue: true,
    answer: difference,
  },
  explainPolicy: {
    route: "POST /policies/explain",
    summary: "Why something passes or not, and by which rule",
    request: question,
    carriesValue: true,
    answer: explanation,
  },
  policyCounters: {
    route: "GET /policies/counters",
    summary: "What rules have decided on this node",
    isPublic: true,
    answer: counters,
  },
  policyLog: {
    route: "GET /policies/log",
    summary: "The last denials of this node, and with `follow` those that come, one a line",
    request: logRequest,
    answer: logLine,
    lines: "always",
  },
  rollbackPolicy: {
    route: "POST /policies/rollback",
    summary: "Has a former policy take effect again",
    request: rollbackRequest,
    answer: applyReport,
  },
  removePolicy: {
    route: "DELETE /policies",
    summary: "Takes the policy back, so that all passes, or with `trial` the one that is tried",
    request: removal,
    answer: applyReport,
  },
};
