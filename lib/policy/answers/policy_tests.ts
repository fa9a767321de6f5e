/**
 * The tests that stand in a document: what must pass and what must not, before it takes effect.
 * @module
 */

import { IpAddress } from "../../net/mod.ts";
import {
  compilePolicy,
  type Inhabitant,
  InhabitantFinder,
  inhabitantsOf,
  MESH,
  type PolicyRoster,
} from "../compile/mod.ts";
import {
  type Decision,
  isBelow,
  NO_RULE,
  type PolicyEvaluator,
  qualified,
  readProgram,
  type SubjectNumber,
} from "../evaluate/mod.ts";
import { MAX_TEST_FAILURES, MAX_TEST_PAIRS, type PolicyDocument } from "../model/mod.ts";
import { InvalidSelectorError } from "../selectors/mod.ts";
import { type Attempt, decideAttempt, parseAttempt } from "./attempt.ts";

/** A test that does not hold. */
export interface PolicyTestFailure {
  /** `mesh`, or an overlay network's name. */
  readonly network: string;
  /** The name of whoever begins; what the test says where nobody is meant. */
  readonly source: string;
  /** As the test says it. */
  readonly destination: string;
  /** What the test wants. */
  readonly expected: "accept" | "deny";
  /** The rule that decided otherwise, `web-tier#3`; `default` where none matched, or where no policy is. */
  readonly rule: string;
  /** The same in one sentence. */
  readonly message: string;
}

const NOBODY = "nobody is meant by";

/** Whether a test fails because there is no member yet whom it means. */
export function isAboutNobody({ message, source, destination }: PolicyTestFailure): boolean {
  return message.startsWith(`${source} to ${destination}: ${NOBODY} `);
}

/** Somebody whom a text means. */
export interface NamedSubject {
  readonly name: string;
  readonly subject: SubjectNumber;
}

/** Says of texts whom they mean: a name, an id, an address, or a selector. */
export class SubjectFinder {
  readonly #inhabitants: readonly Inhabitant[];
  readonly #evaluator: PolicyEvaluator;
  readonly #network: number | undefined;
  readonly #finder: InhabitantFinder;

  /** @param network `mesh`, or an overlay network's name */
  constructor(
    evaluator: PolicyEvaluator,
    roster: PolicyRoster,
    network: string,
    groups: Readonly<Record<string, string>>,
  ) {
    this.#evaluator = evaluator;
    this.#network = evaluator.networkNumber(network);
    this.#inhabitants = inhabitantsOf(roster, network);
    this.#finder = new InhabitantFinder(this.#inhabitants, groups);
  }

