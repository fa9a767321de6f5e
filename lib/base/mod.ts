/**
 * Small pure parts that everything else stands on: bytes, ports for time, randomness, state, streams and the
 * log, the root of the errors, a bounded queue, a priority queue, counters. It owns no protocol and touches no system.
 * @module
 */

export * from "./priority_queue.ts";
export type { Brand } from "./brand.ts";
export * from "./bounded_queue.ts";
export type { ByteStream } from "./byte_stream.ts";
export * from "./bytes.ts";
export * from "./clock.ts";
export * from "./deadline_timer.ts";
export * from "./counters.ts";
export type { Environment } from "./environment.ts";
export * from "./errors.ts";
export * from "./logger.ts";
export * from "./random.ts";
export * from "./keyed_rate_limiter.ts";
export * from "./state_store.ts";
export * from "./timers.ts";
export type { EventLoopYield } from "./event_loop_yield.ts";
export * from "./sleep.ts";
export * from "./token_bucket.ts";
