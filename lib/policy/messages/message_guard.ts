/**
 * What a node asks of each call, event, connection by name and name. Members are their node ids.
 * @module
 */

import { type Clock, RateMeter } from "../../base/mod.ts";
import { MESH } from "../compile/mod.ts";
import { type Decision, NO_RULE, type PolicyEvaluator, type RuleNumber } from "../evaluate/mod.ts";
import type { Denial, RuleCounts } from "../flows/mod.ts";

/** Denials that wait to be taken, of all sources and of one; what is more is counted alone. */
const MAX_WAITING = 256;
const MAX_WAITING_PER_SOURCE = 32;
/** Buckets that are remembered; the oldest goes, and is full when it comes back. */
const MAX_BUCKETS = 16_384;

const TCP = 6;
const ICMP = 1;

/** Which end asks: whoever begins, or whoever is asked. */
export type MessageDirection = "out" | "in";

/** Why something does not pass. */
export interface MessageRefusal {
  /** `redirected` means that it passes by somebody else alone. */
  readonly kind: "denied" | "redirected" | "over-rate";
  /** The rule's name, `web-tier#3`; `default` where none matched. */
  readonly rule: string;
}

/** What would become of a call, for whoever chooses. */
export type CallFate =
  | { readonly kind: "straight" }
  | MessageRefusal & {
    /** The service that is called in its place, with its network. */ readonly service?: string;
  };

/** One thing to be decided. */
interface Attempt {
  readonly direction: MessageDirection;
  readonly source: string;
  readonly destination: string;
  readonly protocol: string;
  readonly port: number;
  readonly path?: string;
}

/** What a guard stands on. */
export interface MessageGuardParts {
  /** For the rates of `limit` rules, and the times in the log. */
  readonly clock: Clock;
  /** How a member is shown in the log. */
  readonly nameOf: (id: string) => string;
  /** Something was decided and counted. */
  readonly onAsked?: () => void;
}

const STRAIGHT: CallFate = { kind: "straight" };

/** Decides by the programs that it was given last; nothing is denied before. */
export class MessageGuard {
  readonly #parts: MessageGuardParts;
  #enforced: PolicyEvaluator | undefined;
  #trial: PolicyEvaluator | undefined;
  #version = 0;
  readonly #counts = new Map<RuleNumber, RuleCounts>();
  readonly #buckets = new Map<string, RateMeter>();
  readonly #waiting = new Map<string, { denial: Denial; count: number }>();
  readonly #waitingOf = new Map<string, number>();

  constructor(parts: MessageGuardParts) {
    this.#parts = parts;
  }

  /** Whether there is nothing to ask. */
  get isIdle(): boolean {
    return this.#enforced === undefined && this.#trial === undefined;
  }

  /** Which program is in force, in this run: another one has another number. */
  get version(): number {
    return this.#version;
  }

  /** Whether names are hidden from those who may reach nothing of whoever has them. */
  get hidesNames(): boolean {
    return this.#enforced?.hidesNames ?? false;
  }

  /**
   * Takes another program, or none; counters and rates begin anew.
   * @param trial one whose denials are logged, and nothing more
   */
  use(enforced: PolicyEvaluator | undefined, trial?: PolicyEvaluator): void {
    if (enforced !== this.#enforced) {
      this.#counts.clear();
      this.#buckets.clear();
    }
    this.#enforced = enforced;
    this.#trial = trial;
    this.#version++;
  }

  /** @returns what would become of a call; nothing is counted */
  callFate(source: string, destination: string, path: string): CallFate {
    const evaluator = this.#enforced;
    if (evaluator === undefined || source === destination) return STRAIGHT;
    const decision = decideCall(evaluator, source, destination, path);
    if (decision === undefined) return STRAIGHT;
    const { viaService } = decision;
    if (decision.isAllowed && viaService !== undefined) {
      return { kind: "redirected", rule: ruleName(evaluator, decision.rule), service: viaService };
    }
    return whyNot(evaluator, decision) ?? STRAIGHT;
  }

  /** Decides about a call of an action, and counts it. @returns why it does not pass; undefined when it does */
  admitCall(
    direction: MessageDirection,
    source: string,
    destination: string,
    path: string,
    lengthBytes: number,
  ): MessageRefusal | undefined {
    if (this.isIdle || source === destination) return undefined;
    const attempt = { direction, source, destination, protocol: "call", port: 0, path };
    return this.#admit(attempt, lengthBytes, (asked) => decideCall(asked, source, destination, path));
  }

