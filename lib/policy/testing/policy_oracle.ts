/**
 * Decides by a document as one would with paper: every rule is asked, every selector is asked of the two, nothing is compiled,
 * indexed or remembered. Tests hold the evaluator against it.
 * @module
 */

import type { Cidr, IpAddress } from "../../net/mod.ts";
import type { PolicyRoster, RosterMember } from "../compile/mod.ts";
import type { PolicyDocument, PolicyRule } from "../model/mod.ts";
import { type Expression, Selector, type SelectorSubject } from "../selectors/mod.ts";

/** Somebody, as far as it is known. */
export interface OracleParty {
  /** Who it belongs to. */
  readonly owner: string | undefined;
  /** What it has, but for addresses. */
  readonly subject: SelectorSubject | undefined;
  /** Undefined where they are not known. */
  readonly addresses: readonly IpAddress[] | undefined;
}

/** What is tried. */
export type OracleAttempt =
  | {
    readonly kind: "packet";
    readonly protocol: number;
    readonly sourcePort: number;
    readonly destinationPort: number;
  }
  | { readonly kind: "frame"; readonly etherType: number }
  | { readonly kind: "call"; readonly path: string }
  | { readonly kind: "event"; readonly path: string };

/** What is decided, in words. */
export interface OracleDecision {
  readonly isAllowed: boolean;
  readonly rule: string | undefined;
  readonly isRejected: boolean;
  /** Ids. */
  readonly via: readonly string[];
  readonly viaService: string | undefined;
  readonly limit: string | undefined;
  readonly qos: string | undefined;
}

interface NamedRule {
  readonly name: string;
  readonly priority: number;
  readonly rule: PolicyRule;
}

const ALLOWED: OracleDecision = {
  isAllowed: true,
  rule: undefined,
  isRejected: false,
  via: [],
  viaService: undefined,
  limit: undefined,
  qos: undefined,
};

/** All rules of one network. */
export class PolicyOracle {
  readonly #document: PolicyDocument;
  readonly #roster: PolicyRoster;
  readonly #network: string;
  readonly #inhabitants: readonly (SelectorSubject & { id: string; blocks: readonly Cidr[] })[];
  readonly #rules: readonly NamedRule[];

