/**
 * Checking at the caller's end what the provider would refuse, and events at both ends.
 * @module
 */

import { callError } from "../errors.ts";
import type { Middleware } from "../middleware_chain.ts";
import { type Schema, validate } from "../schema.ts";
import type { ServiceDefinition } from "../service_definition.ts";
import { TopicPath } from "../topics/mod.ts";

/**
 * Checks by the schemas of services: parameters of calls before they are sent, and data of events when they are published
 * and before they are handled; handlers get the data as their schema gives them. Parameters and results of its own actions
 * a service checks in any case.
 *
 * ```ts ignore
 * node.use(validation(orders, stock));
 * ```
 *
 * @param definitions of the services that are called or listened to
 * @throws InvalidTopicError when a path among them is none
 */
export function validation(...definitions: readonly ServiceDefinition[]): Middleware {
  const params = new Map<string, Schema>();
  const events = new Map<string, Schema>();
  for (const { path, actions = {}, events: published = {} } of definitions) {
    const service = TopicPath.parse(path).toString();
    for (const [name, action] of Object.entries(actions)) {
      if (typeof action !== "function" && action.params) params.set(`${service}/${name}`, action.params);
    }
    for (const [name, { schema }] of Object.entries(published)) {
      if (schema !== undefined) events.set(`${service}/${name}`, schema);
    }
  }
  const find = (schemas: ReadonlyMap<string, Schema>, path: string) =>
    schemas.get(TopicPath.tryParse(path)?.toString() ?? "");
  return {
    request: async (call, next) => {
      const schema = find(params, call.path);
      // What the provider gets is what its own schema reads.
      if (schema !== undefined) await check(schema, call.params, `call ${call.path}`);
      return await next();
    },
    publish: async (event, next) => {
      const schema = find(events, event.topic);
      if (schema !== undefined) await check(schema, event.data, `publish ${event.topic}`);
      return await next();
    },
    event: async (handled, next) => {
      const { event } = handled;
      const schema = find(events, event.topic);
      if (schema === undefined) return await next();
      const data = await check(schema, event.data, `handle ${event.topic}`);
      return await next({ ...handled, event: { ...event, data } });
    },
  };
}

/** @throws CallError with code `InvalidParams` */
async function check(schema: Schema, value: unknown, what: string): Promise<unknown> {
  const checked = await validate(schema, value);
  if ("issues" in checked) throw callError("InvalidParams", `Cannot ${what}: ${checked.issues}`);
  return checked.value;
}
