/**
 * Requests, from the caller's side and the provider's: choosing a provider, deadlines, retries, and running nothing twice.
 * @module
 */

export { Balancer } from "./balancer.ts";
export {
  type CallOptions,
  type CallPath,
  CallPaths,
  checkOptions,
  DEFAULT_RETRIES,
  NO_OPTIONS,
} from "./call_options.ts";
export { CallServer } from "./call_server.ts";
export { type CallAnswer, callLocal, type CallPorts, callRemote } from "./call_action.ts";
export {
  type CallDestination,
  type CallOrder,
  MAX_PENDING_OF_NODE,
  MAX_PENDING_OF_PROGRAM,
} from "./pending_calls.ts";
export { anyProvider, ProviderChoice } from "./provider_choice.ts";
export { RemoteCaller } from "./remote_caller.ts";
export { type Forward, type Forwarded, noRoute, type Route, routeToAction } from "./route.ts";