  /** @param network `mesh`, or an overlay network's name */
  constructor(document: PolicyDocument, roster: PolicyRoster, network: string) {
    this.#document = document;
    this.#roster = roster;
    this.#network = network;
    const members: readonly RosterMember[] = network === "mesh"
      ? roster.members
      : roster.networks.filter((one) => one.name === network).flatMap((one) =>
        one.endpoints.map((endpoint) => ({ ...endpoint, id: endpoint.name, blocks: [] }))
      );
    this.#inhabitants = [...members].sort((a, b) => a.id < b.id ? -1 : 1);
    this.#rules = document.policies.filter((policy) => policy.networkId === network).flatMap((policy) =>
      policy.rules.map((rule, i) => ({ name: `${policy.name}#${i + 1}`, priority: policy.priority, rule }))
    );
  }

  /** @returns the member or endpoint with the id, or somebody unknown */
  partyOf(id: string): OracleParty {
    const subject = this.#inhabitants.find((one) => one.id === id);
    return { owner: subject?.id, subject, addresses: subject?.addresses };
  }

  /** @returns whoever has the address */
  partyAt(address: IpAddress): OracleParty {
    const host = this.#inhabitants.find((one) => one.addresses.some((own) => own.equals(address)));
    if (host !== undefined) return this.partyOf(host.id);
    let [best, bits]: [string | undefined, number] = [undefined, -1];
    for (const { id, blocks } of this.#inhabitants) {
      for (const block of blocks) {
        if (block.contains(address) && block.prefixBits > bits) [best, bits] = [id, block.prefixBits];
      }
    }
    return { owner: best, subject: this.#inhabitants.find((one) => one.id === best), addresses: [address] };
  }

  /** @param destination undefined for an event that nobody gets yet */
  decide(source: OracleParty, destination: OracleParty | undefined, attempt: OracleAttempt): OracleDecision {
    if (source.owner !== undefined && source.owner === destination?.owner) return ALLOWED;
    const path = attempt.kind === "call" || attempt.kind === "event" ? whole(attempt.path) : "";
    if (/^[^:]*:\$/.test(path) || this.#rules.length === 0) return ALLOWED;
    const deciding = this.#rules.filter(({ rule }) => ["allow", "deny", "redirect"].includes(rule.type));
    const isRestricted = deciding.some(({ rule }) => this.#isMeant(rule, destination, attempt, path));
    const ranks: Readonly<Record<string, number>> = { deny: 0, redirect: 1, allow: 2 };
    const matching = (types: readonly string[]): readonly NamedRule[] =>
      this.#rules
        .filter(({ rule }) =>
          types.includes(rule.type) && this.#matches(rule, source, destination, attempt, path)
        )
        .sort((a, b) => b.priority - a.priority || (ranks[a.rule.type] ?? 0) - (ranks[b.rule.type] ?? 0));
    const [first] = matching(["deny", "redirect", "allow"]);
    const rejects = this.#document.answer === "reject";
    if (first === undefined && isRestricted) return { ...ALLOWED, isAllowed: false, isRejected: rejects };
    const shaped = { ...ALLOWED, limit: matching(["limit"])[0]?.name, qos: matching(["qos"])[0]?.name };
    if (first === undefined) return shaped;
    const { rule, name } = first;
    const answer = rule.actionParams?.answer ?? this.#document.answer;
    if (rule.type === "deny") {
      return { ...ALLOWED, isAllowed: false, rule: name, isRejected: answer === "reject" };
    }
    const allowed = { ...shaped, rule: name };
    return rule.type === "allow"
      ? allowed
      : this.#redirected(allowed, rule, source, destination, attempt, path);
  }

  #redirected(
    allowed: OracleDecision,
    rule: PolicyRule,
    source: OracleParty,
    destination: OracleParty | undefined,
    { kind }: OracleAttempt,
    path: string,
  ): OracleDecision {
    const text = rule.actionParams?.via ?? "!*";
    if (/^service:[^ &|,]+$/.test(text) && (kind === "call" || kind === "event")) {
      const viaService = whole(text.slice("service:".length));
      const isThere = path === viaService || path.startsWith(`${viaService}/`);
      return kind === "event" || isThere ? allowed : { ...allowed, viaService };
    }
    const via = this.#inhabitants.filter((one) => this.#isOne(text, this.partyOf(one.id))).map(({ id }) =>
      id
    );
    if (via.length === 0) {
      return {
        ...ALLOWED,
        isAllowed: false,
        rule: allowed.rule,
        isRejected: this.#document.answer === "reject",
      };
    }
    if (kind === "event") return allowed;
    // Members themselves are gone by; what lies behind one is not it.
    const isVia = (party: OracleParty | undefined): boolean =>
      party?.subject !== undefined && party.addresses === party.subject.addresses &&
      via.includes(party.owner ?? "");
    return isVia(source) || isVia(destination) ? allowed : { ...allowed, via };
  }

  /** Whether a rule speaks of whom or what is meant, whatever it says of it. */
  #isMeant(
    rule: PolicyRule,
    destination: OracleParty | undefined,
    { kind }: OracleAttempt,
    path: string,
  ): boolean {
    const text = rule.destinationSelector;
    if (/^topic:/.test(text)) return kind === "event" && isTopic(whole(text.slice("topic:".length)), path);
    if (/^service:[^ &|,]+$/.test(text) && ["*", "call"].includes(rule.protocol)) {
      const service = whole(text.slice("service:".length));
      return kind === "call" && (path === service || path.startsWith(`${service}/`));
    }
    return destination !== undefined && this.#isOne(text, destination);
  }

  #matches(
    rule: PolicyRule,
    source: OracleParty,
    destination: OracleParty | undefined,
    attempt: OracleAttempt,
    path: string,
  ): boolean {
    if (!this.#isOne(rule.sourceSelector, source)) return false;
    const text = rule.destinationSelector;
    if (/^topic:/.test(text) || /^service:[^ &|,]+$/.test(text) && ["*", "call"].includes(rule.protocol)) {
      return this.#isMeant(rule, destination, attempt, path);
    }
    if (!isProtocol(rule, attempt)) return false;
    if (destination !== undefined) return this.#isOne(text, destination);
    // Nobody gets it yet: what may go to somebody may be published.
    if (rule.type === "allow") return true;
    return rule.type === "redirect" &&
      this.#redirected(ALLOWED, rule, source, destination, attempt, path).isAllowed;
  }

  #isOne(text: string, party: OracleParty): boolean {
    const groups = this.#document.groups;
    const expanded = text.replaceAll(/group:([a-z0-9-]+)/g, (_, name: string) => `(${groups[name] ?? "!*"})`);
    return this.#truth(parsed(expanded).expression, party) === true;
  }

  /** True, false, or not known: as Kleene has it. */
  #truth(expression: Expression, party: OracleParty): boolean | undefined {
    switch (expression.kind) {
      case "everything":
        return true;
      case "network":
        if (party.owner === undefined) return undefined;
        if (this.#network !== "mesh") return expression.name === this.#network;
        return this.#roster.networks.some((network) =>
          network.name === expression.name &&
          network.endpoints.some((endpoint) => endpoint.member === party.owner)
        );
      case "address":
        return party.addresses?.some((address) => expression.block.contains(address));
      case "not": {
        const inner = this.#truth(expression.inner, party);
        return inner === undefined ? undefined : !inner;
      }
      case "all": {
        const terms = expression.terms.map((term) => this.#truth(term, party));
        return terms.includes(false) ? false : terms.includes(undefined) ? undefined : true;
      }
      case "any": {
        const terms = expression.terms.map((term) => this.#truth(term, party));
        return terms.includes(true) ? true : terms.includes(undefined) ? undefined : false;
      }
      default:
        if (party.subject === undefined) return undefined;
        return parsed(textOf(expression)).matches(party.subject);
    }
  }
}

