/**
 * Reads queries and filters: recursive descent over the tokens of the lexer, in time linear in the text.
 *
 *     query     = select columns from name [where condition] [group-by paths] [having condition]
 *                 [sort-by column [ascending | descending] {, …}] [limit n [page n]] [match-case]
 *     condition = all {or all}          all = one {and one}          one = not one | ( condition ) | test
 *     test      = column (= | != | < | <= | > | >=) value | column [not] in ([ values ] | ( values ) | :name)
 *     column    = path | count(*) | (count | sum | avg | min | max)(path)
 *
 * @module
 */

import { MAX_CONDITION_DEPTH } from "./bounds.ts";
import { checkFilter, checkQuery, type PlaceOf } from "./check.ts";
import { type Token, tokenize } from "./lexer.ts";
import type {
  AggregateFunction,
  Column,
  ComparisonOperator,
  Condition,
  Filter,
  Operand,
  ParameterOperand,
  Path,
  Query,
  SortKey,
} from "./query.ts";
import { QueryError } from "./query_error.ts";
import { AGGREGATE_FUNCTIONS, isBareName, isKeyword, NAMED_VALUES, numberOf } from "./words.ts";

/**
 * Reads a query.
 * @throws {QueryError} where the text is none
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 *
 * const query = parseQuery("select id, total from orders where total > :least sort-by total descending limit 10");
 * assert.equal(query.from, "orders");
 * assert.throws(() => parseQuery("select * from orders where total >"), { column: 35, expected: "a value" });
 * ```
 */
export function parseQuery(text: string): Query {
  return new Parser(text).query();
}

/**
 * Reads a condition as it stands after `where`, and `match-case` after it where that is wanted.
 * @throws {QueryError} where the text is none
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 *
 * assert.equal(parseFilter("status = open and total > 100").where?.type, "and");
 * ```
 */
export function parseFilter(text: string): Filter {
  return new Parser(text).filter();
}

class Parser {
  readonly #text: string;
  readonly #tokens: readonly Token[];
  /** Where each node of the query stands, for whatever is wrong with it although it could be read. */
  readonly #offsets = new Map<object, number>();
  #next = 0;
  #depth = 0;

  constructor(text: string) {
    this.#text = text;
    this.#tokens = tokenize(text);
  }

  query(): Query {
    this.#keyword("select");
    const columns = this.#selected();
    this.#keyword("from");
    const from = this.#name();
    const where = this.#takeKeyword("where") ? this.#condition() : undefined;
    const groupBy = this.#takeKeyword("group-by") ? this.#list(() => this.#path()) : [];
    const having = this.#takeKeyword("having") ? this.#condition() : undefined;
    const sortBy = this.#takeKeyword("sort-by") ? this.#list(() => this.#sortKey()) : [];
    const limit = this.#takeKeyword("limit") ? this.#wholeNumber() : undefined;
    const page = limit !== undefined && this.#takeKeyword("page") ? this.#wholeNumber() : undefined;
    const matchCase = this.#takeKeyword("match-case");
    this.#end(expectedAfter({ where, groupBy, having, sortBy, limit, page, matchCase }));
    const query = { columns, from, where, groupBy, having, sortBy, limit, page, matchCase };
    checkQuery(query, this.#placeOf);
    return query;
  }

  filter(): Filter {
    const filter = { where: this.#condition(), matchCase: this.#takeKeyword("match-case") };
    this.#end(filter.matchCase ? "the end" : "and, or, match-case or the end");
    checkFilter(filter, this.#placeOf);
    return filter;
  }

  readonly #placeOf: PlaceOf = (node) => ({ text: this.#text, offset: this.#offsets.get(node) ?? 0 });

  #selected(): readonly Column[] | "*" {
    const token = this.#peek();
    if (token.type !== "word" || token.text !== "*") return this.#list(() => this.#column());
    this.#next += 1;
    return "*";
  }

  #sortKey(): SortKey {
    const start = this.#peek().start;
    const column = this.#column();
    const isDescending = this.#takeKeyword("descending");
    if (!isDescending) this.#takeKeyword("ascending");
    return this.#at(start, { column, direction: isDescending ? "descending" : "ascending" });
  }

  #condition(): Condition {
    return this.#junction("or", () => this.#junction("and", () => this.#negatable()));
  }

