/**
 * Traces of what a node does, as a port: whoever gathers spans is somebody else's.
 * @module
 */

import type { UnixMillis } from "./time.ts";

/** What is said of a step: with whom, how, and what has come of it. */
export type SpanAttributes = Readonly<Record<string, string | number | boolean>>;

/** How a step has ended. */
export interface SpanEnd {
  /** The code of its failure; left out when it went well. */
  readonly error?: string | undefined;
  /** What is known only now. */
  readonly attributes?: SpanAttributes;
}

/** A step that is under way. */
export interface ActiveSpan {
  /** Ends it. */
  end(end?: SpanEnd): void;
}

/** What is known of a step at its beginning. */
export interface SpanStart {
  /** Who has begun it: this node (`client`, unless given), or another one. */
  readonly kind?: "client" | "server";
  /** When it began; now, unless given. */
  readonly startedAt?: UnixMillis;
  /** With whom, and how. */
  readonly attributes?: SpanAttributes;
}

/** Takes the steps of a node that are not calls. */
export interface Tracer {
  /**
   * Begins a step.
   * @param name what is done, such as `weft.join`; one of few
   */
  start(name: string, start?: SpanStart): ActiveSpan;
}

/**
 * Traces a step until its promise settles.
 * @param tracer nothing is done without one
 * @param found what is said of what `step` gives
 * @returns what `step` gives
 */
export async function traced<T>(
  tracer: Tracer | undefined,
  name: string,
  attributes: SpanAttributes,
  step: () => Promise<T>,
  found: (given: T) => SpanAttributes = () => ({}),
): Promise<T> {
  const span = tracer?.start(name, { attributes });
  try {
    const given = await step();
    span?.end({ attributes: found(given) });
    return given;
  } catch (error) {
    span?.end({ error: error instanceof Error && "code" in error ? String(error.code) : "Error" });
    throw error;
  }
}
