/**
 * One result of the answers of all.
 * @module
 */

import { CallError } from "./errors.ts";
import type { CallAnswer, ProviderResult } from "./options.ts";

/** @throws CallError, as the first provider has failed by name, and what `reduce` throws */
export function reduceAnswers(
  answers: readonly CallAnswer[],
  reduce: (answers: readonly ProviderResult[]) => unknown,
  path: string,
): unknown {
  const results = answers.map((answer): ProviderResult => {
    const { node } = answer;
    if (answer.ok === true) return { node, result: answer.result };
    throw new CallError({ path, ...answer.error, node }, {
      hint: "Without `reduce` the answers of the others are there.",
    });
  });
  return reduce(results.sort((a, b) => a.node < b.node ? -1 : 1));
}
