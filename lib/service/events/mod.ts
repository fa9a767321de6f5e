/**
 * Publish and subscribe: subscriptions, delivery here and to other nodes, events that are kept.
 * @module
 */

export type { SubscribeOptions, SubscriptionHandle, SubscriptionReach } from "./subscribe_options.ts";
export { type EventStream, streamEvents } from "./event_stream.ts";
export { EventSender, reportSends } from "./event_sender.ts";
export { LiveSubscriptions } from "./live_subscriptions.ts";
export { publishRefusal, type PublishRight, PubSub, readReplicas } from "./pub_sub.ts";
export { DEFAULT_EVENT_QUEUE, type Subscription } from "./subscription.ts";
export { onlyGroups, Subscriptions } from "./subscriptions.ts";
