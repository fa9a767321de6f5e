/**
 * Tells code from comments and strings in TypeScript source, without parsing it.
 * @module
 */

/** A comment with its delimiters. */
export interface Comment {
  /** Offsets into the source; `end` is past the last character. */
  readonly start: number;
  readonly end: number;
  readonly text: string;
}

/** Source whose comments, and whose contents of strings and regular expressions, are spaces; offsets and lines stay. */
export interface BlankedText {
  readonly code: string;
  readonly comments: readonly Comment[];
}

// After these words a slash begins a regular expression; after any other word it divides.
const WORDS_BEFORE_OPERAND =
  /(?:^|[^\w$.])(?:return|typeof|case|in|of|void|delete|throw|new|else|do|instanceof|yield|await)$/;

/** Blanks everything that is not code. Source that does not compile gives some blanking, never an exception. */
export function blankText(text: string): BlankedText {
  return new Scanner(text).run();
}

class Scanner {
  readonly #text: string;
  readonly #code: string[];
  readonly #comments: Comment[] = [];
  /** For each template around the current position, how many braces are open within its `${`. */
  readonly #templateBraces: number[] = [];
  #at = 0;

  constructor(text: string) {
    this.#text = text;
    this.#code = text.split("");
  }

  run(): BlankedText {
    while (this.#at < this.#text.length) this.#step();
    return { code: this.#code.join(""), comments: this.#comments };
  }

  #step(): void {
    const here = this.#text[this.#at];
    const two = this.#text.slice(this.#at, this.#at + 2);
    const depth = this.#templateBraces.at(-1);
    if (two === "//") this.#comment(this.#indexOf("\n", this.#at));
    else if (two === "/*") this.#comment(this.#indexOf("*/", this.#at + 2) + 2);
    else if (here === '"' || here === "'") this.#skipTo(this.#endOfLiteral(here, this.#at + 1));
    else if (here === "/" && this.#beginsOperand()) this.#skipTo(this.#endOfRegularExpression());
    else if (here === "`") this.#template(this.#at + 1);
    else if (here === "}" && depth === 0) {
      this.#templateBraces.pop();
      this.#template(this.#at + 1);
    } else {
      if (depth !== undefined && here === "{") {
        this.#templateBraces.push((this.#templateBraces.pop() ?? 0) + 1);
      }
      if (depth !== undefined && here === "}") {
        this.#templateBraces.push((this.#templateBraces.pop() ?? 0) - 1);
      }
      this.#at++;
    }
  }

  #comment(end: number): void {
    const start = this.#at;
    this.#at = Math.min(end, this.#text.length);
    this.#blank(start, this.#at);
    this.#comments.push({ start, end: this.#at, text: this.#text.slice(start, this.#at) });
  }

  /** Leaves the delimiters, so that an import still shows where its specifier is. */
  #skipTo(end: number): void {
    this.#blank(this.#at + 1, end);
    this.#at = end + 1;
  }

  #template(from: number): void {
    let at = from;
    while (at < this.#text.length && this.#text[at] !== "`") {
      if (this.#text.startsWith("${", at)) {
        this.#templateBraces.push(0);
        this.#blank(from, at);
        this.#at = at + 2;
        return;
      }
      at += this.#text[at] === "\\" ? 2 : 1;
    }
    this.#blank(from, at);
    this.#at = at + 1;
  }

  #endOfLiteral(quote: string, from: number): number {
    let at = from;
    while (at < this.#text.length && this.#text[at] !== quote && this.#text[at] !== "\n") {
      at += this.#text[at] === "\\" ? 2 : 1;
    }
    return at;
  }

  #endOfRegularExpression(): number {
    let inClass = false;
    let at = this.#at + 1;
    while (at < this.#text.length && this.#text[at] !== "\n") {
      const here = this.#text[at];
      if (here === "/" && !inClass) break;
      if (here === "[") inClass = true;
      if (here === "]") inClass = false;
      at += here === "\\" ? 2 : 1;
    }
    return at;
  }

  #beginsOperand(): boolean {
    let end = this.#at;
    while (end > 0 && /\s/.test(this.#code[end - 1] ?? "")) end--;
    const before = this.#code.slice(Math.max(0, end - 12), end).join("");
    return !/[\w$)\]}"'`]$/.test(before) || WORDS_BEFORE_OPERAND.test(before);
  }

  #blank(start: number, end: number): void {
    for (let i = start; i < Math.min(end, this.#text.length); i++) {
      if (this.#text[i] !== "\n") this.#code[i] = " ";
    }
  }

  #indexOf(sought: string, from: number): number {
    const found = this.#text.indexOf(sought, from);
    return found < 0 ? this.#text.length : found;
  }
}