  #junction(type: "and" | "or", operand: () => Condition): Condition {
    const start = this.#peek().start;
    const first = operand();
    if (!this.#isKeyword(type)) return first;
    const conditions = [first];
    while (this.#takeKeyword(type)) conditions.push(operand());
    return this.#at(start, { type, conditions });
  }

  #negatable(): Condition {
    const { start } = this.#peek();
    if (this.#takeKeyword("not")) {
      return this.#nested(start, () => this.#at(start, { type: "not", condition: this.#negatable() }));
    }
    if (!this.#takeSymbol("(")) return this.#test();
    const condition = this.#nested(start, () => this.#condition());
    this.#symbol(")", "and, or or )");
    return condition;
  }

  #nested(offset: number, read: () => Condition): Condition {
    if (this.#depth === MAX_CONDITION_DEPTH) {
      const expected = `at most ${MAX_CONDITION_DEPTH} levels of parentheses and not`;
      throw new QueryError("a condition that is too deep", expected, { text: this.#text, offset });
    }
    this.#depth += 1;
    const condition = read();
    this.#depth -= 1;
    return condition;
  }

  #test(): Condition {
    const { start } = this.#peek();
    const column = this.#column();
    const isNegated = this.#takeKeyword("not");
    if (this.#takeKeyword("in")) {
      return this.#at(start, { type: "in", column, isNegated, list: this.#values() });
    }
    if (isNegated) throw this.#unexpected(this.#peek(), "in");
    const token = this.#take();
    const operator = OPERATORS.find((operator) => token.type === "symbol" && token.text === operator);
    if (operator === undefined) throw this.#unexpected(token, "= != < <= > >=, in or not in");
    return this.#at(start, { type: "compare", column, operator, operand: this.#operand() });
  }

  #values(): readonly Operand[] | ParameterOperand {
    const token = this.#take();
    if (token.type === "parameter") return { type: "parameter", name: token.text };
    const closing = token.type === "symbol" ? CLOSING[token.text] : undefined;
    if (closing === undefined) throw this.#unexpected(token, "[, as in [open, paid], or a parameter");
    const list = this.#takeSymbol(closing) ? [] : this.#list(() => this.#operand());
    if (list.length > 0) this.#symbol(closing, `, or ${closing}`);
    return this.#at(token.start, list);
  }

