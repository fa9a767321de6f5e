/**
 * `$registry`: what services there are, and pausing and resuming them.
 * @module
 */

import type { CallContext } from "../call_context.ts";
import { ActionError } from "../errors.ts";
import type { ServiceRequirement } from "../options.ts";
import { isProgram, type PeerId } from "../ports.ts";
import type { NodeBase } from "../runtime_base.ts";
import type { AdvertisedAction, AdvertisedService, ServiceState } from "../wire/mod.ts";
import type { ServiceDefinition } from "../service_definition.ts";
import type { MemberWatch } from "./members.ts";
import type { ServiceRoom } from "./service_room.ts";
import type { ClaimRefusal, ServiceClaims } from "./service_claims.ts";
import type { ServiceLeadership } from "../leadership/mod.ts";
import { readRequirements, type ServiceAvailability } from "./service_availability.ts";
import { isBuiltIn, showPath, TopicPath } from "../topics/mod.ts";

/** One node that offers a service. */
export interface ProviderReport {
  /** Which node it is. */
  readonly id: PeerId;
  /** The node's name. */
  readonly name: string;
  /** Whether it takes calls. */
  readonly state: ServiceState;
  /** As its definition says; `0.0.0` when that says nothing. */
  readonly version: string;
  /** Whether it is the node that was asked. */
  readonly isLocal: boolean;
  /** Whether the node answers. */
  readonly isHealthy: boolean;
  /** Whether the network does not let it offer the path, so that this node and its programs alone know the service. */
  readonly isAlone?: true;
  /** Whether it leads the service; only of those that one leads. */
  readonly isLeader?: boolean;
  /** The last round trip time in milliseconds. */
  readonly rttMs?: number;
}

/** One service, wherever it runs. */
export interface ServiceReport {
  /** With its network of topics when that is not the default one. */
  readonly path: string;
  /** As its definition says; empty when that says nothing. */
  readonly description: string;
  /** What can be called. */
  readonly actions: readonly AdvertisedAction[];
  /** The names of its events. */
  readonly events: readonly string[];
  /** The nodes that offer it. */
  readonly providers: readonly ProviderReport[];
}

/** What came of asking for a path: nothing when a service may begin there. */
export interface PathClaim {
  readonly refusal?: ClaimRefusal;
}

/** What came of waiting for services: what is missing yet, and why. */
export interface WaitAnswer {
  readonly missing: readonly string[];
}

/** How long a question of a program waits before it is asked again. */
const HOLD_MS = 1_000;

/** Answers what services there are. */
export class RegistryService {
  readonly #base: NodeBase;
  readonly #leadership: ServiceLeadership;
  readonly #claims: ServiceClaims;
  readonly #availability: ServiceAvailability;
  readonly #room: ServiceRoom;
  readonly #members: MemberWatch;

  constructor(
    base: NodeBase,
    leadership: ServiceLeadership,
    claims: ServiceClaims,
    availability: ServiceAvailability,
    room: ServiceRoom,
    members: MemberWatch,
  ) {
    this.#members = members;
    this.#room = room;
    this.#base = base;
    this.#availability = availability;
    this.#claims = claims;
    this.#leadership = leadership;
  }

