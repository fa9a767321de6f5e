/**
 * Selectors as words and signs.
 * @module
 */

/** A part of a selector's text; a word's value is without its quotes. */
export interface Token {
  readonly kind: "word" | "quoted" | Sign | "end";
  readonly value: string;
  /** Of its first character. */
  readonly position: number;
}

/** Everything that is no word. */
export type Sign = "(" | ")" | "!" | "!=" | "=" | "," | "&&" | "||" | "*";

// Sticky, so that each step begins where the last one ended; what none of them takes belongs to no selector.
const TOKEN =
  /[ \t\r\n]*(?:(?<word>[A-Za-z0-9._/:$-]+)|"(?<quoted>[A-Za-z0-9._/-]*)"|(?<sign>!=|&&|\|\||==?|[()!,*]))/y;

/** @returns the tokens, the last of which is the end; or the position of a character that cannot be there */
export function tokenize(text: string): readonly Token[] | number {
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
    tokens.push({ kind: kindOf(word, quoted, sign), value, position });
  }
  tokens.push({ kind: "end", value: "", position: text.length });
  return tokens;
}

function kindOf(
  word: string | undefined,
  quoted: string | undefined,
  sign: string | undefined,
): Token["kind"] {
  if (word !== undefined) return "word";
  if (quoted !== undefined) return "quoted";
  return sign === "==" ? "=" : sign as Sign;
}
