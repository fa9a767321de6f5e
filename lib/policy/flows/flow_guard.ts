/**
 * The guard of one network: the evaluator is asked for what is new, and the flow table remembers what it said.
 *
 * | what comes                          | what becomes of it                                                          |
 * | ----------------------------------- | --------------------------------------------------------------------------- |
 * | a packet of a flow, either way      | passes; TCP is followed by its flags                                        |
 * | an ICMP error about a flow          | passes, to the one whose packet it quotes                                   |
 * | anything else                       | the rules decide, in its own direction                                      |
 * | TCP without SYN                     | likewise: a connection goes on after a restart where its beginner may begin |
 * | SYN of both ends at once            | one flow; either end's rule is enough                                       |
 * | a first fragment                    | as a packet, if the header that has its ports is whole; else dropped        |
 * | a later fragment                    | passes behind its first one, for 30 s; else dropped                         |
 * | a fragment of TCP at offset 1       | dropped: it would rewrite flags (RFC 3128)                                  |
 * | IPv6 extension headers              | read up to 8 and 512 bytes; more is dropped                                 |
 * | a protocol without ports            | one flow for each pair of addresses and protocol                            |
 *
 * @module
 */

import { type Millis, millis, type RandomSource } from "../../base/mod.ts";
import { IP_PROTOCOL, TCP_FLAGS, uint16At } from "../../net/mod.ts";
import { type Decision, NO_RULE, type PolicyEvaluator, type RuleNumber } from "../evaluate/mod.ts";
import { AskedProgram } from "./asked_program.ts";
import { DecisionBook } from "./decision_book.ts";
import { DenialAnswers } from "./denial_answers.ts";
import { DenialLog } from "./denial_log.ts";
import { FIELD } from "./flow_segment.ts";
import { FlowTable } from "./flow_table.ts";
import { FragmentTable } from "./fragment_table.ts";
import { ICMP_KIND, isOpening, PacketFields } from "./packet_fields.ts";
import {
  type Denial,
  DIRECTION,
  type GuardLimits,
  type GuardOutcome,
  type PacketGuard,
  type RuleCounts,
  VERDICT,
} from "./packet_guard.ts";
import { RuleTally } from "./rule_tally.ts";
import { isPlausibleReset, nextTcpState, PICKED_UP, sequenceEnd, tcpTimeoutMs } from "./tcp_states.ts";

const UDP_MS: number = 3 * 60_000;
const OTHER_MS: number = 10 * 60_000;
const SWEEP_MS = 250;
const DEFAULT_LIMITS = { maxFlows: 1 << 20, maxFlowsPerMember: 1 << 16 };

/** What a guard needs. */
export interface FlowGuardParts {
  /** As the log names it. */
  readonly network: string;
  readonly random: RandomSource;
  /** The wall clock, for the log, in milliseconds. */
  readonly wall: () => number;
  readonly limits?: GuardLimits;
  /** What is never a matter of policy, such as the mesh's own probes; asked of what is denied alone. */
  readonly isExempt?: (bytes: Uint8Array, fields: PacketFields, direction: number) => boolean;
}

/** Guards one network. */
export class FlowGuard implements PacketGuard {
  isIdle = true;
  readonly outcome: GuardOutcome = {
    verdict: VERDICT.PASS,
    rule: NO_RULE,
    via: 0,
    limit: NO_RULE,
    qos: NO_RULE,
    source: 0,
    destination: 0,
    isReply: false,
  };
  readonly #parts: FlowGuardParts;
  readonly #table: FlowTable;
  readonly #fragments = new FragmentTable();
  readonly #fields = new PacketFields();
  readonly #quoted = new PacketFields();
  readonly #log = new DenialLog();
  #tally = new RuleTally(0);
  #program: AskedProgram | undefined;
  #trial: AskedProgram | undefined;
  readonly #decisions = new DecisionBook();
  #sweepAt: Millis | undefined;
  readonly #answers = new DenialAnswers();

  constructor(parts: FlowGuardParts) {
    this.#parts = parts;
    this.#table = new FlowTable(parts.random, { ...DEFAULT_LIMITS, ...parts.limits });
  }

  get flows(): number {
    return this.#table.size;
  }

  get memoryBytes(): number {
    return this.#table.memoryBytes;
  }