  #operand(): Operand {
    const token = this.#take();
    return this.#at(token.start, this.#operandOf(token));
  }

  #operandOf(token: Token): Operand {
    if (token.type === "parameter") return { type: "parameter", name: token.text };
    if (token.type !== "word" && token.type !== "text") throw this.#unexpected(token, "a value");
    if (token.type === "word") {
      if (isKeyword(token.text)) {
        throw this.#unexpected(token, "a value; a text that is a keyword stands between quotes");
      }
      const named = NAMED_VALUES.get(token.text.toLowerCase());
      if (named !== undefined) return { type: "literal", value: named };
      const number = numberOf(token.text);
      if (number !== undefined && !Number.isFinite(number)) {
        throw this.#unexpected(token, "a number that is not so large");
      }
      // Minus zero equals zero, and is written as such.
      if (number !== undefined) return { type: "literal", value: number + 0 };
    }
    return token.parts.length > 1
      ? { type: "pattern", parts: token.parts }
      : { type: "literal", value: token.text };
  }

  #column(): Column {
    const token = this.#peek();
    const isCall = token.type === "word" && this.#tokens[this.#next + 1]?.text === "(" &&
      this.#tokens[this.#next + 1]?.type === "symbol";
    if (!isCall || isKeyword(token.text)) {
      return this.#at(token.start, { type: "property", path: this.#path() });
    }
    const name = token.text.toLowerCase();
    const called: AggregateFunction | undefined = AGGREGATE_FUNCTIONS.find((known) => known === name);
    if (called === undefined) throw this.#unexpected(token, "a property, count, sum, avg, min or max");
    this.#next += 2;
    const argument = this.#peek();
    const isRows = called === "count" && argument.type === "word" && argument.text === "*";
    if (isRows) this.#next += 1;
    const path = isRows ? undefined : this.#path();
    this.#symbol(")", ")");
    return this.#at(token.start, { type: "aggregate", function: called, path });
  }

  /** Names with dots between them, each bare or between quotes; nothing stands around the dots. */
  #path(): Path {
    const path: string[] = [];
    const { start } = this.#peek();
    let token = this.#take();
    if (token.type === "word" && isKeyword(token.text)) {
      throw this.#unexpected(token, "a property; one that is called like a keyword stands between quotes");
    }
    for (;;) {
      if (token.type === "text") {
        path.push(token.text);
        const dot = this.#peek();
        if (dot.type !== "word" || dot.start !== token.end || !dot.text.startsWith(".")) break;
        this.#next += 1;
        token = { ...dot, text: dot.text.slice(1), start: dot.start + 1 };
      }
      if (token.type !== "word") throw this.#unexpected(token, "a property");
      const names = token.text.split(".");
      const next = this.#peek();
      const goesOn = names.at(-1) === "" && next.type === "text" && next.start === token.end;
      if (goesOn) names.pop();
      if (!names.every(isBareName)) {
        throw this.#unexpected(token, "a property; other names stand between quotes");
      }
      path.push(...names);
      if (!goesOn) break;
      token = this.#take();
    }
    return this.#at(start, path);
  }

  #name(): string {
    const token = this.#take();
    const isName = token.type === "text" ||
      (token.type === "word" && !isKeyword(token.text) && token.text.split(".").every(isBareName));
    if (!isName) throw this.#unexpected(token, "the name of a collection");
    return token.text;
  }

  #wholeNumber(): number {
    const token = this.#take();
    const number = token.type === "word" && WHOLE_NUMBER.test(token.text) ? Number(token.text) : NaN;
    if (!Number.isSafeInteger(number)) throw this.#unexpected(token, "a whole number from 1");
    return number;
  }

  #list<T>(item: () => T): T[] {
    const items = [item()];
    while (this.#takeSymbol(",")) items.push(item());
    return items;
  }

  #keyword(word: string): void {
    if (!this.#takeKeyword(word)) throw this.#unexpected(this.#peek(), word);
  }

  #isKeyword(word: string): boolean {
    const token = this.#peek();
    return token.type === "word" && token.text.length === word.length && token.text.toLowerCase() === word;
  }

  #takeKeyword(word: string): boolean {
    const isNext = this.#isKeyword(word);
    if (isNext) this.#next += 1;
    return isNext;
  }

  #takeSymbol(symbol: string): boolean {
    const token = this.#peek();
    const isNext = token.type === "symbol" && token.text === symbol;
    if (isNext) this.#next += 1;
    return isNext;
  }

  #symbol(symbol: string, expected: string): void {
    if (!this.#takeSymbol(symbol)) throw this.#unexpected(this.#peek(), expected);
  }

  #end(expected: string): void {
    if (this.#peek().type !== "end") throw this.#unexpected(this.#peek(), expected);
  }

  #peek(): Token {
    const token = this.#tokens[this.#next] ?? this.#tokens.at(-1);
    if (token === undefined) throw new TypeError("tokens end with their end");
    return token;
  }

  #take(): Token {
    const token = this.#peek();
    if (token.type !== "end") this.#next += 1;
    return token;
  }

  #at<T extends object>(offset: number, node: T): T {
    this.#offsets.set(node, offset);
    return node;
  }

  #unexpected(token: Token, expected: string): QueryError {
    const place = { text: this.#text, offset: token.start };
    if (token.type === "end") return new QueryError("the query ends", expected, place);
    const source = this.#text.slice(token.start, Math.min(token.end, token.start + SHOWN_LENGTH));
    return new QueryError(`found ${JSON.stringify(source)}`, expected, place);
  }
}

function expectedAfter(
  { where, groupBy, having, sortBy, limit, page, matchCase }: Omit<Query, "columns" | "from">,
): string {
  const clauses: readonly (readonly [boolean, string])[] = [
    [matchCase, ""],
    [page !== undefined, "match-case"],
    [limit !== undefined, "page, match-case"],
    [sortBy.length > 0, "ascending, descending, limit, match-case"],
    [having !== undefined, "and, or, sort-by, limit, match-case"],
    [groupBy.length > 0, "having, sort-by, limit, match-case"],
    [where !== undefined, "and, or, group-by, having, sort-by, limit, match-case"],
    [true, "where, group-by, having, sort-by, limit, match-case"],
  ];
  const next = clauses.find(([isLast]) => isLast)?.[1] ?? "";
  return next === "" ? "the end" : `${next} or the end`;
}

const OPERATORS: readonly ComparisonOperator[] = ["=", "!=", "<", "<=", ">", ">="];
const CLOSING: Readonly<Record<string, string>> = { "[": "]", "(": ")" };
const WHOLE_NUMBER = /^[1-9]\d{0,15}$/;
/** How much of what was found an error shows, in UTF-16 units. */
const SHOWN_LENGTH = 32;
