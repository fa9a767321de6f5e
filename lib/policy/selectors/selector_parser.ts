/**
 * Reads selectors by recursive descent over the grammar in mod.ts.
 * @module
 */

import { WeftError } from "../../base/mod.ts";
import { Cidr, IpAddress } from "../../net/mod.ts";
import { type Expression, format } from "./selector_expression.ts";

const SHOWN_CHARACTERS = 80;

/** A text that is no selector; the message says what is wrong and where. */
export class InvalidSelectorError extends WeftError {
  /** The failure's stable name, for programs. */
  readonly code = "InvalidSelector";
  /** Where in the text it stops making sense: 0 for the first character, its length for the end. */
  readonly position: number;

  /**
   * Says what is wrong with `text`, and where.
   * @param problem what is wrong, in a few words
   * @param position where, from 0
   * @param hint what to write in its place
   */
  constructor(text: string, problem: string, position: number, hint: string) {
    const shown = text.length > SHOWN_CHARACTERS ? `${text.slice(0, SHOWN_CHARACTERS)}…` : text;
    const where = position >= text.length ? "at the end" : `at character ${position + 1}`;
    super(`Cannot read ${JSON.stringify(shown)} as a selector: ${problem}, ${where}`, { hint });
    this.position = position;
  }
}

/** Where a selector stands. */
export interface SelectorOptions {
  /** Whether it is a policy's, which has groups (`group:NAME`) and knows who is in which overlay network (`network:NAME`). */
  readonly isOfPolicy?: boolean;
}

/** The longest selector, in characters. */
export const MAX_SELECTOR_LENGTH = 1_024;
/** How deep parentheses may stand in each other. */
export const MAX_SELECTOR_DEPTH = 16;

const HINT =
  "For example role=web, role in (web, api), !role, name=db-1, 10.200.3.0/24, service:orders, or *.";
const LABEL_KEY = /^[A-Za-z0-9](?:[A-Za-z0-9._/-]{0,61}[A-Za-z0-9])?$/;
// Such a word is meant as an address: taken for the key of a label it would silently mean nobody.
const LIKE_ADDRESS = /^\d[\d.]*\.[\d.]*(?:\/|$)/;
const LABEL_VALUE = /^[A-Za-z0-9._/-]{0,63}$/;
const NODE_NAME = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/;
const SERVICE_PATH = /^[A-Za-z0-9_.$-]+(?:\/[A-Za-z0-9_.$-]+)*$/;
const POLICY_NAME = /^[A-Za-z0-9._-]{1,63}$/;
const ROLE = /^[a-z][a-z0-9-]*$/;

// Sticky, so that each step begins where the last one ended; what none of them takes belongs to no selector.
const TOKEN =
  /[ \t\r\n]*(?:(?<word>[A-Za-z0-9._/:$-]+)|"(?<quoted>[A-Za-z0-9._/-]*)"|(?<sign>!=|&&|\|\||==?|[()!,*]))/y;

/**
 * @returns the selector as a tree
 * @throws InvalidSelectorError
 */
