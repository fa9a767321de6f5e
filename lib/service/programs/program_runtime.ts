/**
 * The services of a program that is attached to an agent. What is not in the program itself it asks its agent for, which
 * chooses providers and subscribers; what it offers, the agent offers to others in its own name.
 * @module
 */

import {
  anyProvider,
  type CallPath,
  callRemote,
  readTries,
  type Route,
  routeToAction,
} from "../calls/mod.ts";
import type { ServiceDefinition } from "../service_definition.ts";
import { ActionBreakers, type Provider, VersionRange } from "../directory/mod.ts";
import { PublishRights } from "./publish_rights.ts";
import { ActionError, CallError, callError, failed, ServiceNotGrantedError } from "../errors.ts";
import {
  onlyGroups,
  readReplicas,
  reportSends,
  type Subscription,
  type SubscriptionReach,
} from "../events/mod.ts";
import { LeadHooks } from "../leadership/mod.ts";
import type { LocalService, LocalServices } from "../local/mod.ts";
import type {
  CallOptions,
  PreparedCallOptions,
  PublishOptions,
  PublishReport,
  ServiceRequirement,
  WaitOptions,
} from "../options.ts";
import { AGENT, type MemberInfo, type PeerId, peerId } from "../ports.ts";
import {
  type AdvertOptions,
  CLAIM_TIMEOUT_MS,
  DEFAULT_WAIT_MS,
  type PathClaim,
  readPath,
  readRequirements,
  type ServiceReport,
  serviceReport,
} from "../registry/mod.ts";
import { ServiceRuntime, type ServiceRuntimeParts } from "../service_runtime.ts";
import { isBuiltIn, showPath, TopicPath, type TopicPattern } from "../topics/mod.ts";
import type { EventMessage, NodeMessage, PropagatedContext, RequestMessage, WireValue } from "../wire/mod.ts";

const SELF = peerId("self");

/** Its breakers never open: there is nobody else to ask, and the agent has breakers of its own. */
const PROVIDERS: readonly Provider[] = [
  anyProvider(AGENT, new ActionBreakers({ failureThreshold: Infinity })),
];

/** The agent has checked who calls, and alone knows names. */
const EVERYBODY = { isHealthy: () => true, selector: () => () => true, nameOf: () => undefined };

/** What a program sends in place of groups, which the agent knows. */
const ANY_GROUP = "*";

/** Services of one attached program. */
export class ProgramRuntime extends ServiceRuntime {
  readonly #hooks: LeadHooks;
  readonly #publishRights: PublishRights;
  /** The paths that this program leads, as the agent has said. */
  #granted: ReadonlySet<string> = new Set();

