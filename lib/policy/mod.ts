/**
 * Who may reach whom, and how. It is pure: it knows no roster, no clock and no packet plane; what it looks at is handed in.
 *
 * ```text
 *   file, program ─▶ model: PolicyDocument ─▶ compile (with the roster) ─▶ PolicyProgram, plain bytes
 *                                                                               │
 *     packets ─▶ flows: PacketGuard ──────────────▶ evaluate: PolicyEvaluator ◀─┘
 *     frames, calls, events, connections, names ──▶
 * ```
 *
 * What rules mean is written in `evaluate/mod.ts`, what flows are in `flows/flow_guard.ts`; `answers` has what people ask: why
 * something passes, what would change for whom, what a document's tests say. Tests hold all of it against the oracle in `testing`,
 * which compiles nothing.
 *
 * @module
 */

export * from "./answers/mod.ts";
export * from "./compile/mod.ts";
export * from "./evaluate/mod.ts";
export * from "./flows/mod.ts";
export * from "./messages/mod.ts";
export * from "./model/mod.ts";
export * from "./program/mod.ts";
export * from "./selectors/mod.ts";
export * from "./shaping/mod.ts";
