/**
 * Calls, events, connections by name and names: the same evaluator as for packets, asked by both ends. It has no flows: a call
 * is asked about once, and what is under way is asked about again when another program comes.
 * @module
 */

export * from "./message_guard.ts";
