/**
 * The guard of one network: the evaluator is asked for what is new, and the flow table remembers what it said.
 *
 * | what comes                          | what becomes of it                                                          |
 * | ----------------------------------- | --------------------------------------------------------------------------- |
 * | a packet of a flow, either way      | passes; TCP is followed by its flags                                        |
 * | an ICMP error about a flow          | passes, to the one whose packet it quotes                                   |
 * | anything else                       | the rules decide, in its own direction                                      |
 * | TCP without SYN                     | likewise: a connection goes on after a restart where its beginner may begin;|
 * |                                     | it is remembered when its source has the higher port, so that who was       |
 * |                                     | called is not taken for the one who began                                   |
 * | SYN of both ends at once            | one flow; either end's rule is enough                                       |
 * | SYN of who was called, later        | the rules decide, in its own direction                                      |
 * | a flow that a new program denies    | both directions are denied until it is silent                               |
 * | a first fragment                    | as a packet, if the header that has its ports is whole; else dropped        |
 * | a later fragment                    | passes behind its first one and by its way, for 30 s; else dropped          |
 * | one that overlaps its first one     | dropped: it would rewrite ports or flags (RFC 3128, RFC 5722)               |
 * | IPv6 extension headers              | read up to 8 and 512 bytes; more is dropped, and what is routed on (RFC 5095)|
 * | a protocol without ports            | one flow for each pair of addresses and protocol                            |
 *
 * @module
 */

import { type Millis, millis, type RandomSource } from "../../base/mod.ts";
import { IP_PROTOCOL, type IpAddress, TCP_FLAGS } from "../../net/mod.ts";
import { type Decision, NO_RULE, type PolicyEvaluator, type RuleNumber } from "../evaluate/mod.ts";
import { AskedProgram, UNDECIDED } from "./asked_program.ts";
import { DecisionBook } from "./decision_book.ts";
import { DenialAnswers } from "./denial_answers.ts";
import { DenialLog } from "./denial_log.ts";
import { followDenied, followFlow } from "./flow_lifetime.ts";
import { FIELD } from "./flow_segment.ts";
import { FlowTable } from "./flow_table.ts";
import { FragmentTable } from "./fragment_table.ts";
import { ICMP_KIND, isOpening, PacketFields, spreadOf } from "./packet_fields.ts";
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
import { isClosed, isEstablished, PICKED_UP } from "./tcp_states.ts";

const SWEEP_MS = 250;
/** Replies that were on their way when a program came are not taken for the beginning of something, unless a rule allows them by itself. */
const SETTLING_MS = 10_000;
const DEFAULT_LIMITS = { maxFlows: 1 << 20, maxFlowsPerMember: 1 << 16 };

/** What a guard needs. */
export interface FlowGuardParts {
  /** As the log names it. */
  readonly network: string;
  readonly random: RandomSource;
  /** The wall clock, for the log, in milliseconds. */
  readonly wall: () => number;
  readonly limits?: GuardLimits;
  /** What is never a matter of policy, such as the mesh's own probes; asked of what is denied alone, and of replies (`reverse` 1). */
  readonly isExempt?: (bytes: Uint8Array, fields: PacketFields, direction: number, reverse: 0 | 1) => boolean;
}

/** Guards one network. */
export class FlowGuard implements PacketGuard {
  isIdle = true;
  /** An address of whoever has sent the packet that is asked about next, where its MAC address says so. */
  sender: IpAddress | undefined;
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
  #now = millis(0);
  #sweepAt: Millis | undefined;
  #settledAt: Millis | undefined;
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
    this.#settledAt = undefined;
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
    this.#now = now;
    if (!fields.read(memory, at, lengthBytes)) return this.#refuse(memory, "malformed", direction, packets);
    if (fields.isLaterFragment) return this.#checkFragment(now, memory, direction, packets);
    if (fields.icmpKind === ICMP_KIND.ERROR && this.#isOfFlow(now, memory, direction)) return VERDICT.PASS;
    const verdict = this.#table.find(now, memory, fields, direction)
      ? this.#checkKnown(now, memory, lengthBytes, direction, packets)
      : this.#checkNew(now, memory, lengthBytes, direction, packets, true);
    if (fields.isFragment && (verdict === VERDICT.PASS || verdict === VERDICT.REDIRECT)) {
      this.#fragments.pass(now, memory, fields, outcome.via);
    }
    return verdict;
  }

  answer(memory: Uint8Array, at: number, _lengthBytes: number): Uint8Array | undefined {
    this.#answers.refill(this.#now);
    return this.#answers.make(memory, at, this.#fields);
  }

  pollDenial(): Denial | undefined {
    return this.#log.poll();
  }

  counts(): ReadonlyMap<RuleNumber, RuleCounts> {
    return this.#tally.snapshot();
  }