export function parseExpression(text: string, options: SelectorOptions = {}): Expression {
  const parser = new SelectorParser(text, options.isOfPolicy ?? false);
  parser.checkLength(text);
  const expression = parser.parse();
  // What is written tightly grows when it is written out, and must be readable then, too.
  parser.checkLength(format(expression));
  return expression;
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

class SelectorParser {
  readonly #text: string;
  readonly #isOfPolicy: boolean;
  #tokens: readonly Token[] = [];
  #at = 0;
  #depth = 0;

  constructor(text: string, isOfPolicy: boolean) {
    this.#text = text;
    this.#isOfPolicy = isOfPolicy;
  }

  checkLength(text: string): void {
    if (text.length <= MAX_SELECTOR_LENGTH) return;
    const problem = `it is longer than ${MAX_SELECTOR_LENGTH} characters`;
    this.#fail(problem, MAX_SELECTOR_LENGTH, "Give the members a label that they share.");
  }

  parse(): Expression {
    this.#tokens = this.#tokenize();
    const expression = this.#anyOf();
    return this.#peek().kind === "end" ? expression : this.#unexpected("&&, ||, or the end");
  }

  /** @returns the tokens, the last of which is the end */
  #tokenize(): readonly Token[] {
    const text = this.#text;
    const tokens: Token[] = [];
    const end = text.replace(/[ \t\r\n]+$/, "").length;
    const pattern = new RegExp(TOKEN);
    while (pattern.lastIndex < end) {
      const from = pattern.lastIndex;
      const groups = pattern.exec(text)?.groups;
      if (groups === undefined) {
        const position = from + (/^[ \t\r\n]*/.exec(text.slice(from))?.[0].length ?? 0);
        const found = JSON.stringify(String.fromCodePoint(text.codePointAt(position) ?? 0));
        return this.#fail(`${found} has no meaning here`, position, HINT);
      }
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

  #anyOf(): Expression {
    return this.#chain("any", ["||"], () => this.#allOf());
  }

  #allOf(): Expression {
    return this.#chain("all", ["&&", ","], () => this.#term());
  }

  #chain(kind: "all" | "any", signs: readonly Token["kind"][], next: () => Expression): Expression {
    const first = next();
    const terms = [first];
    while (this.#accept(...signs) !== undefined) terms.push(next());
    return terms.length === 1 ? first : { kind, terms };
  }

  #term(): Expression {
    if (this.#accept("!") !== undefined) return this.#negation();
    if (this.#peek().kind === "(") return this.#group();
    const word = this.#peek();
    const simple = this.#simple();
    if (word.kind !== "word" || !this.#isComparisonNext()) return simple;
    return this.#comparison(word);
  }

  #negation(): Expression {
    if (this.#peek().kind === "(") return { kind: "not", inner: this.#group() };
    const inner = this.#simple();
    if (!this.#isComparisonNext()) return { kind: "not", inner };
    const { position } = this.#peek();
    return this.#fail(`"!" stands before a comparison`, position, "Write role!=web, or !(role=web).");
  }

  #group(): Expression {
    const open = this.#take();
    if (++this.#depth > MAX_SELECTOR_DEPTH) {
      this.#fail(`more than ${MAX_SELECTOR_DEPTH} parentheses stand in each other`, open.position, HINT);
    }
    const inner = this.#anyOf();
    this.#depth--;
    return this.#accept(")") === undefined ? this.#unexpected(`")"`) : inner;
  }

  /** A word by itself; before a comparison it is a key, whatever else it looks like. */
  #simple(): Expression {
    if (this.#accept("*") !== undefined) return { kind: "everything" };
    const word = this.#accept("word") ?? this.#unexpected("a label, an address, a service, or *");
    const { value } = word;
    if (this.#isComparisonNext()) return { kind: "has-label", key: value };
    const address = IpAddress.parse(value);
    const block = address === undefined ? Cidr.parse(value) : Cidr.host(address);
    if (block !== undefined) return { kind: "address", block };
    const colon = value.indexOf(":");
    if (colon >= 0) return this.#prefixed(word, value.slice(0, colon), value.slice(colon + 1));
    if (value === "name") return this.#refuse(word, "alone says nothing", "Write name=db-1.");
    if (LIKE_ADDRESS.test(value)) return this.#refuse(word, "is no address and no block of addresses");
    return LABEL_KEY.test(value)
      ? { kind: "has-label", key: value }
      : this.#refuse(word, "is no key of a label");
  }

  #prefixed(word: Token, kind: string, value: string): Expression {
    if (kind === "service") {
      if (SERVICE_PATH.test(value)) return { kind, path: value };
      return this.#refuse(word, "names no service", "Write service:orders.");
    }
    if (kind === "role") {
      if (ROLE.test(value)) return { kind, role: value };
      return this.#refuse(word, "names no role", "Write role:leader.");
    }
    if (this.#isOfPolicy && (kind === "group" || kind === "network")) {
      if (POLICY_NAME.test(value)) return { kind, name: value };
      return this.#refuse(word, `names no ${kind}`, `Write ${kind}:blue.`);
    }
    return this.#refuse(word, "is neither an address nor service:… nor role:…");
  }

  #comparison(key: Token): Expression {
    const isName = key.value === "name";
    if (!isName && !LABEL_KEY.test(key.value)) return this.#refuse(key, "is no key of a label");
    const sign = this.#take();
    const isNegated = sign.kind === "!=" || sign.value === "notin";
    const values = sign.kind === "word" ? this.#list(isName) : [this.#value(isName)];
    return { kind: "comparison", key: key.value, values, isNegated };
  }

  #list(isName: boolean): readonly string[] {
    if (this.#accept("(") === undefined) this.#unexpected(`"("`);
    const values = new Set<string>();
    do values.add(this.#value(isName)); while (this.#accept(",") !== undefined);
    return this.#accept(")") === undefined ? this.#unexpected(`"," or ")"`) : [...values];
  }

  #value(isName: boolean): string {
    const token = this.#accept("word", "quoted") ??
      this.#unexpected("a value", `An empty value is written "".`);
    if (isName && !NODE_NAME.test(token.value)) {
      this.#refuse(token, "is no name of a node", "Names are lower-case letters, digits and hyphens.");
    }
    if (!LABEL_VALUE.test(token.value)) {
      const hint = "Values are up to 63 letters, digits, dots, hyphens, slashes and underscores.";
      this.#refuse(token, "is no value of a label", hint);
    }
    return token.value;
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

  #unexpected(wanted: string, hint = HINT): never {
    const { kind, value, position } = this.#peek();
    const problem = kind === "end"
      ? `${wanted} is missing`
      : `${JSON.stringify(value)} stands where ${wanted} should`;
    this.#fail(problem, position, hint);
  }

  #refuse({ value, position }: Token, what: string, hint = HINT): never {
    const shown = value.length > 64 ? `${value.slice(0, 64)}…` : value;
    this.#fail(`${JSON.stringify(shown)} ${what}`, position, hint);
  }

  #fail(problem: string, position: number, hint: string): never {
    throw new InvalidSelectorError(this.#text, problem, position, hint);
  }
}
