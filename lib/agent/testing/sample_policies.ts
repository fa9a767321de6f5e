/**
 * What may be asked of an agent about policies, without an agent.
 * @module
 */

import type {
  PolicyApplyReport,
  PolicyApplyRequest,
  PolicyControl,
  PolicyCounters,
  PolicyDifference,
  PolicyDiffRequest,
  PolicyExplanation,
  PolicyLogLine,
  PolicyLogRequest,
  PolicyQuestion,
  PolicyRemoval,
  PolicyRollbackRequest,
  PolicyStatus,
  PolicyTestReport,
  PolicyTestRequest,
} from "../../api/mod.ts";
import { NotLeaderError } from "../errors.ts";
import { SampleNetworks } from "./sample_networks.ts";

const revision = "00112233445566ff";
const document = {
  policies: [{
    id: "p1",
    name: "web-tier",
    networkId: "mesh",
    priority: 100,
    rules: [{
      type: "allow" as const,
      sourceSelector: "role=web",
      destinationSelector: "role=db",
      protocol: "tcp",
      destinationPortRange: "5432",
    }],
  }],
  groups: {},
  tests: [{ source: "web-1", accept: ["db-1:5432"], deny: ["db-1:22"] }],
  answer: "drop" as const,
  names: "show" as const,
};
const ruleText = "allow role=web → role=db tcp/5432";

/** The policy that the sample's network has. */
export const samplePolicy: PolicyStatus = {
  enforced: { revision, appliedAt: 1_700_000_000_000, appliedBy: "lead", policies: 1, rules: 1 },
  trial: null,
  here: { revision, isStale: false, since: 1_700_000_000_200 },
  document,
  trialDocument: null,
  warnings: [],
  failures: [],
  members: [
    { name: "lead", revision, isStale: false, since: 1_700_000_000_200 },
    { name: "web-1", revision: null, isStale: true },
  ],
  stale: 1,
  history: [],
};

const difference: PolicyDifference = {
  from: null,
  to: revision,
  changed: 1,
  gaining: 0,
  losing: 1,
  pairs: 2,
  changes: [{ network: "mesh", source: "lead", destination: "web-1", gained: [], lost: ["all"] }],
  isPartial: false,
  addedRules: [`web-tier#1: ${ruleText}`],
  removedRules: [],
};

const report: PolicyApplyReport = {
  revision,
  tests: 2,
  failures: [],
  warnings: ["role=db means nobody"],
  isTrial: false,
  isSame: false,
  difference,
  sizeBytes: 214,
};

/** Knows one policy, and writes down what it was asked to change. */
export class SamplePolicies extends SampleNetworks implements PolicyControl {
  policyStatus(): PolicyStatus {
    return samplePolicy;
  }

  applyPolicy(request: PolicyApplyRequest): Promise<PolicyApplyReport> {
    this.asked.push(request);
    return Promise.resolve({ ...report, isTrial: request.dryRun ?? false });
  }

  testPolicy(request: PolicyTestRequest): Promise<PolicyTestReport> {
    this.asked.push(request);
    const { tests, failures, warnings } = report;
    return Promise.resolve({ revision, tests, failures, warnings });
  }

  diffPolicy(request: PolicyDiffRequest): Promise<PolicyDifference> {
    this.asked.push(request);
    return Promise.resolve(difference);
  }

  explainPolicy({ source, destination, network = "mesh" }: PolicyQuestion): Promise<PolicyExplanation> {
    return Promise.resolve({
      network,
      source,
      destination,
      isAllowed: true,
      rule: "web-tier#1",
      message: `${source} may reach ${destination}: web-tier#1 allows it`,
      steps: [{ rule: "web-tier#1", text: ruleText, isMatch: true }],
      stale: ["web-1"],
    });
  }

  policyCounters(): PolicyCounters {
    const counts = { packets: 7, bytes: 700, flows: 1 };
    return { revision, rules: [{ rule: "web-tier#1", text: ruleText, ...counts }], flows: 1, denied: 3 };
  }

  async *policyLog(request: PolicyLogRequest): AsyncIterable<PolicyLogLine> {
    await Promise.resolve();
    this.asked.push(request);
    yield {
      at: 1_700_000_000_000,
      network: "mesh",
      direction: "in",
      source: "10.200.0.2",
      destination: "10.200.0.3",
      protocol: "tcp",
      sourcePort: 40_000,
      destinationPort: 22,
      rule: "default",
      isTrial: false,
      count: 3,
    };
  }

  rollbackPolicy(request: PolicyRollbackRequest): PolicyApplyReport {
    this.asked.push(request);
    return report;
  }

  removePolicy(request: PolicyRemoval): PolicyApplyReport {
    this.asked.push(request);
    throw new NotLeaderError("Cannot remove the policy here: this node is no leader", {
      hint: "Ask the leader.",
    });
  }
}
