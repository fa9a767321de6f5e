/**
 * What people ask about policies, answered with the members that there are: what a document would change, whose way it cuts
 * off, and why something passes.
 * @module
 */

import type { PolicyDifference, PolicyExplanation, PolicyQuestion, PolicyTestReport } from "../../api/mod.ts";
import {
  checkPolicy,
  compilePolicy,
  type Decision,
  explainAttempt,
  MESH,
  type NamedSubject,
  NO_RULE,
  parseAttempt,
  type PolicyDocument,
  type PolicyEvaluator,
  type PolicyProgram,
  type PolicyRoster,
  reachDifference,
  readProgram,
  runPolicyTests,
  SubjectFinder,
} from "../../policy/mod.ts";
import { UnknownNetworkError } from "../../overlay/mod.ts";
import { InvalidRequestError, UnknownPeerError } from "../errors.ts";
import { type PackedPolicy, packPolicy } from "./policy_entry.ts";
import { rulesLacking, ruleTexts } from "./rule_text.ts";

const TCP = 6;
const SSH_PORT = 22;
// What systems choose (RFC 6335 §6).
const EPHEMERAL_PORT = 49_152;

/** A document, compiled for questions. */
export class AskedPolicy {
  readonly document: PolicyDocument;
  readonly roster: PolicyRoster;
  readonly packed: PackedPolicy;
  readonly program: PolicyProgram;
  #evaluator: PolicyEvaluator | undefined;

  /** @throws PolicyTooLargeError, InvalidPolicyError */
  constructor(document: PolicyDocument, roster: PolicyRoster) {
    this.document = document;
    this.roster = roster;
    this.packed = packPolicy(document);
    this.program = compilePolicy(document, roster, { revision: this.packed.revision });
  }

  get evaluator(): PolicyEvaluator {
    return this.#evaluator ??= readProgram(this.program.bytes);
  }

  /** Runs its tests. */
  test(): PolicyTestReport {
    const { document, roster, packed: { revision } } = this;
    const warnings = checkPolicy(document, roster).map(({ message }) => message);
    const tests = document.tests.reduce((sum, { accept, deny }) => sum + accept.length + deny.length, 0);
    return { revision, tests, failures: runPolicyTests(document, roster), warnings };
  }
}

/** @param before undefined for none: all passes @param after likewise */
export function differenceOf(
  before: AskedPolicy | undefined,
  after: AskedPolicy | undefined,
  roster: PolicyRoster,
): PolicyDifference {
  return {
    from: before?.packed.revision ?? null,
    to: after?.packed.revision ?? null,
    ...reachDifference(before?.program.bytes, after?.program.bytes, roster),
    addedRules: rulesLacking(after?.document, before?.document),
    removedRules: rulesLacking(before?.document, after?.document),
  };
}

/** One way that whoever applies a policy may need. */
export interface OwnWay {
  /** A member's id, or an address. */
  readonly source: { readonly id: string } | { readonly address: Uint8Array };
  readonly destination: string;
  readonly port: number;
  /** How it is named to whoever would lose it. */
  readonly text: string;
}

/** @param ways those to look at, of TCP @returns those that are open by the first policy and not by the second, with the rule */
export function waysCut(
  before: AskedPolicy | undefined,
  after: AskedPolicy | undefined,
  ways: readonly OwnWay[],
): readonly { readonly way: OwnWay; readonly rule: string }[] {
  return ways.flatMap((way) => {
    if (!decideWay(before?.evaluator, way).isAllowed) return [];
    const { isAllowed, rule } = decideWay(after?.evaluator, way);
    return isAllowed ? [] : [{ way, rule }];
  });
}

/** The port by which operators come in, unless they say another one. */
export const OPERATOR_PORT: number = SSH_PORT;

function decideWay(
  evaluator: PolicyEvaluator | undefined,
  { source, destination, port }: OwnWay,
): { readonly isAllowed: boolean; readonly rule: string } {
  const network = evaluator?.networkNumber(MESH);
  if (evaluator === undefined || network === undefined) return { isAllowed: true, rule: "default" };
  const from = "id" in source
    ? evaluator.subjectOf(network, source.id)
    : evaluator.subjectAt(network, source.address, 0, source.address.length === 4 ? 4 : 16);
  const to = evaluator.subjectOf(network, destination);
  const { isAllowed, rule } = evaluator.decide(network, from, to, TCP, EPHEMERAL_PORT, port);
  return { isAllowed, rule: nameOf(evaluator, rule) };
}

/**
 * Says why something passes, or does not.
 * @param stale names of members that enforce another revision
 * @throws InvalidRequestError, UnknownNetworkError, UnknownPeerError
 */
