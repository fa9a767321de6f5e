/**
 * How a program wants its agent to choose among providers, as part of a request.
 * @module
 */

import type { WireReader, WireWriter } from "../../proto/mod.ts";

/** What a program's caller has chosen. */
export interface WireRouting {
  readonly mode: string;
  readonly node: string;
  readonly idempotent: boolean;
  /** How often the call is tried again; undefined when the agent may choose. */
  readonly retries: number | undefined;
  /** How long one provider may take, in milliseconds; undefined when nobody has said. */
  readonly attemptTimeoutMs?: number | undefined;
  /** After how many milliseconds another one is asked as well; undefined when nobody has said. */
  readonly hedgeAfterMs?: number | undefined;
  /** A range that the provider's version is in; empty for any. */
  readonly version: string;
}

/** Writes it as field `field` of the message that is being written, backwards as that is. */
export function writeRouting(writer: WireWriter, field: number, routing: WireRouting): void {
  const before = writer.length;
  writer.string(7, routing.version);
  if (routing.hedgeAfterMs !== undefined) writer.uint(6, routing.hedgeAfterMs);
  if (routing.attemptTimeoutMs !== undefined) writer.uint(5, routing.attemptTimeoutMs);
  if (routing.retries !== undefined) writer.uint(4, routing.retries + 1);
  writer.bool(3, routing.idempotent);
  writer.string(2, routing.node);
  writer.string(1, routing.mode);
  writer.message(field, before);
}

/** @param maxBytes the longest text @returns what `outer` has as the field that was read just now */
export function readRouting(outer: WireReader, maxBytes: number): WireRouting {
  const reader = outer.message();
  let mode = "",
    node = "",
    idempotent = false,
    retries = 0,
    attemptTimeoutMs = 0,
    hedgeAfterMs = 0,
    version = "";
  for (let field = reader.field(); field !== 0; field = reader.field()) {
    if (field === 1) mode = reader.string(maxBytes);
    else if (field === 2) node = reader.string(maxBytes);
    else if (field === 3) idempotent = reader.uint() !== 0;
    else if (field === 4) retries = reader.uint();
    else if (field === 5) attemptTimeoutMs = reader.uint();
    else if (field === 6) hedgeAfterMs = reader.uint();
    else if (field === 7) version = reader.string(maxBytes);
    else reader.skip();
  }
  outer.join(reader);
  return {
    mode,
    node,
    idempotent,
    retries: retries === 0 ? undefined : retries - 1,
    attemptTimeoutMs: attemptTimeoutMs || undefined,
    hedgeAfterMs: hedgeAfterMs || undefined,
    version,
  };
}