  /**
   * Decides about an event, and counts it.
   * @param destination undefined for whether it may be published at all
   */
  admitEvent(
    direction: MessageDirection,
    source: string,
    destination: string | undefined,
    topic: string,
    lengthBytes: number,
  ): MessageRefusal | undefined {
    if (this.isIdle || source === destination) return undefined;
    const attempt = {
      direction,
      source,
      destination: destination ?? "",
      protocol: "event",
      port: 0,
      path: topic,
    };
    return this.#admit(attempt, lengthBytes, (asked) => decideEvent(asked, source, destination, topic));
  }

  /** Whether an event may go from one to another; nothing is counted. */
  mayHear(source: string, destination: string, topic: string): boolean {
    const evaluator = this.#enforced;
    if (evaluator === undefined || source === destination) return true;
    return decideEvent(evaluator, source, destination, topic)?.isAllowed ?? true;
  }

  /** Decides about a connection by name, as if it were TCP to that port, and counts it. */
  admitConnection(
    direction: MessageDirection,
    source: string,
    destination: string,
    port: number,
  ): MessageRefusal | undefined {
    if (this.isIdle || source === destination) return undefined;
    const attempt = { direction, source, destination, protocol: "tcp", port };
    return this.#admit(attempt, 0, (asked) => decideIp(asked, source, destination, TCP, port));
  }

  /** Whether a connection by name may go on; nothing is counted. */
  mayConnect(source: string, destination: string, port: number): boolean {
    const evaluator = this.#enforced;
    if (evaluator === undefined || source === destination) return true;
    const decision = decideIp(evaluator, source, destination, TCP, port);
    return decision === undefined || whyNot(evaluator, decision) === undefined;
  }

  /** Decides about a ping that goes by the message plane, as if it were ICMP, and counts it. */
  admitPing(direction: MessageDirection, source: string, destination: string): MessageRefusal | undefined {
    if (this.isIdle || source === destination) return undefined;
    const attempt = { direction, source, destination, protocol: "icmp", port: 0 };
    return this.#admit(attempt, 0, (asked) => decideIp(asked, source, destination, ICMP, 0));
  }

  /** Whether one may know that another is there: where names are hidden, whoever may reach anything of it. */
  maySee(source: string, destination: string): boolean {
    const evaluator = this.#enforced;
    if (evaluator === undefined || !evaluator.hidesNames || source === destination) return true;
    const network = evaluator.networkNumber(MESH);
    return network === undefined || evaluator.mayReach(
      network,
      evaluator.subjectOf(network, source),
      evaluator.subjectOf(network, destination),
    );
  }

  /** @returns the next denial to be logged, which is forgotten */
  pollDenial(): Denial | undefined {
    for (const [key, { denial, count }] of this.#waiting) {
      this.#waiting.delete(key);
      if (this.#waiting.size === 0) this.#waitingOf.clear();
      return { ...denial, count };
    }
    return undefined;
  }

  /** @returns what each rule has decided since the program was taken: calls, events and connections are flows */
  counts(): ReadonlyMap<RuleNumber, RuleCounts> {
    return new Map(this.#counts);
  }

  #admit(
    attempt: Attempt,
    lengthBytes: number,
    decide: (evaluator: PolicyEvaluator) => Decision | undefined,
  ): MessageRefusal | undefined {
    this.#parts.onAsked?.();
    const trial = this.#trial;
    const tried = trial && decide(trial);
    if (trial !== undefined && tried !== undefined) {
      const refusal = whyNot(trial, tried);
      if (refusal !== undefined) this.#note(attempt, refusal.rule, true);
    }
    const evaluator = this.#enforced;
    const decision = evaluator && decide(evaluator);
    if (evaluator === undefined || decision === undefined) return undefined;
    this.#count(decision.rule, lengthBytes);
    let refusal = whyNot(evaluator, decision);
    for (const shaping of [decision.limit, decision.qos]) {
      if (refusal !== undefined || shaping === NO_RULE) continue;
      this.#count(shaping, lengthBytes);
      if (this.#isWithinRate(evaluator, shaping, attempt, lengthBytes)) continue;
      refusal = { kind: "over-rate", rule: ruleName(evaluator, shaping) };
    }
    if (refusal !== undefined) this.#note(attempt, refusal.rule, false);
    return refusal;
  }

  /** The bucket is of whoever begins, as with packets. */
  #isWithinRate(
    evaluator: PolicyEvaluator,
    rule: RuleNumber,
    { direction, source, protocol }: Attempt,
    lengthBytes: number,
  ): boolean {
    const shape = evaluator.shapeOf(rule);
    // A connection's bytes are not those of its beginning.
    if (shape === undefined || protocol === "tcp" || protocol === "icmp") return true;
    const { bytesPerSecond, itemsPerSecond, burst } = shape;
    const perSecond = itemsPerSecond > 0 ? itemsPerSecond : bytesPerSecond;
    if (perSecond === 0) return true;
    const cost = itemsPerSecond > 0 ? 1 : lengthBytes;
    const now = this.#parts.clock.now();
    const bucket = this.#bucket(`${rule} ${direction} ${source}`, perSecond, burst);
    if (bucket.waitMs(now, cost) > 0) return false;
    bucket.take(now, cost);
    return true;
  }

  #bucket(key: string, perSecond: number, burst: number): RateMeter {
    const known = this.#buckets.get(key);
    if (known !== undefined) return known;
    const bucket = new RateMeter(perSecond, Math.max(1, burst));
    this.#buckets.set(key, bucket);
    if (this.#buckets.size > MAX_BUCKETS) {
      const [oldest] = this.#buckets.keys();
      if (oldest !== undefined) this.#buckets.delete(oldest);
    }
    return bucket;
  }

