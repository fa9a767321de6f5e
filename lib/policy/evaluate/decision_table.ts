/**
 * The decisions of one network, each made once.
 * @module
 */

import { PROTOCOL } from "../model/mod.ts";
import type { ProgramRule } from "../program/mod.ts";
import { type Decision, NO_RULE, type RuleNumber, type SubjectNumber } from "./decision.ts";

const NOBODY: readonly SubjectNumber[] = [];

/** What nothing speaks against, and nothing speaks of. */
export const UNRESTRICTED: Decision = made({ isAllowed: true });
/** What is restricted, and no rule allows. */
const DROPPED: Decision = made({ isAllowed: false });
const REJECTED: Decision = made({ isAllowed: false, isRejected: true });

/** Finds the decision of what has matched. */
export class DecisionTable {
  readonly #rules: readonly ProgramRule[];
  readonly #firstRule: number;
  readonly #unmatched: Decision;
  readonly #known = new Map<number, Map<number, Decision>>();
  readonly #straight = new Map<Decision, Decision>();

  /**
   * @param rules those of the network
   * @param firstRule the number of the first of them in the program
   * @param rejects whether what no rule allows is rejected
   */
  constructor(rules: readonly ProgramRule[], firstRule: number, rejects: boolean) {
    this.#unmatched = rejects ? REJECTED : DROPPED;
    this.#rules = rules;
    this.#firstRule = firstRule;
  }

  /**
   * What comes of the rules that have matched first, each by its place in the network, or `NO_RULE`. Allocates nothing the
   * second time.
   * @param isRestricted whether any deciding rule is for what is meant
   * @param protocol what a redirect does depends on it: packets and calls go another way, events do not
   */
  find(rule: number, limit: number, qos: number, isRestricted: boolean, protocol: number): Decision {
    if (rule === NO_RULE && isRestricted) return this.#unmatched;
    const kind = protocol === PROTOCOL.CALL ? 1 : protocol === PROTOCOL.EVENT ? 2 : 0;
    const first = 3 * (rule + 1) + kind;
    let others = this.#known.get(first);
    if (others === undefined) this.#known.set(first, others = new Map<number, Decision>());
    const second = (limit + 1) * (this.#rules.length + 1) + qos + 1;
    let decision = others.get(second);
    if (decision === undefined) others.set(second, decision = this.#make(rule, limit, qos, kind));
    return decision;
  }

  /** @returns the decision for one pair: whoever is gone by takes no way by itself */
  between(decision: Decision, source: SubjectNumber, destination: SubjectNumber): Decision {
    const { via } = decision;
    if (via.length === 0 || !via.includes(source) && !via.includes(destination)) return decision;
    return this.straight(decision);
  }

  /** @returns the decision without its way by others */
  straight(decision: Decision): Decision {
    let straight = this.#straight.get(decision);
    if (straight === undefined) {
      straight = { ...decision, via: NOBODY, viaService: undefined };
      this.#straight.set(decision, straight);
    }
    return straight;
  }

  #make(rule: number, limit: number, qos: number, kind: number): Decision {
    const shaped = { limit: this.#numberOf(limit), qos: this.#numberOf(qos) };
    const deciding = this.#rules[rule];
    if (deciding === undefined) return made({ isAllowed: true, ...shaped });
    const number = this.#numberOf(rule);
    const allowed = made({ isAllowed: true, rule: number, ...shaped });
    if (deciding.type === "allow") return allowed;
    const denied = made({ isAllowed: false, rule: number, isRejected: deciding.isRejected });
    if (deciding.type === "deny") return denied;
    // Where nobody is there by whom it could go, that it goes uninspected is not what was asked for.
    const { via, viaService } = deciding;
    if (kind !== 0 && viaService !== "") return kind === 1 ? { ...allowed, viaService } : allowed;
    if (via.length === 0) return denied;
    return kind === 2 ? allowed : { ...allowed, via: [...via] };
  }

  #numberOf(place: number): RuleNumber {
    return place === NO_RULE ? NO_RULE : place + this.#firstRule;
  }
}

function made(parts: Pick<Decision, "isAllowed"> & Partial<Decision>): Decision {
  return {
    rule: NO_RULE,
    isRejected: false,
    via: NOBODY,
    viaService: undefined,
    limit: NO_RULE,
    qos: NO_RULE,
    ...parts,
  };
}
