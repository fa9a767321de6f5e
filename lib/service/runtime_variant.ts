/**
 * What a node and an attached program do each in its own way; all else of them is `ServiceRuntime`.
 * @module
 */

import type { CallOrder, CallPath, Route } from "./calls/mod.ts";
import type { Provider } from "./directory/mod.ts";
import type { WireFailure } from "./errors.ts";
import type { Subscription, SubscriptionReach } from "./events/mod.ts";
import type { PreparedCallOptions, PublishOptions, PublishReport } from "./options.ts";
import type { PeerId } from "./ports.ts";
import type { AdvertOptions } from "./registry/mod.ts";
import type { TopicPath, TopicPattern } from "./topics/mod.ts";
import type { EventMessage, NodeMessage, PropagatedContext, RequestMessage, WireValue } from "./wire/mod.ts";

/** A node decides for itself who serves, hears and may; a program leaves that to its agent. */
export abstract class RuntimeVariant {
  /** What an advert says beside this program's services and subscriptions. */
  protected abstract advertOptions(): AdvertOptions;
  /** Makes a call whose options were checked. @throws CallError */
  protected abstract call(
    path: CallPath,
    params: unknown,
    options: PreparedCallOptions,
    timeoutMs: number,
  ): Promise<unknown>;
  /** @param isAgain whether it was asked about before its parameters came */
  protected abstract route(peer: PeerId, path: CallPath, request: RequestMessage, isAgain: boolean): Route;
  protected abstract providers(order: CallOrder): readonly Provider[];
  /** @param data its bytes are good for this turn */
  protected abstract publishValue(
    topic: TopicPath,
    data: WireValue,
    options: PublishOptions,
    context: PropagatedContext | undefined,
  ): Promise<PublishReport>;
  /** Why the network's policy does not let a call go; a program leaves that to its agent. */
  protected refusal(_order: CallOrder, _provider: Provider | undefined): WireFailure | undefined {
    return undefined;
  }
  /**
   * Whether events of a peer are delivered; what is refused is counted.
   * @param isAgain whether it was asked about before its data came
   */
  protected abstract acceptsEvent(
    peer: PeerId,
    topic: TopicPath,
    event: EventMessage,
    isAgain: boolean,
  ): boolean;
  /** Whether something becomes of an event that a peer sends. */
  protected abstract hears(peer: PeerId, topic: TopicPath): boolean;
  protected abstract handleEvent(peer: PeerId, topic: TopicPath, event: EventMessage): void;
  /** Has the path of a service granted, before it begins. @throws ServiceNotGrantedError */
  protected abstract admit(path: TopicPath): Promise<void>;
  /** Handles a message that is neither a call, an answer nor an event. */
  protected abstract handleNotice(peer: PeerId, message: NodeMessage): void;
  /** Asks others whether they know of a subscription. */
  protected abstract confirmSubscription(pattern: TopicPattern, group: string): Promise<SubscriptionReach>;
  /** Brings events that were published before to a new subscription. @param pattern its text */
  protected abstract deliverPast(subscription: Subscription, pattern: string): void;
  /** What `advert` gives has changed. */
  protected abstract sendAdvert(): void;
  /** The services of this program have changed, or their states. */
  protected abstract followServices(): void;
  protected abstract stopLeading(): void;
}
