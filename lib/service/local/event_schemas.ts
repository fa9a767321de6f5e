/**
 * What services say of the events that they publish.
 * @module
 */

import type { HandlerLog } from "../handler_log.ts";
import { callError } from "../errors.ts";
import { check } from "./action_runner.ts";
import type { LocalServices } from "./local_services.ts";
import { showPath, type TopicPath } from "../topics/mod.ts";

/**
 * Has the schema of an event check and convert its data, if a service of this program says that it publishes it.
 * @param publish is called with the data, in the same turn unless the schema takes its time
 * @returns what `publish` gives
 * @throws CallError with code `InvalidParams`, in the promise as well, and what `publish` throws
 */
export function publishChecked<Report>(
  services: LocalServices,
  topic: TopicPath,
  data: unknown,
  log: HandlerLog,
  publish: (data: unknown) => Promise<Report>,
): Promise<Report> {
  const path = topic.toString();
  const at = path.lastIndexOf("/");
  const events = at < 0 ? undefined : services.get(path.slice(0, at))?.definition.events;
  const name = path.slice(at + 1);
  const schema = events !== undefined && Object.hasOwn(events, name) ? events[name]?.schema : undefined;
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
