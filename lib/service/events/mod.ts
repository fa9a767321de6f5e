/**
 * Publish and subscribe: subscriptions, delivery here and to other nodes, events that are kept.
 * @module
 */

export { PastEvents } from "./retained_events.ts";
export { type BroadcastMode, type PublishOptions, type PublishReport, PubSub } from "./pub_sub.ts";
export {
  DEFAULT_EVENT_QUEUE,
  type EventStream,
  streamEvents,
  type SubscribeOptions,
  type Subscription,
  type SubscriptionHandle,
} from "./subscription.ts";
