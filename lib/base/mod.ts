/**
 * Small pure parts that everything else stands on: bytes, ports for time, randomness, state, streams and the log,
 * the root of the errors, a bounded queue, a priority queue, a map of what is under way, token buckets, a budget of
 * memory, counters. It owns no protocol and touches no system.
 * @module
 */

export type { Brand, brand } from "./brand.ts";
export * from "./bounded_queue.ts";
export type { ByteStream } from "./byte_stream.ts";
export * from "./bytes.ts";
export * from "./deadline_timer.ts";
export * from "./counters.ts";
export * from "./environment.ts";
export * from "./errors.ts";
export * from "./limited_logger.ts";
export * from "./log_category.ts";
export * from "./memory_budget.ts";
export * from "./layered_map.ts";
export * from "./priority_queue.ts";
export * from "./printable.ts";
export * from "./random.ts";
export * from "./rate_limit.ts";
export * from "./rate_meter.ts";
export * from "./short_lived_map.ts";
export * from "./state_store.ts";
export * from "./time.ts";
export * from "./tabulation_hash.ts";
export * from "./tracer.ts";
export * from "./version_range.ts";
