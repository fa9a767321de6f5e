/**
 * Holds the evaluator against the oracle.
 * @module
 */

import assert from "node:assert/strict";
import { explainAttempt } from "../answers/mod.ts";
import { compilePolicy, type PolicyRoster } from "../compile/mod.ts";
import { type Decision, NO_RULE, type PolicyEvaluator, readProgram } from "../evaluate/mod.ts";
import type { PolicyDocument } from "../model/mod.ts";
import { type OracleAttempt, type OracleDecision, type OracleParty, PolicyOracle } from "./policy_oracle.ts";
import { PolicyDraw } from "./random_policy.ts";

/** How many of what was asked was allowed, so that a test sees that it has tested both. */
export interface ComparisonCounts {
  asked: number;
  allowed: number;
  byRule: number;
  redirected: number;
  shaped: number;
}

/**
 * Draws a roster and a document, and compares what is decided of random attempts.
 * @param seed what fails is the same again with it
 * @throws AssertionError with all that it takes to see why
 */
export function compareOnce(seed: number, attempts: number, counts: ComparisonCounts): void {
  const draw = new PolicyDraw(seed);
  const roster = draw.roster();
  // With more than 64 rules for a pair they are asked one by one at first.
  const document = draw.document(draw.below(8) === 0 ? 300 : 12);
  const { bytes } = compilePolicy(document, roster, { revision: "00" });
  const evaluator = readProgram(bytes);
  for (const network of ["mesh", "blue"]) {
    const number = evaluator.networkNumber(network);
    const oracle = new PolicyOracle(document, roster, network);
    if (number === undefined) continue;
    const reachable = new Map<string, boolean>();
    for (let i = 0; i < attempts; i++) {
      const source: Party = drawParty(draw, roster, evaluator, oracle, number);
      const destination: Party = drawParty(draw, roster, evaluator, oracle, number);
      const attempt = draw.attempt();
      const isPath = attempt.kind === "call" || attempt.kind === "event";
      if (isPath && network !== "mesh") continue;
      const isOpen = attempt.kind === "event" && destination.subject === 0;
      const wanted = oracle.decide(source.party, isOpen ? undefined : destination.party, attempt);
      const given = named(
        evaluator,
        number,
        ask(evaluator, number, source.subject, destination.subject, attempt),
        roster,
        network,
      );
      counts.asked++;
      if (wanted.isAllowed) counts.allowed++;
      if (wanted.rule !== undefined) counts.byRule++;
      if (wanted.via.length > 0) counts.redirected++;
      if (wanted.limit !== undefined) counts.shaped++;
      const told = () =>
        JSON.stringify({ seed, network, source: source.text, destination: destination.text, attempt });
      assert.deepEqual(given, wanted, told());
      const isNamed = [source.subject, destination.subject].some((one) =>
        evaluator.isRestricted(number, one)
      );
      if (!isNamed && !isPath) {
        assert.ok(wanted.isAllowed && wanted.limit === undefined, `${told()} is named by no rule`);
      }
      if (i % 16 === 0) {
        const { steps } = explainAttempt(bytes, number, source.subject, destination.subject, attempt);
        const last = steps.find(({ reason }) => reason === undefined)?.rule;
        assert.equal(last, wanted.rule, `${told()} is explained otherwise`);
      }
      const key = `${source.subject} ${destination.subject}`;
      const mayReach = reachable.get(key) ?? evaluator.mayReach(number, source.subject, destination.subject);
      reachable.set(key, mayReach);
      // Paths of services that somebody does not offer, and topics, are no way to reach it.
      if (wanted.isAllowed && !isPath) assert.ok(mayReach, `${told()} is allowed, but may not be reached`);
    }
    checkReach(document, evaluator, number, oracle, roster, network, counts);
  }
}

interface Party {
  readonly text: string;
  readonly subject: number;
  readonly party: OracleParty;
}

