/**
 * Requests, from the caller's side and the provider's: choosing a provider, deadlines, retries, and running nothing twice.
 * @module
 */

export {
  type CallPath,
  CallPaths,
  checkOptions,
  DEFAULT_RETRIES,
  NO_OPTIONS,
  readTries,
} from "./call_options.ts";
export { CallServer } from "./call_server.ts";
export { DEFAULT_DRAIN_MS, DEFAULT_LATE_MS, drained } from "./drain.ts";
export { LocalCaller } from "./local_caller.ts";
export { type CallDestination, type CallOrder, MAX_PENDING_OF_PROGRAM, type Reply } from "./pending_calls.ts";
export { anyProvider, Balancer, ProviderChoice } from "./provider_choice.ts";
export { callRemote, type CallRequest } from "./remote_call.ts";
export { RemoteCaller } from "./remote_caller.ts";
export { type Forward, type Route, routeToAction } from "./route.ts";
