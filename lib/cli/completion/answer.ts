/**
 * What shells say of a line, and how they are answered: the first line says what comes, `words`, `files` or `directories`;
 * the others are candidates in the shell's own form.
 * @module
 */

import { isPrintable } from "../../base/mod.ts";
import type { Candidate, Expected } from "./expected.ts";
import type { Shell } from "./scripts.ts";

/** What was typed, up to the cursor. */
export interface Typed {
  /** After the name of the program; complete. */
  readonly words: readonly string[];
  /** The one that is being typed, without quotes. */
  readonly current: string;
  /** The quotes that it is in. */
  readonly quote: "" | "'" | '"';
  /** How much of its end the shell replaces, in characters; bash takes `=` and `:` for ends of words. */
  readonly replaced: number;
}

/** What stands in a shell for itself, everywhere. */
const PLAIN = /^[\w.,:/@%+=-]*$/;

/** @param input what the script has written, each part ended by NUL */
export function readTyped(shell: Shell, input: string): Typed {
  const parts = input.split("\0").slice(0, -1);
  if (shell !== "bash") {
    const current = parts.at(-1) ?? "";
    return { words: parts.slice(1, -1), current, quote: "", replaced: current.length };
  }
  const [line = "", last = ""] = parts;
  const { words, quote } = splitLine(line);
  const current = words.at(-1) ?? "";
  return { words: words.slice(1, -1), current, quote, replaced: current.endsWith(last) ? last.length : 0 };
}

/** As a shell does (POSIX.1-2024, Shell Command Language §2.2); the last word is empty behind a blank. */
function splitLine(line: string): { readonly words: string[]; readonly quote: Typed["quote"] } {
  const words: string[] = [];
  let word: string | undefined;
  let quote: Typed["quote"] = "";
  for (let at = 0; at < line.length; at++) {
    const char = line.charAt(at);
    if (char === quote) quote = "";
    else if (char === "\\" && quote !== "'") word = (word ?? "") + line.charAt(++at);
    else if (quote !== "") word = (word ?? "") + char;
    else if (char === "'" || char === '"') [quote, word] = [char, word ?? ""];
    else if (!/\s/.test(char)) word = (word ?? "") + char;
    else if (word !== undefined) {
      words.push(word);
      word = undefined;
    }
  }
  return { words: [...words, word ?? ""], quote };
}

/** @returns the answer, with its line feeds; of the candidates those that begin with what was typed */
export function answerText(shell: Shell, { candidates, paths }: Expected, typed: Typed): string {
  const fitting = candidates.filter(({ word }) => word.startsWith(typed.current) && isPrintable(word));
  const lines = fitting.map((candidate) => FORMS[shell](candidate, typed)).filter((line) =>
    line !== undefined
  );
  return [paths ?? "words", ...lines].map((line) => `${line}\n`).join("");
}

/** A candidate in the form of each shell; undefined when it can't be said there. */
const FORMS: Readonly<Record<Shell, (candidate: Candidate, typed: Typed) => string | undefined>> = {
  // What a script hands to bash goes on the line as it is, so all that means something there is quoted here.
  bash: ({ word }, { current, quote, replaced }) => {
    const text = word.slice(current.length - replaced);
    if (quote === "") return text.replace(/[^\w.,:/@%+=-]/g, "\\$&");
    return PLAIN.test(text) || !/['"$`\\!]/.test(text) ? text : undefined;
  },
  // The others quote what they put on the line.
  zsh: ({ word, description }) => {
    const name = word.replace(/[\\:]/g, "\\$&");
    return description === "" ? name : `${name}:${oneLine(description)}`;
  },
  fish: ({ word, description }) => description === "" ? word : `${word}\t${oneLine(description)}`,
};

/** Descriptions come from others, too. */
function oneLine(text: string): string {
  return [...text].filter((char) => isPrintable(char)).join("").slice(0, 100);
}
