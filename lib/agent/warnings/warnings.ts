/**
 * What is to be told now, and what has been told in the log.
 * @module
 */

import type { Logger } from "../../base/mod.ts";
import type { WarningReport } from "../../api/mod.ts";

/** So many of a kind are told; more would hide the others. */
const MAX_OF_KIND = 8;

/** One warning, and what it is about, so that it is told once however its words change. */
export interface Warning extends WarningReport {
  readonly about: string;
}

/** Collects what its sources say. */
export class Warnings {
  readonly #sources: readonly (() => readonly Warning[])[];
  readonly #log: Logger;
  #told: readonly Warning[] = [];

  /** @param sources each says what is so now */
  constructor(sources: readonly (() => readonly Warning[])[], log: Logger) {
    this.#sources = sources;
    this.#log = log;
  }

  /** Looks at everything again, and logs what is new or over. Early and repeated calls are harmless. @returns what is so */
  look(): readonly WarningReport[] {
    const now = this.#sources.flatMap((source) => source().slice(0, MAX_OF_KIND));
    const isIn = (list: readonly Warning[], { kind, about }: Warning) =>
      list.some((other) => other.kind === kind && other.about === about);
    for (const each of now) if (!isIn(this.#told, each)) this.#log.warn(each.text, { hint: each.hint });
    for (const each of this.#told) if (!isIn(now, each)) this.#log.info(`no more so: ${each.text}`);
    this.#told = now;
    return now.map(({ kind, text, hint }) => ({ kind, text, hint }));
  }
}
