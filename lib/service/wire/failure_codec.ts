/**
 * Failures of calls as fields of messages.
 * @module
 */

import { MAX_CAUSES, type WireFailure } from "../errors.ts";
import type { WireReader, WireWriter } from "../../proto/mod.ts";

/** The longest text of a failure, in characters. */
export const MAX_FAILURE_TEXT = 1_024;
const MAX_CODE = 64;
/** The longest name and path, in characters. */
const MAX_NAME = 255;

/** Writes a failure as a field. @param causes how many of its causes are told */
export function writeFailure(
  writer: WireWriter,
  field: number,
  failure: WireFailure,
  causes: number = MAX_CAUSES,
): void {
  const before = writer.length;
  const { cause, path = "", node = "" } = failure;
  if (cause !== undefined && causes > 0) writeFailure(writer, 7, cause, causes - 1);
  writer.string(6, path.slice(0, MAX_NAME));
  writer.string(5, node.slice(0, MAX_NAME));
  writer.bool(4, failure.executed);
  writer.bool(3, failure.retryable);
  writer.string(2, failure.message.slice(0, MAX_FAILURE_TEXT));
  writer.string(1, failure.code.slice(0, MAX_CODE));
  writer.message(field, before);
}

/** Reads the failure in the field that `outer` stands at; what is too long is cut, and further causes are left out. */
export function readFailure(outer: WireReader, causes: number = MAX_CAUSES): WireFailure {
  const reader = outer.message();
  let code = "", message = "", node = "", path = "", retryable = false, executed = false;
  let cause: WireFailure | undefined;
  for (let field = reader.field(); field !== 0; field = reader.field()) {
    if (field === 1) code = reader.string().slice(0, MAX_CODE);
    else if (field === 2) message = reader.string().slice(0, MAX_FAILURE_TEXT);
    else if (field === 3) retryable = reader.uint() !== 0;
    else if (field === 4) executed = reader.uint() !== 0;
    else if (field === 5) node = reader.string().slice(0, MAX_NAME);
    else if (field === 6) path = reader.string().slice(0, MAX_NAME);
    else if (field === 7 && causes > 0) cause = readFailure(reader, causes - 1);
    else reader.skip();
  }
  outer.join(reader);
  return {
    code,
    message,
    retryable,
    executed,
    ...node !== "" && { node },
    ...path !== "" && { path },
    ...cause !== undefined && { cause },
  };
}