function drawParty(
  draw: PolicyDraw,
  roster: PolicyRoster,
  evaluator: PolicyEvaluator,
  oracle: PolicyOracle,
  network: number,
): Party {
  if (draw.below(4) === 0) {
    const id = draw.below(5) === 0 ? "gone" : draw.one(roster.members).id;
    return { text: id, subject: evaluator.subjectOf(network, id), party: oracle.partyOf(id) };
  }
  const address = draw.address();
  const subject = evaluator.subjectAt(network, address.bytes, 0, address.family === 4 ? 4 : 16);
  return { text: address.toString(), subject, party: oracle.partyAt(address) };
}

function ask(
  evaluator: PolicyEvaluator,
  network: number,
  source: number,
  destination: number,
  attempt: OracleAttempt,
): Decision {
  switch (attempt.kind) {
    case "call":
      return evaluator.decideCall(source, destination, attempt.path);
    case "event":
      return evaluator.decideEvent(source, destination, attempt.path);
    case "frame":
      return evaluator.decideFrame(network, source, destination, attempt.etherType);
    case "packet": {
      const { protocol, sourcePort, destinationPort } = attempt;
      return evaluator.decide(network, source, destination, protocol, sourcePort, destinationPort);
    }
  }
}

/** Numbers as the names and ids that they stand for. */
function named(
  evaluator: PolicyEvaluator,
  network: number,
  decision: Decision,
  roster: PolicyRoster,
  name: string,
): OracleDecision {
  const rule = (number: number) => number === NO_RULE ? undefined : evaluator.ruleNames[number];
  const ids = name === "mesh"
    ? roster.members.map((member) => member.id)
    : roster.networks.flatMap((one) => one.endpoints.map((endpoint) => endpoint.name));
  return {
    isAllowed: decision.isAllowed,
    rule: rule(decision.rule),
    isRejected: decision.isRejected,
    via: ids.filter((id) => decision.via.includes(evaluator.subjectOf(network, id))).sort(),
    viaService: decision.viaService,
    limit: rule(decision.limit),
    qos: rule(decision.qos),
  };
}

const SOME_PORTS = [
  0,
  1,
  22,
  23,
  24,
  29,
  31,
  79,
  80,
  443,
  444,
  999,
  1000,
  1023,
  1024,
  1500,
  2500,
  5000,
  8050,
  9000,
  65_535,
];

/** Of each pair of members: whoever may be reached is so by something that can be tried, and all that is tried is refused where nobody may. */
function checkReach(
  document: PolicyDocument,
  evaluator: PolicyEvaluator,
  network: number,
  oracle: PolicyOracle,
  roster: PolicyRoster,
  name: string,
  counts: ComparisonCounts,
): void {
  // It is slow, and what events of which topics are is no way to reach anybody.
  if (counts.asked % 16 !== 0 || JSON.stringify(document).includes("topic:")) return;
  const attempts: OracleAttempt[] = [
    ...["orders", "orders/refund", "orders/refund/all", "orders/x", "users", "users/list", "other"].map((
      path,
    ) => ({ kind: "call", path }) as const),
    { kind: "event", path: "unheard" },
    { kind: "frame", etherType: 0x88b5 },
    ...[1, 47].map((protocol) => ({ kind: "packet", protocol, sourcePort: 0, destinationPort: 0 }) as const),
    ...[6, 17, 132].flatMap((protocol) =>
      SOME_PORTS.flatMap((sourcePort) =>
        SOME_PORTS.map((destinationPort) =>
          ({ kind: "packet", protocol, sourcePort, destinationPort }) as const
        )
      )
    ),
  ];
  const ids = roster.members.map((member) => member.id).slice(0, 3);
  for (const from of name === "mesh" ? ids : []) {
    for (const to of ids) {
      const mayReach = evaluator.mayReach(
        network,
        evaluator.subjectOf(network, from),
        evaluator.subjectOf(network, to),
      );
      const isReached = attempts.some((attempt) =>
        oracle.decide(oracle.partyOf(from), oracle.partyOf(to), attempt).isAllowed
      );
      if (mayReach) {
        assert.ok(isReached, `${from} may reach ${to} by nothing: ${JSON.stringify(document.policies)}`);
      }
    }
  }
}
