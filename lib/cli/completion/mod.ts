/**
 * What may come next on a command line: answered from the tree of commands, and from the agent that runs for what only it
 * knows. Shells ask with each press of Tab, so an answer comes soon or not at all, and nothing of it is secret.
 *
 *     script of a shell ── words, on standard input ──> weft complete SHELL ──> expected() ──> candidates, files
 *                                                                                 `─ KnownValues ── agent
 *
 * @module
 */

export { answerText, readTyped } from "./answer.ts";
export { type Candidate, type Expected, expected, walk } from "./expected.ts";
export { KnownValues } from "./known_values.ts";
export { completionScript, isShell, type Shell, SHELLS } from "./scripts.ts";
