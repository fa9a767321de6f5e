/**
 * The policies of a running node: leaders sign a document, every member compiles it against the members that there are, and
 * hands it to whatever enforces it.
 *
 *     operations ──▶ PolicyActs (leaders) ──▶ entries of the network's key ──▶ PolicyBook ──▶ Policies ──▶ planes, guards
 *                                                                                  │
 *                        what was denied and counted ──▶ PolicyJournal             └─▶ PolicyHistory
 *
 * @module
 */

export { applyDeclaredPolicy, readDeclaredPolicy } from "./declared_policy.ts";
export * from "./errors.ts";
export { MessagePolicy } from "./message_policy.ts";
export { NodePolicies } from "./node_policies.ts";
export {
  type CompiledPolicies,
  type CompiledPolicy,
  Policies,
  type PoliciesParts,
  type PolicyConsumer,
} from "./policies.ts";
export { PolicyActs } from "./policy_acts.ts";
export { PolicyBook } from "./policy_book.ts";
export { decodeState, type PolicyHead, STATE_KIND, unpackPolicy } from "./policy_entry.ts";
export { type JournalLine, type JournalReport, PolicyJournal } from "./policy_journal.ts";
export {
  AskedPolicy,
  differenceOf,
  explain,
  OPERATOR_PORT,
  type OwnWay,
  waysCut,
} from "./policy_questions.ts";
export { ruleTexts } from "./rule_text.ts";
