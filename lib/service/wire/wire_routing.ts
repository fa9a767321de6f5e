/**
 * How an agent is to choose a provider for a program that is attached to it.
 * @module
 */

import type { WireReader, WireWriter } from "../../proto/mod.ts";

/** The longest mode, name or range, in bytes. */
const MAX_NAME_BYTES = 1_024;

/** How a program wants its agent to choose among providers. */
export interface WireRouting {
  readonly mode: string;
  readonly node: string;
  readonly idempotent: boolean;
  /** How often the call is tried again; undefined when the agent may choose. */
  readonly retries: number | undefined;
  /** A range that the provider's version is in; empty for any. */
  readonly version: string;
}

/** Writes it as a field. */
export function writeRouting(writer: WireWriter, field: number, routing: WireRouting): void {
  const before = writer.length;
  writer.string(5, routing.version);
  if (routing.retries !== undefined) writer.uint(4, routing.retries + 1);
  writer.bool(3, routing.idempotent);
  writer.string(2, routing.node);
  writer.string(1, routing.mode);
  writer.message(field, before);
}

/** Reads it in the field that `outer` stands at. */
export function readRouting(outer: WireReader): WireRouting {
  const reader = outer.message();
  let mode = "", node = "", idempotent = false, retries = 0, version = "";
  for (let field = reader.field(); field !== 0; field = reader.field()) {
    if (field === 1) mode = reader.string(MAX_NAME_BYTES);
    else if (field === 2) node = reader.string(MAX_NAME_BYTES);
    else if (field === 3) idempotent = reader.uint() !== 0;
    else if (field === 4) retries = reader.uint();
    else if (field === 5) version = reader.string(MAX_NAME_BYTES);
    else reader.skip();
  }
  outer.join(reader);
  return { mode, node, idempotent, retries: retries === 0 ? undefined : retries - 1, version };
}
