/**
 * Publish and subscribe: subscriptions, delivery here and to other nodes, events that are kept.
 * @module
 */

export { type EventStream, streamEvents } from "./event_stream.ts";
export { PastEvents } from "./past_events.ts";
export { type PublishOptions, type PublishReport, PubSub } from "./pub_sub.ts";
export {
  DEFAULT_EVENT_QUEUE,
  type SubscribeOptions,
  type Subscription,
  type SubscriptionHandle,
} from "./subscription.ts";