  use(evaluator: PolicyEvaluator | undefined, network: number | undefined, trial?: PolicyEvaluator): void {
    const trialNetwork = trial?.networkNumber(this.#parts.network);
    this.#program = evaluator && network !== undefined ? new AskedProgram(evaluator, network) : undefined;
    this.#trial = trial && trialNetwork !== undefined ? new AskedProgram(trial, trialNetwork) : undefined;
    this.isIdle = this.#program === undefined && this.#trial === undefined;
    this.#tally = new RuleTally(this.#program?.evaluator.ruleNames.length ?? 0);
    this.#fragments.clear();
    this.#decisions.begin();
  }

  check(
    now: Millis,
    memory: Uint8Array,
    at: number,
    lengthBytes: number,
    direction: number,
    packets: number,
  ): number {
    const { outcome } = this;
    outcome.verdict = VERDICT.PASS;
    outcome.via = outcome.source = outcome.destination = 0;
    outcome.isReply = false;
    outcome.rule = outcome.limit = outcome.qos = NO_RULE;
    if (this.isIdle) return VERDICT.PASS;
    const fields = this.#fields;
    if (!fields.read(memory, at, lengthBytes)) return this.#refuse(memory, "malformed", direction, packets);
    if (fields.isLaterFragment) return this.#checkFragment(now, memory, direction, packets);
    if (fields.icmpKind === ICMP_KIND.ERROR && this.#isOfFlow(now, memory, direction)) return VERDICT.PASS;
    const verdict = this.#table.find(now, memory, fields, direction)
      ? this.#checkKnown(now, memory, lengthBytes, direction, packets)
      : this.#checkNew(now, memory, lengthBytes, direction, packets, true);
    if (fields.isFragment && (verdict === VERDICT.PASS || verdict === VERDICT.REDIRECT)) {
      this.#fragments.pass(now, memory, fields);
    }
    return verdict;
  }

  answer(memory: Uint8Array, at: number, lengthBytes: number): Uint8Array | undefined {
    return this.#answers.make(memory, at, lengthBytes, this.#fields);
  }

  pollDenial(): Denial | undefined {
    return this.#log.poll();
  }

  counts(): ReadonlyMap<RuleNumber, RuleCounts> {
    return this.#tally.snapshot();
  }

  handleTimeout(now: Millis): void {
    this.#answers.handleTimeout(now);
    if (this.#sweepAt === undefined || now < this.#sweepAt) return;
    this.#sweepAt = this.#table.sweep(now) ? millis(now + SWEEP_MS) : undefined;
  }

  pollTimeout(): Millis | undefined {
    return this.#sweepAt;
  }

  /** A packet of a flow that is remembered. */
  #checkKnown(
    now: Millis,
    memory: Uint8Array,
    lengthBytes: number,
    direction: number,
    packets: number,
  ): number {
    const fields = this.#fields;
    const { handle } = this.#table;
    const { entries } = handle.segment;
    const { at, reverse } = handle;
    // Who is asked may answer, and ask nothing of its own.
    if (reverse === 1 && fields.icmpKind === ICMP_KIND.REQUEST) {
      return this.#checkNew(now, memory, lengthBytes, direction, packets, false);
    }
    let decision = this.#decisions.get(
      entries[at + FIELD.DECISION] ?? 0,
      entries[at + FIELD.GENERATION] ?? 0,
    );
    if (decision === undefined) {
      decision = this.#ask(memory, reverse);
      this.#try(memory, direction, packets, reverse);
      if (!decision.isAllowed && !this.#isExempt(memory, direction)) {
        this.#table.remove();
        return this.#deny(decision, memory, lengthBytes, direction, packets);
      }
      entries[at + FIELD.DECISION] = this.#decisions.numberOf(decision);
      entries[at + FIELD.GENERATION] = this.#decisions.generation;
      this.#table.changeMember(this.#memberOf(direction));
    }
    this.#follow(now, memory, entries, at, reverse);
    this.outcome.isReply = reverse === 1;
    return this.#pass(decision, memory, lengthBytes, packets, 0);
  }

  /** A packet of no flow. */
  #checkNew(
    now: Millis,
    memory: Uint8Array,
    lengthBytes: number,
    direction: number,
    packets: number,
    isTracked: boolean,
  ): number {
    const fields = this.#fields;
    const decision = this.#ask(memory, 0);
    if (!decision.isAllowed && !this.#isExempt(memory, direction)) {
      return this.#deny(decision, memory, lengthBytes, direction, packets);
    }
    this.#try(memory, direction, packets, 0);
    if (isTracked && this.#isWorthTracking(decision)) {
      if (!this.#table.add(now, this.#memberOf(direction))) {
        return this.#refuse(memory, "table-full", direction, packets);
      }
      const { handle } = this.#table;
      const { entries } = handle.segment;
      entries[handle.at + FIELD.DECISION] = this.#decisions.numberOf(decision);
      entries[handle.at + FIELD.GENERATION] = this.#decisions.generation;
      if (fields.protocol === IP_PROTOCOL.TCP && !isOpening(fields.tcpFlags)) {
        entries[handle.at + FIELD.STATE] = PICKED_UP;
      }
      this.#follow(now, memory, entries, handle.at, 0);
      this.#sweepAt ??= millis(now + SWEEP_MS);
    }
    return this.#pass(decision, memory, lengthBytes, packets, 1);
  }

