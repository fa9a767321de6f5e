/**
 * Which members are meant.
 * @module
 */

import { evaluate, type Expression, format, type SelectorSubject } from "./selector_expression.ts";
import { InvalidSelectorError, parseExpression, type SelectorOptions } from "./selector_parser.ts";

export type { Expression, SelectorSubject } from "./selector_expression.ts";
export {
  InvalidSelectorError,
  MAX_SELECTOR_DEPTH,
  MAX_SELECTOR_LENGTH,
  type SelectorOptions,
} from "./selector_parser.ts";

/**
 * An expression over a member's name, labels, addresses, services and roles. Immutable. `role!=web` and
 * `role notin (web)` mean those without the label, too; `,` and `&&` bind closer than `||`.
 *
 * | written                       | means those                                           |
 * | ----------------------------- | ----------------------------------------------------- |
 * | `*`                           | all                                                   |
 * | `role=web`, `role!=web`       | whose label has the value, or has not                 |
 * | `role in (web, api)`          | whose label has one of the values; `notin`: none      |
 * | `role`, `!role`               | that have the label, that have it not                 |
 * | `name=db-1`                   | with the name; as a label's value                     |
 * | `10.200.3.0/24`, `fd00::1`    | with an address in the block, with the address        |
 * | `service:orders`              | that offer the service                                |
 * | `role:leader`                 | that lead: a role in the mesh is no label             |
 * | `a && b`, `a, b`, `a \|\| b`  | of both, of both, of either                           |
 * | `!(…)`, `(…)`                 | of the rest                                           |
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { Selector } from "./selector.ts";
 * const selector = Selector.parse("role in (web,api), !retired");
 * const node = { name: "web-1", addresses: [], services: [], roles: ["member"] };
 * assert.ok(selector.matches({ ...node, labels: { role: "web" } }));
 * assert.ok(!selector.matches({ ...node, labels: { role: "web", retired: "" } }));
 * assert.equal(selector.toString(), "role in (web, api) && !retired");
 * ```
 */
export class Selector {
  readonly #expression: Expression;
  #text: string | undefined;

  private constructor(expression: Expression) {
    this.#expression = expression;
  }

  /**
   * Reads a selector.
   * @param text at most 1,024 characters, parentheses at most 16 deep
   * @param options where it stands; unless told no policy
   * @throws InvalidSelectorError
   */
  static parse(text: string, options?: SelectorOptions): Selector {
    return new Selector(parseExpression(text, options));
  }

  /**
   * Reads a selector that may be none.
   * @returns the selector, or undefined when `text` is none; for text from other machines
   */
  static tryParse(text: string): Selector | undefined {
    try {
      return Selector.parse(text);
    } catch (error) {
      if (error instanceof InvalidSelectorError) return undefined;
      throw error;
    }
  }

  /** Whether `subject` is one of those that are meant. */
  matches(subject: SelectorSubject): boolean {
    return evaluate(this.#expression, subject);
  }

  /**
   * The selector taken apart, for those who ask it of many at once.
   * @internal
   */
  get expression(): Expression {
    return this.#expression;
  }

  /** The selector as text. @returns the selector as it is always written; reading it gives the same selector */
  toString(): string {
    return this.#text ??= format(this.#expression);
  }
}
