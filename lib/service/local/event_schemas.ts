/**
 * What services say of the events that they publish.
 * @module
 */

import type { HandlerLog } from "../handler_log.ts";
import { callError } from "../errors.ts";
import type { PublishOptions } from "../options.ts";
import type { EventDefinition } from "../service_definition.ts";
import { check } from "./action_runner.ts";
import { showPath, type TopicPath } from "../topics/mod.ts";

/** @returns the options, with what the service of the event says where its publisher says nothing */
export function asDefined(event: EventDefinition | undefined, options: PublishOptions): PublishOptions {
  const { retain = false, replicas = 0 } = event ?? {};
  return retain && options.retain === undefined ? { retain, replicas, ...options } : options;
}

/**
 * Has the schema of an event check and convert its data, if it has one.
 * @param event as a service of this program defines it; undefined when none does
 * @param publish is called with the data, in the same turn unless the schema takes its time
 * @returns what `publish` gives
 * @throws CallError with code `InvalidParams`, in the promise as well, and what `publish` throws
 */
export function publishChecked<Report>(
  event: EventDefinition | undefined,
  topic: TopicPath,
  data: unknown,
  log: HandlerLog,
  publish: (data: unknown) => Promise<Report>,
): Promise<Report> {
  const schema = event?.schema;
  if (schema === undefined) return publish(data);
  const text = showPath(topic);
  return new Promise((resolve, reject) => {
    const onBroken = (error: unknown) => log.event("", text, undefined, error);
    check(schema, data, onBroken, (issues, checked) => {
      try {
        if (issues !== undefined) throw callError("InvalidParams", `Cannot publish to ${text}: ${issues}`);
        resolve(publish(checked));
      } catch (error) {
        reject(error);
      }
    });
  });
}