  handleTimeout(now: Millis): void {
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
    const state = entries[at + FIELD.STATE] ?? 0;
    if (reverse === 1 && isOpening(fields.tcpFlags) && isEstablished(state)) {
      const isOver = isClosed(state);
      if (isOver) this.#table.remove();
      return this.#checkNew(now, memory, lengthBytes, direction, packets, isOver);
    }
    let decision = this.#decisions.get(
      entries[at + FIELD.DECISION] ?? 0,
      entries[at + FIELD.GENERATION] ?? 0,
    );
    const isAsked = decision === undefined;
    if (decision === undefined) {
      decision = this.#ask(memory, reverse);
      this.#try(memory, direction, packets, reverse);
      entries[at + FIELD.DECISION] = this.#decisions.numberOf(decision);
      entries[at + FIELD.GENERATION] = this.#decisions.generation;
      this.#table.changeMember(this.#memberOf(direction));
    }
    if (!decision.isAllowed && !this.#isExempt(memory, direction, reverse)) {
      followDenied(now, fields, entries, at, isAsked);
      return this.#deny(decision, memory, lengthBytes, direction, packets);
    }
    followFlow(now, memory, fields, entries, at, reverse);
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
    if (!decision.isAllowed && !this.#isExempt(memory, direction, 0)) {
      return this.#deny(decision, memory, lengthBytes, direction, packets);
    }
    this.#try(memory, direction, packets, 0);
    const isFlow = isTracked && this.#isWorthTracking(now, decision);
    if (isFlow) {
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
      followFlow(now, memory, fields, entries, handle.at, 0);
      this.#sweepAt ??= millis(now + SWEEP_MS);
    }
    return this.#pass(decision, memory, lengthBytes, packets, isFlow ? 1 : 0);
  }

  #checkFragment(now: Millis, memory: Uint8Array, direction: number, packets: number): number {
    const via = this.#fragments.viaOf(now, memory, this.#fields);
    if (via !== undefined) {
      this.outcome.via = via;
      return this.outcome.verdict = via === 0 ? VERDICT.PASS : VERDICT.REDIRECT;
    }
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
    if (!this.#table.find(now, memory, quoted, former)) return false;
    const { segment, at: entry, reverse } = this.#table.handle;
    const decision = this.#decisions.get(
      segment.entries[entry + FIELD.DECISION] ?? 0,
      segment.entries[entry + FIELD.GENERATION] ?? 0,
    );
    // The flow itself is asked about again with its own next packet.
    return (decision ?? this.#program?.ask(memory, quoted, reverse) ?? UNDECIDED).isAllowed;
  }

  #ask(memory: Uint8Array, reverse: number): Decision {
    const program = this.#program;
    if (program === undefined) return UNDECIDED;
    const decision = program.ask(memory, this.#fields, reverse, this.sender);
    this.#takeSubjects(program);
    return decision;
  }

  /** Logs what the trial would deny. */
  #try(memory: Uint8Array, direction: number, packets: number, reverse: number): void {
    const trial = this.#trial;
    const decision = trial?.ask(memory, this.#fields, reverse, this.sender);
    if (trial === undefined || decision === undefined) return;
    if (decision.isAllowed || this.#isExempt(memory, direction, reverse)) return;
    this.#note(memory, trial.ruleName(decision), direction, packets, true);
  }

  #isExempt(memory: Uint8Array, direction: number, reverse: number): boolean {
    return this.#parts.isExempt?.(memory, this.#fields, direction, reverse === 1 ? 1 : 0) ?? false;
  }

  /** What nothing restricts in either direction need not be remembered. */
  #isWorthTracking(now: Millis, decision: Decision): boolean {
    const { icmpKind, tcpFlags, protocol, sourcePort, destinationPort } = this.#fields;
    if (icmpKind !== ICMP_KIND.NONE && icmpKind !== ICMP_KIND.REQUEST) return false;
    if (protocol === IP_PROTOCOL.TCP && (tcpFlags & TCP_FLAGS.RST) !== 0) return false;
    this.#settledAt ??= millis(now + SETTLING_MS);
    const isMiddle = protocol === IP_PROTOCOL.TCP
      ? !isOpening(tcpFlags)
      : protocol === IP_PROTOCOL.UDP && decision.rule === NO_RULE && now < this.#settledAt;
    // Nobody can tell who began: the higher port is taken for the beginner's, and what goes the other way is asked by itself.
    if (isMiddle && sourcePort <= destinationPort) return false;
    if (this.#trial !== undefined || decision.rule !== NO_RULE) return true;
    if (decision.limit !== NO_RULE || decision.qos !== NO_RULE) return true;
    return this.#program?.isSourceRestricted ?? false;
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
    outcome.via = decision.via[spreadOf(memory, this.#fields) % decision.via.length] ?? 0;
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
}
