/**
 * Reads selectors by recursive descent over the grammar in mod.ts.
 * @module
 */

import { Cidr, IpAddress } from "../net/mod.ts";
import { type Expression, format } from "./selector_expression.ts";

/** The longest selector, in characters. */
export const MAX_SELECTOR_LENGTH = 1_024;
/** How deep parentheses may stand in each other. */
export const MAX_SELECTOR_DEPTH = 16;

/** What is wrong with a text, in a few words. */
export interface SelectorProblem {
  readonly problem: string;
  /** Of the character where it is noticed, from 0. */
  readonly position: number;
  /** What to write instead. */
  readonly hint: string;
}

/** A part of a selector's text; a word's value is without its quotes. */
interface Token {
  readonly kind: "word" | "quoted" | Sign | "end";
  readonly value: string;
  /** Of its first character. */
  readonly position: number;
}

/** Everything that is no word. */
type Sign = "(" | ")" | "!" | "!=" | "=" | "," | "&&" | "||" | "*";

// Sticky, so that each step begins where the last one ended; what none of them takes belongs to no selector.
const TOKEN =
  /[ \t\r\n]*(?:(?<word>[A-Za-z0-9._/:$-]+)|"(?<quoted>[A-Za-z0-9._/-]*)"|(?<sign>!=|&&|\|\||==?|[()!,*]))/y;
const HINT =
  "For example role=web, role in (web, api), !role, name=db-1, 10.200.3.0/24, service:orders, or *.";
const LABEL_KEY = /^[A-Za-z0-9](?:[A-Za-z0-9._/-]{0,61}[A-Za-z0-9])?$/;
// Such a word is meant as an address: taken for the key of a label it would silently mean nobody.
const LIKE_ADDRESS = /^\d[\d.]*\.[\d.]*(?:\/|$)/;
const LABEL_VALUE = /^[A-Za-z0-9._/-]{0,63}$/;
const NODE_NAME = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/;
const SERVICE_PATH = /^[A-Za-z0-9_.$-]+(?:\/[A-Za-z0-9_.$-]+)*$/;
const ROLE = /^[a-z][a-z0-9-]*$/;

/** @returns the selector as a tree, or what is wrong with it; never throws */
export function parseExpression(text: string): Expression | SelectorProblem {
  if (text.length > MAX_SELECTOR_LENGTH) return tooLong();
  const tokens = tokenize(text);
  if (typeof tokens === "number") {
    const problem = `${
      JSON.stringify(String.fromCodePoint(text.codePointAt(tokens) ?? 0))
    } has no meaning here`;
    return { problem, position: tokens, hint: HINT };
  }
  const result = new SelectorParser(tokens).parse();
  // What is written tightly grows when it is written out, and must be readable then, too.
  return isProblem(result) || format(result).length <= MAX_SELECTOR_LENGTH ? result : tooLong();
}

/** Whether the text made sense. */
export function isProblem(result: Expression | SelectorProblem): result is SelectorProblem {
  return "problem" in result;
}

function tooLong(): SelectorProblem {
  const problem = `it is longer than ${MAX_SELECTOR_LENGTH} characters`;
  return { problem, position: MAX_SELECTOR_LENGTH, hint: "Give the members a label that they share." };
}

class SelectorParser {
  readonly #tokens: readonly Token[];
  #at = 0;
  #depth = 0;

  constructor(tokens: readonly Token[]) {
    this.#tokens = tokens;
  }

  parse(): Expression | SelectorProblem {
    const expression = this.#anyOf();
    if (isProblem(expression) || this.#peek().kind === "end") return expression;
    return this.#unexpected("&&, ||, or the end");
  }

  #anyOf(): Expression | SelectorProblem {
    return this.#chain("any", ["||"], () => this.#allOf());
  }

