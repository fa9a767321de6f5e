/**
 * A host for handlers that neither call nor publish.
 * @module
 */

import type { ContextHost } from "../call_context.ts";

/** Throws when it is asked for anything but the time. */
export const NO_HOST: ContextHost = {
  now: () => 0,
  requestIn: () => Promise.reject(new Error("no calls are made here")),
  publishIn: () => Promise.reject(new Error("nothing is published here")),
};
