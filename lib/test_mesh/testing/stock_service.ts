/**
 * A service that says who runs it, and how calls have failed.
 * @module
 */

import assert from "node:assert/strict";
import { CallError, type ServiceDefinition } from "../../service/mod.ts";
import type { TestNode } from "../mod.ts";

/** `stock/who` (idempotent) and `stock/sell` answer with the node's name. */
export const who = (node: TestNode): ServiceDefinition => ({
  path: "stock",
  actions: { who: { idempotent: true, handler: () => node.name }, sell: () => node.name },
});

/** Waits until a call has failed. @returns its code */
export async function codeOf(call: Promise<unknown>): Promise<string> {
  const error = await call.then(
    (value) => assert.fail(`answered ${JSON.stringify(value)}`),
    (error) => error,
  );
  assert.ok(error instanceof CallError, String(error));
  return error.code;
}