// Reading a selector says nothing of whom it means; it takes most of the time otherwise.
const read = new Map<string, Selector>();

function parsed(text: string): Selector {
  const selector = read.get(text) ?? Selector.parse(text, { isOfPolicy: true });
  read.set(text, selector);
  return selector;
}

/** @returns one leaf as it is written */
function textOf(expression: Expression): string {
  if (expression.kind === "comparison") {
    const { key, values, isNegated } = expression;
    return `${key} ${isNegated ? "notin" : "in"} (${
      values.map((value) => value === "" ? `""` : value).join(",")
    })`;
  }
  if (expression.kind === "has-label") return expression.key;
  if (expression.kind === "service") return `service:${expression.path}`;
  if (expression.kind === "role") return `role:${expression.role}`;
  throw new TypeError(`${expression.kind} is no leaf of a selector`);
}

function isProtocol(rule: PolicyRule, attempt: OracleAttempt): boolean {
  const { protocol } = rule;
  if (protocol === "*") return true;
  if (attempt.kind === "call" || attempt.kind === "event") return protocol === attempt.kind;
  if (attempt.kind === "frame") {
    return protocol.toLowerCase() === `ethertype:0x${attempt.etherType.toString(16)}`;
  }
  const names: Readonly<Record<string, readonly number[]>> = {
    tcp: [6],
    udp: [17],
    icmp: [1, 58],
    sctp: [132],
  };
  const numbers = names[protocol] ?? (["1", "58"].includes(protocol) ? [1, 58] : [Number(protocol)]);
  return numbers.includes(attempt.protocol) && isPort(rule.sourcePortRange, attempt.sourcePort) &&
    isPort(rule.destinationPortRange, attempt.destinationPort);
}

function isPort(text: string | undefined, port: number): boolean {
  if (text === undefined || text === "*") return true;
  return text.split(",").some((range) => {
    const [first, last = first] = range.split("-").map(Number);
    return port >= (first ?? 0) && port <= (last ?? 0);
  });
}

function whole(path: string): string {
  return path.includes(":") ? path : `mesh:${path}`;
}

function isTopic(pattern: string, topic: string): boolean {
  const expression = pattern.replaceAll(/[.$]/g, "\\$&").replaceAll(/\*|\{[^}]*\}/g, "[^/]+").replace(
    />$/,
    ".+",
  );
  return new RegExp(`^${expression}$`).test(topic);
}
