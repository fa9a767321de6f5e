/**
 * Middleware of plain functions: before an action, after it, when it has failed; and middleware for some paths alone.
 * @module
 */

import type { Middleware, ServedCall } from "../middleware_chain.ts";
import { TopicPath, TopicPattern } from "../topics/mod.ts";

/** Functions around an action. */
export interface HookOptions {
  /** Before it; what it throws, the caller gets. @returns other parameters in the place of the call's; undefined for those */
  before?(call: ServedCall): unknown;
  /** After it has answered. @returns another answer in its place; undefined for the same */
  after?(call: ServedCall, result: unknown): unknown;
  /** After it has failed. @returns an answer in place of the failure; undefined for the failure */
  failed?(call: ServedCall, error: unknown): unknown;
}

/**
 * Middleware that runs functions before and after actions; each may return a promise.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { hooks, Node } from "@weft/mesh";
 * const stateDir = await Deno.makeTempDir();
 * const node = await Node.lead({ name: "shop", stateDir });
 * const trimmed = hooks({ before: ({ params }) => String(params).trim(), after: (_, result) => `${result}!` });
 * await node.addService({
 *   path: "greeter",
 *   actions: { greet: { handler: (name: string) => `Hello ${name}`, middleware: [trimmed] } },
 * });
 * assert.equal(await node.request("greeter/greet", "  Ann "), "Hello Ann!");
 * await node.stop();
 * await Deno.remove(stateDir, { recursive: true });
 * ```
 */
export function hooks({ before, after, failed }: HookOptions): Middleware {
  return {
    action: async (call, next) => {
      const params = await before?.(call);
      const given = params === undefined ? call : { ...call, params };
      let result: unknown;
      try {
        result = await next(given);
      } catch (error) {
        const answer = await failed?.(given, error);
        if (answer === undefined) throw error;
        return answer;
      }
      return await after?.(given, result) ?? result;
    },
  };
}

/**
 * Limits middleware to the calls and events of some paths: `only("orders/>", cache())`.
 * @param patterns of actions and topics, as for subscriptions
 * @throws InvalidTopicError
 */
export function only(patterns: string | readonly string[], middleware: Middleware): Middleware {
  const parsed = (typeof patterns === "string" ? [patterns] : patterns).map((text) =>
    TopicPattern.parse(text)
  );
  const isMeant = (path: string): boolean => {
    const read = TopicPath.tryParse(path);
    return read !== undefined && parsed.some((pattern) => pattern.match(read) !== undefined);
  };
  return {
    request: (call, next, environment) =>
      middleware.request !== undefined && isMeant(call.path)
        ? middleware.request(call, next, environment)
        : next(),
    publish: (event, next, environment) =>
      middleware.publish !== undefined && isMeant(event.topic)
        ? middleware.publish(event, next, environment)
        : next(),
    action: (call, next, environment) =>
      middleware.action !== undefined && isMeant(`${call.service}/${call.action}`)
        ? middleware.action(call, next, environment)
        : next(),
    event: (event, next, environment) =>
      middleware.event !== undefined && isMeant(event.event.topic)
        ? middleware.event(event, next, environment)
        : next(),
  };
}
