/**
 * Requests, from the caller's side and the provider's: choosing a provider, deadlines, retries, and running nothing twice.
 * @module
 */

export { Balancer, type CallMode } from "./balancer.ts";
export { type CallOptions, CallPaths } from "./call_options.ts";
export { CallServer } from "./call_server.ts";
export { type CallAnswer, Caller } from "./caller.ts";
export { ProviderChoice } from "./provider_choice.ts";
export { RemoteCaller } from "./remote_caller.ts";
export { RequestRouter } from "./request_router.ts";