  #checkFragment(now: Millis, memory: Uint8Array, direction: number, packets: number): number {
    const fields = this.#fields;
    const rewrites = fields.protocol === IP_PROTOCOL.TCP && fields.fragmentOffset === 1;
    if (!rewrites && this.#fragments.passes(now, memory, fields)) return VERDICT.PASS;
    // Where no policy is on the destination, nothing is remembered of first ones that would be asked for.
    return this.#refuse(memory, "fragment", direction, packets);
  }

  /** Whether the ICMP error in `#fields` is about a flow, and goes to whose packet it quotes (RFC 5508 §4.2). */
  #isOfFlow(now: Millis, memory: Uint8Array, direction: number): boolean {
    const error = this.#fields;
    const quoted = this.#quoted;
    const at = error.payloadAt + 8;
    if (!quoted.read(memory, at, error.end - at, true) || quoted.isLaterFragment) return false;
    if (quoted.family !== error.family) return false;
    for (let i = 0; i < error.addressBytes; i++) {
      if (memory[quoted.sourceAt + i] !== memory[error.destinationAt + i]) return false;
    }
    // The quoted packet went the other way.
    const former = direction === DIRECTION.IN
      ? DIRECTION.OUT
      : direction === DIRECTION.OUT
      ? DIRECTION.IN
      : direction;
    return this.#table.find(now, memory, quoted, former);
  }

  #ask(memory: Uint8Array, reverse: number): Decision {
    const program = this.#program;
    if (program === undefined) return UNDECIDED;
    const decision = program.ask(memory, this.#fields, reverse);
    this.#takeSubjects(program);
    return decision;
  }

  /** Logs what the trial would deny. */
  #try(memory: Uint8Array, direction: number, packets: number, reverse: number): void {
    const trial = this.#trial;
    const decision = trial?.ask(memory, this.#fields, reverse);
    if (trial === undefined || decision === undefined) return;
    if (decision.isAllowed || this.#isExempt(memory, direction)) return;
    this.#note(memory, trial.ruleName(decision), direction, packets, true);
  }

  #isExempt(memory: Uint8Array, direction: number): boolean {
    return this.#parts.isExempt?.(memory, this.#fields, direction) ?? false;
  }

  /** What nothing restricts in either direction need not be remembered. */
  #isWorthTracking(decision: Decision): boolean {
    const { icmpKind, tcpFlags, protocol } = this.#fields;
    if (icmpKind !== ICMP_KIND.NONE && icmpKind !== ICMP_KIND.REQUEST) return false;
    if (protocol === IP_PROTOCOL.TCP && (tcpFlags & TCP_FLAGS.RST) !== 0) return false;
    if (this.#trial !== undefined || decision.rule !== NO_RULE) return true;
    if (decision.limit !== NO_RULE || decision.qos !== NO_RULE) return true;
    return this.#program?.isSourceRestricted ?? false;
  }

  #follow(now: Millis, memory: Uint8Array, entries: Int32Array, at: number, reverse: number): void {
    const { protocol, tcpFlags, payloadAt, end } = this.#fields;
    let lifetimeMs = protocol === IP_PROTOCOL.UDP ? UDP_MS : OTHER_MS;
    if (protocol === IP_PROTOCOL.TCP) {
      const isPlausible = (tcpFlags & TCP_FLAGS.RST) === 0 ||
        isPlausibleReset(memory, payloadAt, entries, at + FIELD.SEQUENCE, reverse);
      const state = nextTcpState(entries[at + FIELD.STATE] ?? 0, tcpFlags, reverse, isPlausible);
      entries[at + FIELD.STATE] = state;
      if ((tcpFlags & TCP_FLAGS.RST) === 0) {
        entries[at + FIELD.SEQUENCE + reverse] = sequenceEnd(memory, payloadAt, end);
      } else if (!isPlausible) return;
      lifetimeMs = tcpTimeoutMs(state);
    }
    entries[at + FIELD.DEADLINE] = (now + lifetimeMs) | 0;
  }

  #pass(
    decision: Decision,
    memory: Uint8Array,
    lengthBytes: number,
    packets: number,
    flows: number,
  ): number {
    const { outcome } = this;
    this.#tally.count(decision.rule, packets, lengthBytes, flows);
    outcome.rule = decision.rule;
    outcome.limit = decision.limit;
    outcome.qos = decision.qos;
    const hasVia = decision.via.length > 0;
    const program = this.#program;
    if (program !== undefined && (hasVia || decision.limit !== NO_RULE || decision.qos !== NO_RULE)) {
      program.readSubjects(memory, this.#fields);
      this.#takeSubjects(program);
    }
    if (!hasVia) return VERDICT.PASS;
    outcome.via = decision.via[this.#spread(memory) % decision.via.length] ?? 0;
    outcome.verdict = VERDICT.REDIRECT;
    return VERDICT.REDIRECT;
  }

  #deny(
    decision: Decision,
    memory: Uint8Array,
    lengthBytes: number,
    direction: number,
    packets: number,
  ): number {
    const { outcome } = this;
    this.#tally.count(decision.rule, packets, lengthBytes, 0);
    outcome.rule = decision.rule;
    outcome.verdict = decision.isRejected ? VERDICT.REJECT : VERDICT.DROP;
    this.#note(memory, this.#program?.ruleName(decision) ?? "", direction, packets, false);
    return outcome.verdict;
  }

  /** Drops what no rule has decided about. */
  #refuse(memory: Uint8Array, why: string, direction: number, packets: number): number {
    const program = this.#program;
    // With a trial alone nothing is enforced.
    if (program === undefined) return VERDICT.PASS;
    if (why !== "malformed") {
      program.readSubjects(memory, this.#fields);
      // Between two of whom the rules say nothing, fragments are nobody's matter.
      const isAsked = program.isSourceRestricted || program.isDestinationRestricted;
      if (why === "fragment" && !isAsked) return VERDICT.PASS;
      this.#note(memory, why, direction, packets, false);
    }
    this.outcome.verdict = VERDICT.DROP;
    return VERDICT.DROP;
  }

  #note(memory: Uint8Array, rule: string, direction: number, packets: number, isTrial: boolean): void {
    const { network, wall } = this.#parts;
    this.#log.note(memory, this.#fields, { network, direction, rule, isTrial, packets, at: wall() });
  }

  #takeSubjects({ source, destination }: AskedProgram): void {
    this.outcome.source = source;
    this.outcome.destination = destination;
  }

  /** Whose flow it is: the other end's. */
  #memberOf(direction: number): number {
    return direction === DIRECTION.OUT ? this.outcome.destination : this.outcome.source;
  }

  /** @returns a number that both directions and all members see alike, so that a flow goes by one way */
  #spread(memory: Uint8Array): number {
    const { sourceAt, destinationAt, addressBytes, sourcePort, destinationPort } = this.#fields;
    let sum = sourcePort + destinationPort;
    for (let i = 0; i < addressBytes; i += 2) {
      sum += uint16At(memory, sourceAt + i) + uint16At(memory, destinationAt + i);
    }
    return sum;
  }
}

/** All passes while there is a trial alone. */
const UNDECIDED: Decision = {
  isAllowed: true,
  rule: NO_RULE,
  isRejected: false,
  via: [],
  viaService: undefined,
  limit: NO_RULE,
  qos: NO_RULE,
};
