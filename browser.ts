/**
 * weft in a page of a browser: a member that joins by a token over WebSocket, and calls services.
 *
 * @module
 */

export {
  type OpenSocket,
  type PageLink,
  PageNode,
  type PageNodeOptions,
  type PageSocket,
} from "./lib/agent/browser/mod.ts";
export {
  CallError,
  type CallMode,
  type CallOptions,
  type EventHandler,
  type ItemSource,
  type ServiceEvent,
  type SubscribeOptions,
  type SubscriptionHandle,
} from "./lib/service/mod.ts";
export { type Logger, WeftError } from "./lib/base/mod.ts";