  #allOf(): Expression | SelectorProblem {
    return this.#chain("all", ["&&", ","], () => this.#term());
  }

  #chain(
    kind: "all" | "any",
    signs: readonly Token["kind"][],
    next: () => Expression | SelectorProblem,
  ): Expression | SelectorProblem {
    const terms: Expression[] = [];
    do {
      const term = next();
      if (isProblem(term)) return term;
      terms.push(term);
    } while (this.#accept(...signs) !== undefined);
    const [only] = terms;
    return terms.length === 1 && only !== undefined ? only : { kind, terms };
  }

  #term(): Expression | SelectorProblem {
    if (this.#accept("!") !== undefined) return this.#negation();
    if (this.#peek().kind === "(") return this.#group();
    const word = this.#peek();
    const simple = this.#simple();
    if (word.kind !== "word" || !this.#isComparisonNext()) return simple;
    return this.#comparison(word);
  }

  #negation(): Expression | SelectorProblem {
    const isGroup = this.#peek().kind === "(";
    const inner = isGroup ? this.#group() : this.#simple();
    if (isProblem(inner)) return inner;
    if (!isGroup && this.#isComparisonNext()) {
      return this.#problem(`"!" stands before a comparison`, "Write role!=web, or !(role=web).");
    }
    return { kind: "not", inner };
  }

  #group(): Expression | SelectorProblem {
    const open = this.#take();
    if (++this.#depth > MAX_SELECTOR_DEPTH) {
      const problem = `more than ${MAX_SELECTOR_DEPTH} parentheses stand in each other`;
      return { problem, position: open.position, hint: HINT };
    }
    const inner = this.#anyOf();
    if (isProblem(inner)) return inner;
    this.#depth--;
    return this.#accept(")") === undefined ? this.#unexpected(`")"`) : inner;
  }

  #simple(): Expression | SelectorProblem {
    if (this.#accept("*") !== undefined) return { kind: "everything" };
    const word = this.#accept("word");
    if (word === undefined) return this.#unexpected("a label, an address, a service, or *");
    return readSimple(word, this.#isComparisonNext());
  }

  #comparison(key: Token): Expression | SelectorProblem {
    const isName = key.value === "name";
    if (!isName && !LABEL_KEY.test(key.value)) return problemAt(key, "is no key of a label", HINT);
    const sign = this.#take();
    const isNegated = sign.kind === "!=" || sign.value === "notin";
    const values = sign.kind === "word" ? this.#list(isName) : this.#values(isName);
    if ("problem" in values) return values;
    return isName
      ? { kind: "name", values, isNegated }
      : { kind: "label", key: key.value, values, isNegated };
  }

  #list(isName: boolean): readonly string[] | SelectorProblem {
    if (this.#accept("(") === undefined) return this.#unexpected(`"("`);
    const values: string[] = [];
    do {
      const more = this.#values(isName);
      if ("problem" in more) return more;
      values.push(...more);
    } while (this.#accept(",") !== undefined);
    return this.#accept(")") === undefined ? this.#unexpected(`"," or ")"`) : [...new Set(values)];
  }

  #values(isName: boolean): readonly [string] | SelectorProblem {
    const token = this.#accept("word", "quoted");
    if (token === undefined) return this.#unexpected("a value", `An empty value is written "".`);
    if (isName && !NODE_NAME.test(token.value)) {
      return problemAt(token, "is no name of a node", "Names are lower-case letters, digits and hyphens.");
    }
    if (!LABEL_VALUE.test(token.value)) {
      const hint = "Values are up to 63 letters, digits, dots, hyphens, slashes and underscores.";
      return problemAt(token, "is no value of a label", hint);
    }
    return [token.value];
  }

  #isComparisonNext(): boolean {
    const { kind, value } = this.#peek();
    return kind === "=" || kind === "!=" || kind === "word" && (value === "in" || value === "notin");
  }

  #peek(): Token {
    return this.#tokens[this.#at] ?? { kind: "end", value: "", position: 0 };
  }

  #take(): Token {
    const token = this.#peek();
    this.#at++;
    return token;
  }

  #accept(...kinds: readonly Token["kind"][]): Token | undefined {
    return kinds.includes(this.#peek().kind) ? this.#take() : undefined;
  }

  #unexpected(wanted: string, hint = HINT): SelectorProblem {
    const { kind, value } = this.#peek();
    return this.#problem(
      kind === "end" ? `${wanted} is missing` : `${JSON.stringify(value)} stands where ${wanted} should`,
      hint,
    );
  }

  #problem(problem: string, hint: string): SelectorProblem {
    return { problem, position: this.#peek().position, hint };
  }
}

/** A word by itself; before a comparison it is a key, whatever else it looks like. */
function readSimple(word: Token, isCompared: boolean): Expression | SelectorProblem {
  const { value } = word;
  if (isCompared) return { kind: "has-label", key: value };
  const address = IpAddress.parse(value);
  const block = address === undefined ? Cidr.parse(value) : Cidr.host(address);
  if (block !== undefined) return { kind: "address", block };
  const colon = value.indexOf(":");
  if (colon >= 0) return readKind(word, value.slice(0, colon), value.slice(colon + 1));
  if (value === "name") return problemAt(word, "alone says nothing", "Write name=db-1.");
  if (LIKE_ADDRESS.test(value)) return problemAt(word, "is no address and no block of addresses", HINT);
  return LABEL_KEY.test(value)
    ? { kind: "has-label", key: value }
    : problemAt(word, "is no key of a label", HINT);
}

function readKind(word: Token, kind: string, value: string): Expression | SelectorProblem {
  if (kind === "service") {
    if (SERVICE_PATH.test(value)) return { kind, path: value };
    return problemAt(word, "names no service", "Write service:orders.");
  }
  if (kind === "role") {
    if (ROLE.test(value)) return { kind, role: value };
    return problemAt(word, "names no role", "Write role:leader.");
  }
  return problemAt(word, "is neither an address nor service:… nor role:…", HINT);
}

function problemAt({ value, position }: Token, what: string, hint: string): SelectorProblem {
  const shown = value.length > 64 ? `${value.slice(0, 64)}…` : value;
  return { problem: `${JSON.stringify(shown)} ${what}`, position, hint };
}

/** @returns the tokens, the last of which is the end; or the position of a character that cannot be there */
function tokenize(text: string): readonly Token[] | number {
  const tokens: Token[] = [];
  const end = text.replace(/[ \t\r\n]+$/, "").length;
  const pattern = new RegExp(TOKEN);
  while (pattern.lastIndex < end) {
    const from = pattern.lastIndex;
    const groups = pattern.exec(text)?.groups;
    if (groups === undefined) return from + (/^[ \t\r\n]*/.exec(text.slice(from))?.[0].length ?? 0);
    const { word, quoted, sign } = groups;
    const value = word ?? quoted ?? sign ?? "";
    const position = pattern.lastIndex - value.length - (quoted === undefined ? 0 : 2);
    const signKind = sign === "==" ? "=" : sign as Sign;
    const kind = word !== undefined ? "word" : quoted !== undefined ? "quoted" : signKind;
    tokens.push({ kind, value, position });
  }
  tokens.push({ kind: "end", value: "", position: text.length });
  return tokens;
}
