/**
 * Why something passes or does not: every rule is asked in turn, as a reader of the document would.
 * @module
 */

import {
  type Decision,
  isBelow,
  isInternal,
  matchesTopic,
  ProgramEvaluator,
  qualified,
  type SubjectNumber,
} from "../evaluate/mod.ts";
import { PROTOCOL, sameProtocol } from "../model/mod.ts";
import {
  decodeProgram,
  isInSet,
  type ProgramNetwork,
  type ProgramRule,
  type ProgramSet,
  TARGET,
} from "../program/mod.ts";
import { type Attempt, decideAttempt } from "./attempt.ts";

/** A rule that was asked. */
export interface ExplainedStep {
  /** `web-tier#3`. */
  readonly rule: string;
  /** Undefined when it matches; else the first of these that does not. */
  readonly reason: "source" | "destination" | "protocol" | "port" | undefined;
}

/** A decision and how it came about. */
export interface DecisionSteps {
  readonly decision: Decision;
  /** The rules that decide, in the order in which they were asked, up to the one that did; shaping ones are not among them. None where no rule is asked. */
  readonly steps: readonly ExplainedStep[];
}

/**
 * Says which rules were asked about an attempt.
 * @param program as `compilePolicy` made it
 * @param network its number in the program
 * @throws ProgramFormatError when the bytes are no program
 */
export function explainAttempt(
  program: Uint8Array,
  network: number,
  source: SubjectNumber,
  destination: SubjectNumber,
  attempt: Attempt,
): DecisionSteps {
  const decoded = decodeProgram(program);
  const { networks, rules } = decoded;
  const decision = decideAttempt(new ProgramEvaluator(decoded), network, source, destination, attempt);
  const found = networks[network];
  const steps: ExplainedStep[] = [];
  if (found === undefined || isNoMatter(found, source, destination, attempt)) return { decision, steps };
  for (const rule of rules.slice(found.firstRule, found.firstRule + found.ruleCount)) {
    if (rule.type === "limit" || rule.type === "qos") continue;
    const reason = mismatch(found, rule, source, destination, attempt);
    steps.push({ rule: rule.name, reason });
    if (reason === undefined) break;
  }
  return { decision, steps };
}

/** Whether no rule is asked: nobody is kept from itself, and what begins with `$` is the mesh's own. */
function isNoMatter(
  { owners }: ProgramNetwork,
  source: SubjectNumber,
  destination: SubjectNumber,
  attempt: Attempt,
): boolean {
  const owner = owners[source] ?? 0;
  if (owner !== 0 && owner === owners[destination]) return true;
  return (attempt.kind === "call" || attempt.kind === "event") && isInternal(qualified(attempt.path));
}

const NONE: ProgramSet = { isInverted: false, listed: new Uint32Array() };

function mismatch(
  { sets, classes }: ProgramNetwork,
  rule: ProgramRule,
  source: SubjectNumber,
  destination: SubjectNumber,
  attempt: Attempt,
): ExplainedStep["reason"] {
  const isIn = (set: number, subject: SubjectNumber): boolean =>
    isInSet(sets[set] ?? NONE, classes[subject] ?? 0);
  const { kind } = attempt;
  const path = kind === "call" || kind === "event" ? qualified(attempt.path) : "";
  if (!isIn(rule.source, source)) return "source";
  if (rule.target === TARGET.SERVICE) {
    if (kind !== "call") return "protocol";
    return isBelow(path, rule.path) ? undefined : "destination";
  }
  if (rule.target === TARGET.TOPIC) {
    if (kind !== "event") return "protocol";
    return matchesTopic(rule.path, path) ? undefined : "destination";
  }
  // An event that nobody gets yet may be published when it may go to anybody.
  const isOpen = kind === "event" && destination === 0;
  const isDenial = rule.type === "deny" ||
    rule.type === "redirect" && rule.via.length === 0 && rule.viaService === "";
  if (isOpen ? isDenial : !isIn(rule.destination, destination)) return "destination";
  if (rule.protocol !== PROTOCOL.ANY && rule.protocol !== protocolOf(attempt)) return "protocol";
  if (kind !== "packet") return undefined;
  const isPort = isAmong(rule.sourcePorts, attempt.sourcePort) &&
    isAmong(rule.destinationPorts, attempt.destinationPort);
  return isPort ? undefined : "port";
}

function protocolOf(attempt: Attempt): number {
  switch (attempt.kind) {
    case "packet":
      return sameProtocol(attempt.protocol);
    case "frame":
      return PROTOCOL.ETHERTYPE + attempt.etherType;
    case "call":
      return PROTOCOL.CALL;
    case "event":
      return PROTOCOL.EVENT;
  }
}

function isAmong(ranges: Uint16Array, port: number): boolean {
  if (ranges.length === 0) return true;
  return ranges.some((first, i) => i % 2 === 0 && port >= first && port <= (ranges[i + 1] ?? 0));
}
