/**
 * What the network's policy means for the calls and events of a node. Attached programs are this node.
 * @module
 */

import { shellWord } from "../../base/mod.ts";
import type { CallOrder, CallPath, CallPaths, ProviderChoice } from "../calls/mod.ts";
import type { Provider } from "../directory/mod.ts";
import { CallError, policyFailure, type WireFailure } from "../errors.ts";
import { isProgram, type MessagePolicy, type PeerId, type ServicePeers } from "../ports.ts";
import { showPath, type TopicPath } from "../topics/mod.ts";
import { type EventMessage, isRemote, type RequestMessage, type WireValue } from "../wire/mod.ts";

/** Asks the policy for one node. */
export class NodePolicy {
  readonly #policy: MessagePolicy;
  readonly #peers: Pick<ServicePeers, "self" | "nameOf">;
  readonly #choice: Pick<ProviderChoice, "all" | "providers">;

  constructor(
    policy: MessagePolicy,
    peers: Pick<ServicePeers, "self" | "nameOf">,
    choice: Pick<ProviderChoice, "all" | "providers">,
  ) {
    this.#policy = policy;
    this.#peers = peers;
    this.#choice = choice;
  }

  /** Whether this node may call somebody straight; nothing is counted. */
  mayCall(peer: PeerId, { text }: CallPath): boolean {
    return isProgram(peer) || this.#policy.callFate(this.#peers.self, peer, text).kind === "straight";
  }

  /** Whether somebody may call this node. */
  mayBeCalled(peer: PeerId, path: string): boolean {
    return isProgram(peer) || this.#policy.callFate(peer, this.#peers.self, path).kind === "straight";
  }

  /** @returns those of them that this node may call */
  among(providers: readonly Provider[], path: CallPath): readonly Provider[] {
    return this.#policy.isIdle ? providers : providers.filter(({ peer }) => this.mayCall(peer, path));
  }

  /** @returns why a call that is under way to somebody may not go on */
  whyEnded(peer: PeerId, { text }: CallPath): WireFailure | undefined {
    if (isProgram(peer)) return undefined;
    const fate = this.#policy.callFate(this.#peers.self, peer, text);
    return fate.kind === "straight" ? undefined : policyFailure(`call ${showPath(text)}`, fate);
  }

  /** Decides about a call that is to be sent, and counts it. */
  whyNotTo(
    { path, params }: Pick<CallOrder, "path" | "params">,
    peer: PeerId | undefined,
  ): WireFailure | undefined {
    if (peer === undefined || isProgram(peer)) return undefined;
    const { text } = path;
    const refusal = this.#policy.admitCall("out", this.#peers.self, peer, text, params.data.length);
    return refusal && policyFailure(`call ${showPath(text)}`, refusal);
  }

  /** Likewise, for an order. */
  refusal(order: CallOrder, provider: Provider | undefined): WireFailure | undefined {
    if (this.#policy.isIdle) return undefined;
    return this.whyNotTo(order, (provider ?? this.#choice.providers(order)[0])?.peer);
  }

  /** @returns what a redirect has this node call in the place of a path: the same action of another service */
  instead({ service, action, text }: CallPath, paths: CallPaths): CallPath | undefined {
    if (this.#policy.isIdle) return undefined;
    for (const { peer } of this.#choice.all(service)) {
      const fate = isProgram(peer) ? undefined : this.#policy.callFate(this.#peers.self, peer, text);
      // Where anybody may be called straight, the balancer finds it.
      if (fate === undefined || fate.kind === "straight") return undefined;
      if (fate.kind !== "redirected" || fate.service === undefined) continue;
      const instead = paths.tryParse(`${fate.service}/${action}`);
      if (instead !== undefined && instead.service !== service) return instead;
    }
    return undefined;
  }

  /**
   * Decides about a call of another member. Its answer says no more than that it is refused.
   * @param isAgain whether it was asked about before its parameters came
   */
  whyNotFrom(
    peer: PeerId,
    { text }: CallPath,
    { params }: RequestMessage,
    isAgain: boolean,
  ): "denied" | "over-rate" | undefined {
    if (this.#policy.isIdle) return undefined;
    if (isAgain) return this.mayBeCalled(peer, text) ? undefined : "denied";
    const lengthBytes = isRemote(params) ? params.detachedBytes : params.data.length;
    const refusal = this.#policy.admitCall("in", peer, this.#peers.self, text, lengthBytes);
    if (refusal === undefined) return undefined;
    return refusal.kind === "over-rate" ? "over-rate" : "denied";
  }

  /** Decides about an event that this node publishes. @throws CallError that names the rule */
  checkPublish(topic: TopicPath, { data }: WireValue): void {
    if (this.#policy.isIdle) return;
    const { self } = this.#peers;
    const refusal = this.#policy.admitEvent("out", self, undefined, topic.toString(), data.length);
    if (refusal === undefined) return;
    throw new CallError(policyFailure(`publish to ${showPath(topic)}`, refusal), {
      hint: `\`weft policy explain ${this.#peers.nameOf(self)} ${
        shellWord(`topic:${showPath(topic)}`)
      }\` says why.`,
    });
  }

  /**
   * Whether an event passes: of a member to here, or of a program of this node to others.
   * @param isAgain whether it was asked about before its data came
   */
  acceptsEvent(peer: PeerId, topic: TopicPath, { data }: EventMessage, isAgain: boolean): boolean {
    if (this.#policy.isIdle) return true;
    const { self } = this.#peers;
    const text = topic.toString();
    const [from, to] = isProgram(peer) ? [self, undefined] : [peer, self];
    if (isAgain) return to === undefined || this.#policy.mayHear(from, to, text);
    const lengthBytes = isRemote(data) ? data.detachedBytes : data.data.length;
    return this.#policy.admitEvent(to === undefined ? "out" : "in", from, to, text, lengthBytes) ===
      undefined;
  }
}
