/**
 * Cuts the text of a query into tokens, in one pass.
 * @module
 */

import { MAX_NAME_LENGTH, MAX_QUERY_LENGTH } from "./bounds.ts";
import { QueryError } from "./query_error.ts";

/** A token: `start` and `end` are offsets in UTF-16 units. */
export interface Token {
  readonly type: "word" | "text" | "symbol" | "parameter" | "end";
  /** The word, the symbol, the parameter's name; of a quoted text, the text itself with its wildcards as `*`. */
  readonly text: string;
  readonly start: number;
  readonly end: number;
  /** What stands between the wildcards of a word or text; one part where there is none. */
  readonly parts: readonly string[];
}

/**
 * @returns the tokens of a query's text, the last of them its end
 * @throws {QueryError} where the text is too long, holds what no token may, or ends within a quoted text
 */
export function tokenize(text: string): Token[] {
  if (text.length > MAX_QUERY_LENGTH) {
    const expected = `at most ${MAX_QUERY_LENGTH} characters`;
    throw new QueryError(`a query of ${text.length} characters`, expected, {
      text,
      offset: MAX_QUERY_LENGTH,
    });
  }
  const nul = text.indexOf("\0");
  if (nul >= 0) throw new QueryError("found U+0000", "text without it", { text, offset: nul });
  if (!text.isWellFormed()) {
    throw new QueryError("found half of a surrogate pair", "well-formed text", { text, offset: 0 });
  }
  const tokens: Token[] = [];
  for (let at = skipSpace(text, 0); at < text.length;) {
    const token = readToken(text, at);
    tokens.push(token);
    at = skipSpace(text, token.end);
  }
  tokens.push({ type: "end", text: "", start: text.length, end: text.length, parts: [""] });
  return tokens;
}

function readToken(text: string, start: number): Token {
  const first = text[start] ?? "";
  if (first === "'" || first === '"') return readText(text, start, first);
  if (first === ":") {
    const { end } = matchAt(PARAMETER, text, start + 1);
    if (end === start + 1 || end - start > MAX_NAME_LENGTH) {
      throw new QueryError("found :", "the name of a parameter after it, as in :name", {
        text,
        offset: start,
      });
    }
    return { type: "parameter", text: text.slice(start + 1, end), start, end, parts: [] };
  }
  const symbol = matchAt(SYMBOL, text, start);
  if (symbol.end > start) return { type: "symbol", text: symbol.found, start, end: symbol.end, parts: [] };
  const word = matchAt(WORD, text, start);
  if (word.end === start) {
    throw new QueryError(`found ${JSON.stringify(first)}`, "it between quotes", { text, offset: start });
  }
  return { type: "word", text: word.found, start, end: word.end, parts: word.found.split("*") };
}

/** Within quotes a doubled quote is one quote, and a backslash takes `*`, a quote or a backslash as it is. */
function readText(text: string, start: number, quote: string): Token {
  const parts: string[] = [];
  const part: string[] = [];
  let at = start + 1;
  for (;;) {
    const { found, end } = matchAt(quote === "'" ? SINGLE_QUOTED : DOUBLE_QUOTED, text, at);
    part.push(found);
    at = end;
    const next = text[at];
    if (next === undefined) {
      throw new QueryError(`a text without its closing ${quote}`, quote, { text, offset: start });
    }
    if (next === "*") {
      parts.push(part.join(""));
      part.length = 0;
      at += 1;
    } else if (next === "\\") {
      const escaped = text[at + 1] ?? "";
      if (escaped === "" || !ESCAPABLE.includes(escaped)) {
        throw new QueryError("found \\", "one of * ' \" \\ after it", { text, offset: at });
      }
      part.push(escaped);
      at += 2;
    } else if (text[at + 1] === quote) {
      part.push(quote);
      at += 2;
    } else {
      parts.push(part.join(""));
      return { type: "text", text: parts.join("*"), start, end: at + 1, parts };
    }
  }
}

function skipSpace(text: string, at: number): number {
  return matchAt(SPACE, text, at).end;
}

function matchAt(pattern: RegExp, text: string, at: number): { found: string; end: number } {
  pattern.lastIndex = at;
  const found = pattern.exec(text)?.[0] ?? "";
  return { found, end: at + found.length };
}

const ESCAPABLE = "*'\"\\";
const SPACE = /\s*/y;
const SYMBOL = /!=|<=|>=|[=<>()[\],]/y;
// A word is a name, a number, or a text without quotes: whatever has no meaning of its own.
const WORD = /[^\s\p{Cc}()[\],'"=<>!:;\\`]+/uy;
const PARAMETER = /[\p{L}\p{N}_]+/uy;
const SINGLE_QUOTED = /[^'*\\]*/y;
const DOUBLE_QUOTED = /[^"*\\]*/y;
