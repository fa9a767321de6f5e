/**
 * Selectors as trees: whether one matches, and how it is written.
 * @module
 */

import type { Cidr, IpAddress } from "../../net/mod.ts";

/** What a selector looks at. */
export interface SelectorSubject {
  /** The node's name, a DNS label. */
  readonly name: string;
  /** Values by key. */
  readonly labels: Readonly<Record<string, string>> | ReadonlyMap<string, string>;
  /** Overlay addresses. */
  readonly addresses: readonly IpAddress[];
  /** Paths of the services that it offers. */
  readonly services: readonly string[];
  /** What it is in the mesh: `leader`, `member`, `wireguard`. */
  readonly roles: readonly string[];
}

/** One selector, taken apart. Lists have at least one member; those of `all` and `any` at least two. */
export type Expression =
  | { readonly kind: "everything" }
  | Comparison
  | { readonly kind: "has-label"; readonly key: string }
  | { readonly kind: "address"; readonly block: Cidr }
  | { readonly kind: "service"; readonly path: string }
  | { readonly kind: "role"; readonly role: string }
  /** Of policies alone, whose compiler knows what they stand for: by themselves they mean nobody. */
  | { readonly kind: "group" | "network"; readonly name: string }
  | { readonly kind: "not"; readonly inner: Expression }
  | { readonly kind: "all"; readonly terms: readonly Expression[] }
  | { readonly kind: "any"; readonly terms: readonly Expression[] };

/** Whether a label, or the node's name where `key` is `name`, is one of the values. */
interface Comparison {
  readonly kind: "comparison";
  readonly key: string;
  readonly values: readonly string[];
  readonly isNegated: boolean;
}

/** Whether `subject` is one of those that `expression` means. */
export function evaluate(expression: Expression, subject: SelectorSubject): boolean {
  switch (expression.kind) {
    case "everything":
      return true;
    case "comparison": {
      const { key, values, isNegated } = expression;
      const value = key === "name" ? subject.name : labelOf(subject, key);
      return (value !== undefined && values.includes(value)) !== isNegated;
    }
    case "has-label":
      return labelOf(subject, expression.key) !== undefined;
    case "address":
      return subject.addresses.some((address) => expression.block.contains(address));
    case "service":
      return subject.services.includes(expression.path);
    case "role":
      return subject.roles.includes(expression.role);
    case "group":
    case "network":
      return false;
    case "not":
      return !evaluate(expression.inner, subject);
    case "all":
      return expression.terms.every((term) => evaluate(term, subject));
    case "any":
      return expression.terms.some((term) => evaluate(term, subject));
  }
}

/** @returns the one way in which `expression` is written */
export function format(expression: Expression): string {
  switch (expression.kind) {
    case "everything":
      return "*";
    case "comparison":
      return formatComparison(expression);
    case "has-label":
      return expression.key;
    case "address":
      return formatBlock(expression.block);
    case "service":
      return `service:${expression.path}`;
    case "role":
      return `role:${expression.role}`;
    case "group":
    case "network":
      return `${expression.kind}:${expression.name}`;
    case "not":
      return isSimple(expression.inner) ? `!${format(expression.inner)}` : `!(${format(expression.inner)})`;
    case "all":
      // A chain within a chain of its own kind needs no parentheses.
      return expression.terms.map((term) => term.kind === "any" ? `(${format(term)})` : format(term)).join(
        " && ",
      );
    case "any":
      return expression.terms.map(format).join(" || ");
  }
}

function labelOf({ labels }: SelectorSubject, key: string): string | undefined {
  if (labels instanceof Map) return labels.get(key);
  const record = labels as Readonly<Record<string, string>>;
  // A label may be called "constructor".
  return Object.hasOwn(record, key) ? record[key] : undefined;
}

function isSimple({ kind }: Expression): boolean {
  return ["everything", "has-label", "address", "service", "role", "group", "network"].includes(kind);
}

function formatComparison({ key, values, isNegated }: Comparison): string {
  const written = values.map((value) => value === "" ? `""` : value);
  if (written.length === 1) return `${key}${isNegated ? "!=" : "="}${written[0]}`;
  return `${key} ${isNegated ? "notin" : "in"} (${written.join(", ")})`;
}

function formatBlock(block: Cidr): string {
  return block.prefixBits === block.address.bytes.length * 8 ? block.address.toString() : block.toString();
}