  #count(rule: RuleNumber, lengthBytes: number): void {
    const { packets, bytes, flows } = this.#counts.get(rule) ?? NO_COUNTS;
    this.#counts.set(rule, { packets: packets + 1, bytes: bytes + lengthBytes, flows: flows + 1 });
  }

  #note(attempt: Attempt, rule: string, isTrial: boolean): void {
    const { direction, source, destination, protocol, port, path = "" } = attempt;
    const key = `${direction} ${source} ${destination} ${protocol} ${port} ${rule} ${isTrial} ${path}`;
    const known = this.#waiting.get(key);
    if (known !== undefined) return void known.count++;
    const own = this.#waitingOf.get(source) ?? 0;
    if (own >= MAX_WAITING_PER_SOURCE || this.#waiting.size >= MAX_WAITING) return;
    this.#waitingOf.set(source, own + 1);
    const { clock, nameOf } = this.#parts;
    const denial: Denial = {
      at: clock.wall(),
      network: MESH,
      direction,
      source: nameOf(source),
      destination: destination === "" ? "" : nameOf(destination),
      protocol,
      sourcePort: 0,
      destinationPort: port,
      ...path !== "" && { path },
      rule,
      isTrial,
      count: 1,
    };
    this.#waiting.set(key, { denial, count: 1 });
  }
}

const NO_COUNTS: RuleCounts = { packets: 0, bytes: 0, flows: 0 };

/** @returns undefined where no policy is of the mesh */
function decideIp(
  evaluator: PolicyEvaluator,
  source: string,
  destination: string,
  protocol: number,
  port: number,
): Decision | undefined {
  const network = evaluator.networkNumber(MESH);
  if (network === undefined) return undefined;
  const [from, to] = [evaluator.subjectOf(network, source), evaluator.subjectOf(network, destination)];
  return evaluator.decide(network, from, to, protocol, 0, port);
}

function decideCall(
  evaluator: PolicyEvaluator,
  source: string,
  destination: string,
  path: string,
): Decision | undefined {
  const network = evaluator.networkNumber(MESH);
  if (network === undefined) return undefined;
  return evaluator.decideCall(
    evaluator.subjectOf(network, source),
    evaluator.subjectOf(network, destination),
    path,
  );
}

function decideEvent(
  evaluator: PolicyEvaluator,
  source: string,
  destination: string | undefined,
  topic: string,
): Decision | undefined {
  const network = evaluator.networkNumber(MESH);
  if (network === undefined) return undefined;
  const to = destination === undefined ? 0 : evaluator.subjectOf(network, destination);
  return evaluator.decideEvent(evaluator.subjectOf(network, source), to, topic);
}

function whyNot(evaluator: PolicyEvaluator, decision: Decision): MessageRefusal | undefined {
  const { isAllowed, rule, via, viaService } = decision;
  if (!isAllowed) return { kind: "denied", rule: ruleName(evaluator, rule) };
  // It goes by somebody who looks at it: straight it does not pass, at neither end.
  if (via.length > 0 || viaService !== undefined) {
    return { kind: "redirected", rule: ruleName(evaluator, rule) };
  }
  return undefined;
}

function ruleName({ ruleNames }: PolicyEvaluator, rule: RuleNumber): string {
  return ruleNames[rule] ?? "default";
}
