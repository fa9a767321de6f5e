/**
 * What has come of a call, for the tests of calls.
 * @module
 */

import assert from "node:assert/strict";
import { CallError } from "../mod.ts";

/** Waits until a call has failed. @returns how */
export async function failureOf(call: Promise<unknown>): Promise<CallError> {
  const error = await call.then(
    (value) => assert.fail(`answered ${JSON.stringify(value)}`),
    (error) => error,
  );
  assert.ok(error instanceof CallError, String(error));
  return error;
}

/** Waits until a call has failed with a code. */
export async function fails(code: string | RegExp, call: Promise<unknown>): Promise<CallError> {
  const error = await failureOf(call);
  if (typeof code === "string") assert.equal(error.code, code, error.message);
  else assert.match(error.code, code, error.message);
  return error;
}

/** @returns all items of an answer that is a stream */
export async function readAll(items: unknown): Promise<unknown[]> {
  const all: unknown[] = [];
  for await (const item of items as ReadableStream<unknown>) all.push(item);
  return all;
}