  /** The service that others call. */
  definition(): ServiceDefinition {
    return {
      path: "$registry",
      description: "What services there are, and pausing and resuming them",
      actions: {
        list: { idempotent: true, handler: () => this.report() },
        show: { idempotent: true, handler: (params: unknown) => this.#show(readPath(params)) },
        pause: (params: unknown, { caller }) => this.#set(readPath(params), caller, "pause"),
        resume: (params: unknown, { caller }) => this.#set(readPath(params), caller, "resume"),
        members: {
          idempotent: true,
          handler: (_: unknown, { caller }) => {
            mustBeProgram(caller);
            return this.#members.all();
          },
        },
        claim: (params: unknown, { caller }) => this.#claim(readPath(params), caller),
        wait: { idempotent: true, handler: (params: unknown, context) => this.#wait(params, context) },
      },
    };
  }

  /** @returns every service, or the one at a path; sorted by path */
  report(path?: string): readonly ServiceReport[] {
    const { services, directory, programs } = this.#base;
    const wanted = path === undefined ? undefined : TopicPath.parse(path).toString();
    const own = services.all().map((service) => service.path.toString());
    const paths = [...new Set([...own, ...directory.paths(), ...programs.paths()])].sort();
    return paths.filter((one) => wanted === undefined ? !isBuiltIn(one) : one === wanted)
      .map((one) => this.#reportOf(one));
  }

  #show(path: string): ServiceReport {
    const [report] = this.report(path);
    if (report === undefined) throw new ActionError("UnknownService", `Nobody offers ${path}`);
    return report;
  }

  /** What programs of this machine ask before they offer a service, in this node's name. */
  async #claim(text: string, caller: PeerId | undefined): Promise<PathClaim> {
    mustBeProgram(caller);
    const path = TopicPath.parse(text);
    const refusal = this.#room.refusal(path) ?? await this.#claims.ask(path);
    return refusal === undefined ? {} : { refusal };
  }

  /** What programs of this machine ask again and again while they wait. */
  async #wait(params: unknown, { caller, deadlineMs, signal }: CallContext): Promise<WaitAnswer> {
    mustBeProgram(caller);
    const { services } = (params ?? {}) as { services?: ServiceRequirement[] };
    if (!Array.isArray(services)) {
      throw new ActionError("InvalidParams", 'The parameters are {"services": […]}');
    }
    const requirements = readRequirements(services);
    const { changes, clock } = this.#base;
    // Some time is left for the answer.
    const holdMs = Math.min(HOLD_MS, 0.9 * (deadlineMs - clock.now()));
    await changes.until(() => this.#availability.missing(requirements).length === 0, holdMs, signal);
    return { missing: this.#availability.missing(requirements) };
  }

  /** Pauses or resumes a service here, and at the attached programs that offer it. */
  async #set(
    path: string,
    caller: PeerId | undefined,
    change: "pause" | "resume",
  ): Promise<{ readonly changed: boolean }> {
    const { services, peers, ask } = this.#base;
    if (caller !== undefined && !isProgram(caller) && !peers.isOperator(caller)) {
      throw new ActionError("Refused", "Only leaders may pause and resume services of other nodes");
    }
    const whole = TopicPath.parse(path).toString();
    const service = isBuiltIn(whole) ? undefined : services.get(whole);
    const programs = this.#base.programs.providers(whole);
    if (service === undefined && programs.length === 0) {
      throw new ActionError("UnknownService", `${path} is not offered here`);
    }
    const own = change === "pause" ? service?.pause() : service?.resume();
    const answers = await Promise.all(
      programs.map(({ peer }) => ask(peer, `$registry/${change}`, { path })),
    ) as { readonly changed?: unknown }[];
    return { changed: own === true || answers.some((answer) => answer.changed === true) };
  }

  #reportOf(path: string): ServiceReport {
    const { services, directory, programs, peers: { self } } = this.#base;
    const own = services.get(path)?.advert(path);
    const leader = this.#leadership.leaderOf(path);
    const providers: ProviderReport[] = own === undefined ? [] : [this.#provider(self, path, own, leader)];
    const others = [...directory.providers(path), ...programs.providers(path)];
    for (const { peer, service } of others) providers.push(this.#provider(peer, path, service, leader));
    return serviceReport(path, own ?? others[0]?.service, providers);
  }

  #provider(
    id: PeerId,
    path: string,
    { state, version }: AdvertisedService,
    leader: PeerId | undefined,
  ): ProviderReport {
    const { carrier, peers } = this.#base;
    const isLocal = id === peers.self || isProgram(id);
    const node = isProgram(id) ? peers.self : id;
    const rttMs = isLocal ? undefined : carrier.links.rttMs(id);
    const isAlone = isLocal && !isBuiltIn(path) && !peers.mayOffer(peers.self, TopicPath.parse(path));
    return {
      id,
      name: peers.nameOf(node) ?? node,
      state,
      version,
      isLocal,
      isHealthy: isLocal || peers.isHealthy(id),
      ...(isAlone ? { isAlone } : {}),
      ...(leader === undefined ? {} : { isLeader: node === leader }),
      ...(rttMs === undefined ? {} : { rttMs }),
    };
  }
}

/** @param service as one of its providers describes it */
export function serviceReport(
  path: string,
  service: AdvertisedService | undefined,
  providers: readonly ProviderReport[],
): ServiceReport {
  const { description = "", actions = [], events = [] } = service ?? {};
  return { path: showPath(path), description, actions, events, providers };
}

/** @throws ActionError */
function mustBeProgram(caller: PeerId | undefined): void {
  if (caller === undefined || isProgram(caller)) return;
  throw new ActionError("Refused", "Only programs of this machine may ask that");
}

/** @throws ActionError when there is none in the parameters */
export function readPath(params: unknown): string {
  const path = (params as { path?: unknown } | undefined | null)?.path;
  if (typeof path === "string") return path;
  throw new ActionError("InvalidParams", 'The parameters are {"path": "…"}');
}
