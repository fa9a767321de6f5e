/**
 * What `weft doctor` says of policies.
 * @module
 */

import type { PolicyStatus } from "../../../api/mod.ts";
import { counted, enforcersText } from "../../output/mod.ts";
import type { Finding } from "../finding.ts";

/** A trial is looked at for a day or two, and then forgotten. */
const LONG_TRIAL_MS = 3 * 86_400_000;

/** @returns the first thing that is wrong with the policy of the network; undefined without any */
export function policyFinding(status: PolicyStatus, nowMs: number): Finding | undefined {
  const { enforced, trial, here, stale, members, failures } = status;
  if (here.isStale) {
    return problem(
      `this node enforces another policy than the network's key says: ${here.problem ?? "it is on its way"}`,
      "It needs a member that has it; `weft peers` shows who can be reached.",
    );
  }
  if (here.problem !== undefined) {
    return problem(
      `the policy of this node: ${here.problem}`,
      "The agent's log says more; `weft policy show` says what is in force.",
    );
  }
  const [failure, ...others] = failures;
  if (failure !== undefined) {
    const more = others.length === 0 ? "" : `, and ${others.length} more`;
    return problem(
      `a test of the policy fails with the members that there are now${more}: ${failure.message}`,
      "`weft policy explain` shows every rule that is asked; mend the policy, the test, or the labels.",
    );
  }
  if (enforced !== null && stale > 0) {
    return problem(
      enforcersText(members),
      "Who is away takes it up when it comes back; `weft policy show` says since when, and why.",
    );
  }
  if (trial !== null && nowMs - trial.appliedAt > LONG_TRIAL_MS) {
    return problem(
      `a policy has been on trial since ${new Date(trial.appliedAt).toISOString()}, and denies nothing`,
      "`weft policy apply` has it take effect, `weft policy remove --trial` ends it.",
    );
  }
  if (enforced === null) return undefined;
  const rules = counted(enforced.rules, "rule");
  return {
    kind: "ok",
    detail: `${enforced.revision}, ${rules}, in force on all ${counted(members.length, "member")}`,
  };
}

function problem(detail: string, hint: string): Finding {
  return { kind: "problem", detail, hint };
}
