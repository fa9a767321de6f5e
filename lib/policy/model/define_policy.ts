/**
 * Policies in programs, in the form that people write, with types.
 * @module
 */

import type { DenialAnswer, PolicyDocument, PolicyRule } from "./policy.ts";
import { readPolicyDocument } from "./read_document.ts";

/** One selector, or several of which one is enough. */
export type SelectorSource = string | readonly string[];

/** `tcp/5432`, `tcp/80,443`, `udp/1000-2000`, `icmp`, `call`; a protocol's number is for those without ports. */
export type PortSource =
  | `${"tcp" | "udp" | "sctp"}/${string}`
  | "tcp"
  | "udp"
  | "sctp"
  | "icmp"
  | "call"
  | "event"
  | `ethertype:0x${string}`
  | `${number}`
  | number;

/** Whom and what a rule is for. */
export interface MatchSource {
  /** Who begins. */
  readonly from: SelectorSource;
  /** Who is meant, or `service:PATH`, `topic:PATTERN`; of a list, each of these is a rule of its own. */
  readonly to: SelectorSource;
  /** All unless given. */
  readonly ports?: PortSource | readonly PortSource[];
  /** `*` unless given. */
  readonly protocol?: string;
  /** `1024-65535`; all unless given. */
  readonly sourcePorts?: string | number;
}

/** One rule: what it does, and for what. */
export type RuleSource =
  | { readonly allow: MatchSource }
  | { readonly deny: MatchSource & { readonly answer?: DenialAnswer } }
  | { readonly redirect: MatchSource & { readonly via: string } }
  | { readonly limit: MatchSource & { readonly rate: string; readonly burst?: string } }
  | {
    readonly qos: MatchSource & {
      readonly rate?: string;
      readonly burst?: string;
      readonly dscp?: number | string;
    };
  }
  | PolicyRule;

/** Rules of one network. */
export interface NetworkPolicySource {
  /** A DNS label, by which its rules are called: `web-tier#3`. */
  readonly name: string;
  /** The name unless given. */
  readonly id?: string;
  /** The name of an overlay network; `mesh` unless given. */
  readonly network?: string;
  /** The higher one is asked first; 0 unless given. */
  readonly priority?: number;
  /** At least one. */
  readonly rules: readonly RuleSource[];
}

/** What must hold before a policy takes effect. */
export interface PolicyTestSource {
  /** A member's name or address, or a selector. */
  readonly from: string;
  /** `mesh` unless given. */
  readonly network?: string;
  /** `db-1:5432`, `db-1:udp/53`, `db-1:icmp`, `service:orders/refund`, `topic:metrics/cpu`. */
  readonly accept?: string | readonly string[];
  /** Likewise. */
  readonly deny?: string | readonly string[];
}

/** A policy as people write it. */
export interface PolicySource {
  /** One for each tier, or team, or network. */
  readonly policies?: readonly NetworkPolicySource[];
  /** Rules of the mesh, of a policy that is called `default`. */
  readonly rules?: readonly RuleSource[];
  /** Selectors by name, for `group:NAME`. */
  readonly groups?: Readonly<Record<string, SelectorSource>>;
  /** None unless given. */
  readonly tests?: readonly PolicyTestSource[];
  /** How denials are answered; `drop` unless given. */
  readonly answer?: DenialAnswer;
  /** Whether names of whom one may not reach are hidden; `show` unless given. */
  readonly names?: "show" | "hide";
}

/**
 * Reads a policy that a program has written.
 * @returns the document in its long form, as `apply` and `runPolicyTests` take it
 * @throws InvalidPolicyError that names the place, as `policies[0].rules[2].allow.from`
 *
 * @example A policy, tested without a mesh
 * ```ts
 * import assert from "node:assert/strict";
 * import { definePolicy, IpAddress, runPolicyTests } from "@weft/mesh";
 *
 * const policy = definePolicy({
 *   policies: [{
 *     name: "web-tier",
 *     rules: [{ allow: { from: "role=web", to: "role=db", ports: "tcp/5432" } }],
 *   }],
 *   tests: [{ from: "web-1", accept: ["db-1:5432"], deny: ["db-1:22"] }],
 * });
 * const member = (name: string, role: string, address: string) => ({
 *   id: name,
 *   name,
 *   labels: { role },
 *   addresses: [IpAddress.parse(address) ?? assert.fail()],
 *   services: [],
 *   roles: ["member"],
 *   blocks: [],
 * });
 * const members = [member("web-1", "web", "10.200.0.1"), member("db-1", "db", "10.200.0.2")];
 * assert.deepEqual(runPolicyTests(policy, { members, networks: [] }), []);
 * ```
 */
export function definePolicy(policy: PolicySource): PolicyDocument {
  return readPolicyDocument(policy);
}