export function explain(
  asked: AskedPolicy | undefined,
  { source, destination, network: name = MESH }: PolicyQuestion,
  roster: PolicyRoster,
  stale: ReadonlySet<string>,
): PolicyExplanation {
  const what = parseAttempt(destination);
  if (what === undefined) {
    throw new InvalidRequestError(`Cannot explain ${destination}: that is nothing that can be tried`, {
      hint: "Write db-1:5432, db-1:udp/53, db-1:icmp, db-1, service:orders/refund or topic:metrics/cpu.",
    });
  }
  if (name !== MESH && !roster.networks.some((network) => network.name === name)) {
    throw new UnknownNetworkError(
      `Cannot explain that: there is no overlay network ${JSON.stringify(name)}`,
    );
  }
  const empty = { policies: [], groups: {}, tests: [], answer: "drop", names: "show" } as const;
  const policy = asked ?? new AskedPolicy(empty, roster);
  const { evaluator, document } = policy;
  const finder = new SubjectFinder(evaluator, roster, name, document.groups);
  const from = oneOf(finder, source, name);
  const to = what.destination === undefined
    ? { name: destination, subject: 0 }
    : oneOf(finder, what.destination, name);
  const common = {
    network: name,
    source: from.name,
    destination: what.destination === undefined
      ? destination
      : destination.replace(what.destination, to.name),
    stale: [from.name, to.name].filter((end) => stale.has(end)),
  };
  const network = evaluator.networkNumber(name);
  if (network === undefined) {
    return { ...common, isAllowed: true, rule: "default", message: noPolicy(common, name), steps: [] };
  }
  // Anything at all: what a rule of all protocols decides, or nothing does.
  const attempt = what.attempt ??
    { kind: "packet", protocol: 253, sourcePort: 0, destinationPort: 0 } as const;
  const { decision, steps } = explainAttempt(
    policy.program.bytes,
    network,
    from.subject,
    to.subject,
    attempt,
  );
  const mayReach = what.attempt === undefined && evaluator.mayReach(network, from.subject, to.subject);
  const texts = ruleTexts(document);
  const isAllowed = decision.isAllowed || mayReach;
  const rule = decision.isAllowed || !mayReach ? nameOf(evaluator, decision.rule) : "default";
  const via = [...viaNames(roster, name, evaluator, network, decision)];
  return {
    ...common,
    isAllowed,
    rule,
    message: sentence(common, isAllowed, rule, !decision.isAllowed && mayReach),
    ...!isAllowed && { answer: decision.isRejected ? "reject" : "drop" },
    ...via.length > 0 && { via },
    ...decision.limit !== NO_RULE && { limit: nameOf(evaluator, decision.limit) },
    ...decision.qos !== NO_RULE && { qos: nameOf(evaluator, decision.qos) },
    steps: steps.map((step) => ({
      rule: step.rule,
      text: texts.get(step.rule) ?? "",
      isMatch: step.reason === undefined,
      ...step.reason !== undefined && { reason: step.reason },
    })),
  };
}

function sentence(
  { source, destination }: Pick<PolicyExplanation, "source" | "destination">,
  isAllowed: boolean,
  rule: string,
  isPartly: boolean,
): string {
  if (isPartly) return `${source} may reach ${destination} by some protocols or ports`;
  if (isAllowed) {
    const why = rule === "default" ? "no rule of a policy has it as its destination" : `${rule} allows it`;
    return `${source} may reach ${destination}: ${why}`;
  }
  const why = rule === "default" ? "policies are on it, and no rule allows it" : `${rule} denies it`;
  return `${source} may not reach ${destination}: ${why}`;
}

function noPolicy({ source, destination }: Pick<PolicyExplanation, "source" | "destination">, name: string) {
  return `${source} may reach ${destination}: no policy is of ${name === MESH ? "the mesh" : name}`;
}

/** @throws UnknownPeerError when nobody is meant, InvalidRequestError when several are */
function oneOf(finder: SubjectFinder, text: string, network: string): NamedSubject {
  const [first, ...more] = finder.find(text);
  if (first === undefined) {
    throw new UnknownPeerError(`Cannot explain that: nobody in ${network} goes by ${JSON.stringify(text)}`, {
      hint: network === MESH
        ? "`weft peers` lists all members; --network NAME asks about the endpoints of an overlay network."
        : "`weft endpoint list` lists all endpoints.",
    });
  }
  if (more.length > 0) {
    throw new InvalidRequestError(
      `Cannot explain that: ${JSON.stringify(text)} means ${more.length + 1} of them`,
      { hint: `Ask for one of them, such as ${first.name}.` },
    );
  }
  return first;
}

function* viaNames(
  roster: PolicyRoster,
  name: string,
  evaluator: PolicyEvaluator,
  network: number,
  { via }: Decision,
): Iterable<string> {
  if (via.length === 0) return;
  const inhabitants = name === MESH
    ? roster.members.map((member) => ({ id: member.id, name: member.name }))
    : roster.networks.find((one) => one.name === name)?.endpoints.map((one) => ({ ...one, id: one.name })) ??
      [];
  for (const one of inhabitants) if (via.includes(evaluator.subjectOf(network, one.id))) yield one.name;
}

function nameOf(evaluator: PolicyEvaluator, rule: number): string {
  return evaluator.ruleNames[rule] ?? "default";
}