  /** @returns those who are meant; nobody when the text means none, or nothing */
  find(text: string): readonly NamedSubject[] {
    const address = IpAddress.parse(text);
    if (address !== undefined) return [{ name: text, subject: this.#subjectAt(address) }];
    const named = this.#inhabitants.filter((one) => one.name === text || one.id === text);
    try {
      const found = named.length > 0 ? named : this.#finder.find(text);
      return found.map(({ name, id }) => ({ name, subject: this.#subjectOf(id) }));
    } catch (error) {
      if (error instanceof InvalidSelectorError) return [];
      throw error;
    }
  }

  /** @returns those of whom a call of the path could be answered */
  offering(path: string): readonly NamedSubject[] {
    return this.#inhabitants
      .filter(({ services }) => services.some((service) => isBelow(qualified(path), qualified(service))))
      .map(({ name, id }) => ({ name, subject: this.#subjectOf(id) }));
  }

  #subjectOf(id: string): SubjectNumber {
    return this.#network === undefined ? 0 : this.#evaluator.subjectOf(this.#network, id);
  }

  #subjectAt({ bytes, family }: IpAddress): SubjectNumber {
    return this.#network === undefined
      ? 0
      : this.#evaluator.subjectAt(this.#network, bytes, 0, family === 4 ? 4 : 16);
  }
}

/**
 * Runs the tests of a document against the members that there are.
 * @returns those that fail, in order: `MAX_TEST_FAILURES` at most. A test that would ask for more than is left of
 *   `MAX_TEST_PAIRS` fails without having been asked.
 */
export function runPolicyTests(document: PolicyDocument, roster: PolicyRoster): readonly PolicyTestFailure[] {
  if (document.tests.length === 0) return [];
  const evaluator = readProgram(compilePolicy(document, roster, { revision: "0".repeat(16) }).bytes);
  const tally: TestTally = { failures: [], pairsLeft: MAX_TEST_PAIRS };
  const finders = new Map<string, SubjectFinder>();
  for (const { networkId = MESH, source, accept, deny } of document.tests) {
    const finder = finders.get(networkId) ?? new SubjectFinder(evaluator, roster, networkId, document.groups);
    finders.set(networkId, finder);
    const test = new TestRun(evaluator, networkId, finder, tally);
    for (const destination of accept) test.run(source, destination, "accept");
    for (const destination of deny) test.run(source, destination, "deny");
    if (tally.failures.length >= MAX_TEST_FAILURES) break;
  }
  return tally.failures;
}

/** What the tests of a document have come to. */
interface TestTally {
  readonly failures: PolicyTestFailure[];
  pairsLeft: number;
}

class TestRun {
  readonly #evaluator: PolicyEvaluator;
  readonly #network: string;
  readonly #finder: SubjectFinder;
  readonly #tally: TestTally;

  constructor(
    evaluator: PolicyEvaluator,
    network: string,
    finder: SubjectFinder,
    tally: TestTally,
  ) {
    this.#evaluator = evaluator;
    this.#network = network;
    this.#finder = finder;
    this.#tally = tally;
  }

  run(source: string, destination: string, expected: "accept" | "deny"): void {
    const what = parseAttempt(destination);
    const { failures } = this.#tally;
    if (failures.length >= MAX_TEST_FAILURES) return;
    const fail = (name: string, rule: string, why: string): void => {
      if (failures.length >= MAX_TEST_FAILURES) return;
      const message = `${name} to ${destination}: ${why}, and the test wants ${expected}`;
      failures.push({ network: this.#network, source: name, destination, expected, rule, message });
    };
    if (what === undefined) return fail(source, "default", "that is nothing that can be tried");
    const sources = this.#finder.find(source);
    if (sources.length === 0) return fail(source, "default", `${NOBODY} ${source}`);
    const destinations = this.#destinationsOf(what.destination, what.attempt);
    if (destinations.length === 0) return fail(source, "default", `${NOBODY} ${what.destination}`);
    const pairs = sources.length * destinations.length;
    if (pairs > this.#tally.pairsLeft) {
      return fail(
        source,
        "default",
        `it means ${pairs} pairs, of ${MAX_TEST_PAIRS} that all tests may ask for together`,
      );
    }
    this.#tally.pairsLeft -= pairs;
    for (const from of sources) {
      for (const to of destinations) {
        if (failures.length >= MAX_TEST_FAILURES) return;
        // Nobody is ever kept from itself, whatever a selector of both means.
        if (from.subject === to.subject && from.subject !== 0 && sources.length + destinations.length > 2) {
          continue;
        }
        const [isAllowed, rule] = this.#decide(from.subject, to.subject, what.attempt);
        if (isAllowed === (expected === "accept")) continue;
        const by = rule === undefined ? "no rule matches" : `${rule} decides`;
        const at = to.name === what.destination || to.subject === 0 ? "" : ` at ${to.name}`;
        fail(from.name, rule ?? "default", `it is ${isAllowed ? "allowed" : "denied"}${at}, since ${by}`);
      }
    }
  }

  #destinationsOf(destination: string | undefined, attempt: Attempt | undefined): readonly NamedSubject[] {
    if (destination !== undefined) return this.#finder.find(destination);
    const offering = attempt?.kind === "call" ? this.#finder.offering(attempt.path) : [];
    return offering.length > 0 ? offering : [{ name: "anybody", subject: 0 }];
  }

  #decide(
    from: SubjectNumber,
    to: SubjectNumber,
    attempt: Attempt | undefined,
  ): readonly [boolean, string | undefined] {
    const network = this.#evaluator.networkNumber(this.#network);
    if (network === undefined) return [true, undefined];
    if (attempt === undefined) return [this.#evaluator.mayReach(network, from, to), undefined];
    const { isAllowed, rule }: Decision = decideAttempt(this.#evaluator, network, from, to, attempt);
    return [isAllowed, rule === NO_RULE ? undefined : this.#evaluator.ruleNames[rule]];
  }
}
