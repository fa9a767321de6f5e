/**
 * The runtime of a node: whom its calls go to, who may call it and publish to it, and what its programs are to others.
 *
 * ```
 *   NodeRuntime ─┬─ NodeCalls: a call of this program, or of somebody else, to whoever serves it
 *                ├─ NodePolicy, EventAdmission: what the network and its policy let pass
 *                └─ programs, leadership, registry, events: rooms of their own beside this one
 * ```
 *
 * @module
 */

export * from "./node_runtime.ts";