  constructor(parts: ServiceRuntimeParts) {
    super(parts, EVERYBODY);
    this.#hooks = new LeadHooks(this.services, parts.log);
    this.#publishRights = new PublishRights(
      parts.clock,
      (topic) => this.request("$events/mayPublish", { topic }),
    );
    void this.services.add(pauseService(this.services)).start();
  }

  /** @returns the services of this program; those of others the agent lists as `$registry/list` */
  override report(path?: string): readonly ServiceReport[] {
    const wanted = path === undefined ? undefined : TopicPath.parse(path).toString();
    const isWanted = (path: string) => wanted === undefined ? !isBuiltIn(path) : path === wanted;
    return this.services.all().map((service) => service.advert(service.path.toString()))
      .filter(({ path }) => isWanted(path))
      .sort((a, b) => a.path < b.path ? -1 : 1)
      .map((service) => {
        const { path, state, version, elects } = service;
        const self = { id: SELF, name: "program", state, version, isLocal: true, isHealthy: true };
        return serviceReport(path, service, [elects ? { ...self, isLeader: this.#granted.has(path) } : self]);
      });
  }

  /** The agent knows what there is, and is asked until it says that all of it is. */
  override async waitFor(
    services: ServiceRequirement | readonly ServiceRequirement[],
    { version, timeoutMs = DEFAULT_WAIT_MS, signal: given }: WaitOptions = {},
  ): Promise<void> {
    const requirements = readRequirements(services, version).map(({ path, range }) => ({
      path,
      ...range === undefined ? {} : { version: range.toString() },
    }));
    const { clock } = this.base;
    const signal = given ? AbortSignal.any([given, this.closing]) : this.closing;
    const until = clock.now() + timeoutMs;
    let missing = requirements.map(({ path }) => `${showPath(path)} is not there`);
    for (let leftMs: number = timeoutMs; leftMs >= 1; leftMs = Math.floor(until - clock.now())) {
      const options = { timeoutMs: leftMs, signal, idempotent: true };
      try {
        const asked = { services: requirements };
        ({ missing } = await this.request<{ missing: string[] }>("$registry/wait", asked, options));
      } catch (error) {
        if (!(error instanceof CallError && error.code === "Timeout")) throw error;
      }
      if (missing.length === 0) return;
    }
    throw callError("Timeout", `Waited ${timeoutMs} ms in vain: ${missing.join("; ")}`);
  }

  override members(): Promise<readonly MemberInfo[]> {
    return this.request<readonly MemberInfo[]>("$registry/members", undefined, { idempotent: true });
  }

  /** The agent can be reached. */
  handleLink(): void {
    this.sendAdvert();
  }

  /** The agent is gone; another one, or the same one started again, grants leadership anew. */
  handleLinkLost(): void {
    this.#granted = new Set();
    this.followServices();
    this.remoteCaller.handleLinkLost(AGENT);
  }

  protected override advertOptions(): AdvertOptions {
    return { withAllow: true };
  }

  protected override call(
    path: CallPath,
    params: unknown,
    options: PreparedCallOptions,
    timeoutMs: number,
  ): Promise<unknown> {
    const service = this.#here(path, options);
    if (service !== undefined) return this.localCaller.request(service, path, params, options, timeoutMs);
    const { mode = "", node = "", idempotent = false, retries, version = "" } = options;
    const { attemptTimeoutMs, hedgeAfterMs } = readTries(options);
    const routing = { mode, node, idempotent, retries, version, attemptTimeoutMs, hedgeAfterMs };
    // The agent tries again, not the program.
    const to = { mode: "round-robin", peer: AGENT, retries: 0, idempotent, routing } as const;
    const request = { path, params, options, to };
    return callRemote(this.base, this.remoteCaller, request, timeoutMs, (_, leftMs) => {
      // The service may have come to this program meanwhile.
      const isHere = this.#here(path, options) !== undefined;
      return isHere ? this.callAgain(path, params, options, leftMs) : undefined;
    });
  }

  protected override route(_: PeerId, path: CallPath, request: RequestMessage): Route {
    const service = this.services.get(path.service);
    if (service === undefined) return failed("NoProvider", `${showPath(path.service)} is not here`);
    return routeToAction(service, path, request.caller === "" ? undefined : peerId(request.caller));
  }

  protected override providers(): readonly Provider[] {
    return PROVIDERS;
  }

  protected override publishValue(
    topic: TopicPath,
    data: WireValue,
    options: PublishOptions,
    context: PropagatedContext | undefined,
  ): Promise<PublishReport> {
    const { broadcastMode: mode = "all", retain = false } = options;
    const replicas = readReplicas(options);
    const publishedAt = this.base.clock.wall();
    const isChecked = mode === "local_only" || this.#publishRights.isKnown(topic.toString());
    // The agent keeps what is to be retained, for longer than the program lives. Before handlers of this program run, which
    // may write into the bytes that were published.
    const event = { topic, data, publishedAt, retain, replicas, context };
    const sends = mode === "local_only"
      ? []
      : [this.sender.send(AGENT, event, mode === "all" ? [] : [ANY_GROUP])];
    // Of each group one subscriber: the agent chooses it, among those of this program too.
    const local = mode === "one_per_service"
      ? 0
      : this.subscriptions.deliver({ topic, data, publishedAt, context }, undefined, undefined);
    const report = reportSends(local, sends);
    if (isChecked) return report;
    // Behind the event, so that none overtakes another; the agent asks the same of the event itself.
    return this.#publishRights.ask(topic.toString()).then(() => report);
  }

  /** The agent has asked that. */
  protected override acceptsEvent(): boolean {
    return true;
  }

  /** An agent that is away asks a leader when the program is attached again. */
  protected override async admit(path: TopicPath): Promise<void> {
    if (this.base.carrier.links.linked().length === 0) return;
    let claim: PathClaim | undefined;
    try {
      const options = { timeoutMs: 2 * CLAIM_TIMEOUT_MS };
      claim = await this.request("$registry/claim", { path: path.toString() }, options) as PathClaim;
    } catch (error) {
      this.base.log.debug("the agent grants no paths", { service: showPath(path), error });
    }
    const refusal = claim?.refusal;
    if (refusal !== undefined) throw new ServiceNotGrantedError(refusal.message, refusal);
  }

  protected override hears(_: PeerId, topic: TopicPath): boolean {
    return this.subscriptions.hears(topic);
  }

  protected override handleEvent(_: PeerId, topic: TopicPath, event: EventMessage): void {
    this.subscriptions.deliver({ ...event, topic }, AGENT, onlyGroups(event.groups));
  }

  protected override handleNotice(_: PeerId, message: NodeMessage): void {
    if (message.kind !== "leadership") return;
    this.#granted = new Set(message.paths);
    this.followServices();
  }

  protected override deliverPast(_: Subscription, pattern: string): void {
    this.request("$events/past", { pattern })
      .catch((error) => this.base.log.debug("no past events", { from: AGENT, error }));
  }

  protected override async confirmSubscription(
    pattern: TopicPattern,
    group: string,
  ): Promise<SubscriptionReach> {
    const question = { pattern: pattern.anonymous().toString(), group };
    return await this.request<SubscriptionReach>("$events/listens", question, { idempotent: true });
  }

  protected override sendAdvert(): void {
    this.base.carrier.post(AGENT, { kind: "discovery", advert: this.advert() });
  }

  protected override followServices(): void {
    this.#hooks.follow((path) => this.#granted.has(path));
  }

  protected override stopLeading(): void {
    this.#hooks.close();
  }

  /** A service of this program serves its calls, unless the agent has to choose or everybody has the service. */
  #here({ service: path }: CallPath, { mode, node, version }: CallOptions): LocalService | undefined {
    const service = this.services.get(path);
    if (version !== undefined && service !== undefined && !VersionRange.parse(version).has(service.version)) {
      return undefined;
    }
    if (service === undefined || node !== undefined || isBuiltIn(path)) return undefined;
    const isChosen = mode === undefined
      ? service.definition.mode === "leader"
      : mode === "leader" || mode === "all";
    return isChosen ? undefined : service;
  }
}

/** `$registry`, as far as the agent asks its programs for it. */
function pauseService(services: LocalServices): ServiceDefinition {
  const find = (params: unknown): LocalService => {
    const path = readPath(params);
    const whole = TopicPath.parse(path);
    const service = isBuiltIn(whole.service) ? undefined : services.get(whole.toString());
    if (service === undefined) throw new ActionError("UnknownService", `${path} is not offered here`);
    return service;
  };
  return {
    path: "$registry",
    actions: {
      pause: (params: unknown) => ({ changed: find(params).pause() }),
      resume: (params: unknown) => ({ changed: find(params).resume() }),
    },
  };
}
