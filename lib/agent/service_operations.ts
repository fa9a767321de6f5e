/**
 * What may be asked of a running agent about services, done.
 * @module
 */

import {
  type EventStream,
  isProgram,
  type PeerId,
  type PublishReport,
  type ServiceReport,
} from "../service/mod.ts";
import type { Agent } from "./agent.ts";
import { InvalidRequestError } from "./errors.ts";
import type {
  CallRequest,
  OfferRequest,
  OpenOffer,
  PublishRequest,
  ServiceChange,
  ServiceControl,
} from "./service_control.ts";

/** Turns requests into calls of the agent's services. */
export class ServiceOperations implements ServiceControl {
  readonly #agent: Agent;

  constructor(agent: Agent) {
    this.#agent = agent;
  }

  listServices(): readonly ServiceReport[] {
    return this.#agent.services.runtime.report();
  }

  pauseService(change: ServiceChange): Promise<boolean> {
    return this.#change("pause", change);
  }

  resumeService(change: ServiceChange): Promise<boolean> {
    return this.#change("resume", change);
  }

  async call({ path, params, ...options }: CallRequest, signal: AbortSignal): Promise<unknown> {
    return await this.#agent.services.runtime.request(path, params, { ...options, signal });
  }

  async publish({ topic, data, retain = false, mode = "all" }: PublishRequest): Promise<PublishReport> {
    return await this.#agent.services.runtime.publish(topic, data, { retain, broadcastMode: mode });
  }

  subscribe(pattern: string, { past }: { readonly past: boolean }): EventStream {
    return this.#agent.services.runtime.on(pattern, { includePast: past });
  }

  publisherName(peer: string | undefined): string {
    const { roster, record } = this.#agent.mesh;
    // A program of this machine publishes in the name of its node.
    if (peer === undefined || isProgram(peer as PeerId)) return record.name;
    return roster.find(peer)?.record.name ?? peer;
  }

  offer({ port, hostname, targetPort = port, allow }: OfferRequest): OpenOffer {
    const service = { port: targetPort, ...hostname === undefined ? {} : { hostname } };
    return this.#agent.services.forward.offer(port, service, allow === undefined ? {} : { allow });
  }

  async #change(action: "pause" | "resume", { path, node }: ServiceChange): Promise<boolean> {
    const { services: { runtime }, mesh } = this.#agent;
    const [report] = runtime.report(path);
    if (node === undefined && !report?.providers.some(({ isLocal }) => isLocal)) {
      const elsewhere = report?.providers.map(({ name }) => name) ?? [];
      throw new InvalidRequestError(`Cannot ${action} ${path}: this node does not offer it`, {
        hint: elsewhere.length > 0
          ? `It runs on ${elsewhere.join(", ")}: name one with --node.`
          : "`weft service list` shows all.",
      });
    }
    const target = { node: node ?? mesh.identity.id };
    const answer = await runtime.request(`$registry/${action}`, { path }, target);
    return (answer as { readonly changed?: unknown } | undefined)?.changed === true;
  }
}
