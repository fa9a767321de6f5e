/**
 * Whether services are there to be called, and waiting until they are.
 * @module
 */

import { VersionRange } from "../directory/mod.ts";
import { callError, InvalidServiceError } from "../errors.ts";
import type { ServiceRequirement, WaitOptions } from "../options.ts";
import { isProgram, type PeerId } from "../ports.ts";
import type { NodeBase } from "../runtime_base.ts";
import { showPath, TopicPath } from "../topics/mod.ts";
import type { ServiceState } from "../wire/mod.ts";

/** How long services are waited for unless it is said. */
export const DEFAULT_WAIT_MS = 30_000;
/** So many services are waited for at once. */
const MAX_REQUIREMENTS = 128;

/** A requirement that was read. */
export interface Requirement {
  /** With its network. */
  readonly path: string;
  readonly range: VersionRange | undefined;
}

/** @param version for those that say none @throws InvalidServiceError, InvalidTopicError */
export function readRequirements(
  services: ServiceRequirement | readonly ServiceRequirement[],
  version?: string,
): readonly Requirement[] {
  const all = isList(services) ? services : [services];
  if (all.length > MAX_REQUIREMENTS) {
    throw new InvalidServiceError(`Cannot wait for more than ${MAX_REQUIREMENTS} services`);
  }
  return all.map((one) => {
    const { path, version: own = version } = typeof one === "string" ? { path: one } : one;
    return {
      path: TopicPath.parse(path).toString(),
      range: own === undefined ? undefined : VersionRange.parse(own),
    };
  });
}

function isList(
  services: ServiceRequirement | readonly ServiceRequirement[],
): services is readonly ServiceRequirement[] {
  return Array.isArray(services);
}

interface Offer {
  readonly peer: PeerId;
  readonly state: ServiceState;
  readonly version: string;
}

/** What there is, as one node sees it. */
export class ServiceAvailability {
  readonly #base: NodeBase;

  constructor(base: NodeBase) {
    this.#base = base;
  }

  /** @returns those that nobody who is healthy runs now, with what is wrong with each */
  missing(requirements: readonly Requirement[]): readonly string[] {
    return requirements.flatMap((requirement) => this.#whyMissing(requirement) ?? []);
  }

  /**
   * Waits until somebody runs each of them.
   * @throws CallError with code `Timeout`, which names those that are missing and why, or `Canceled`
   */
  async wait(
    requirements: readonly Requirement[],
    { timeoutMs = DEFAULT_WAIT_MS, signal }: WaitOptions,
  ): Promise<void> {
    const isThere = () => this.missing(requirements).length === 0;
    if (await this.#base.changes.until(isThere, timeoutMs, signal)) return;
    const missing = this.missing(requirements).join("; ");
    if (signal?.aborted) throw callError("Canceled", `Canceled while waiting: ${missing}`);
    throw callError("Timeout", `Waited ${timeoutMs} ms in vain: ${missing}`);
  }

  #whyMissing({ path, range }: Requirement): string | undefined {
    const { peers } = this.#base;
    const offers = this.#offers(path);
    const shown = showPath(path);
    if (offers.length === 0) return `nobody offers ${shown}`;
    const fitting = range === undefined ? offers : offers.filter(({ version }) => range.has(version));
    if (fitting.length === 0) {
      const versions = [...new Set(offers.map(({ version }) => version))].slice(0, 4).join(", ");
      return `${shown} is offered as ${versions}, and not as ${range}`;
    }
    const running = fitting.filter(({ state }) => state === "running");
    if (running.length === 0) return `${shown} is ${fitting[0]?.state} wherever it is`;
    const isHere = ({ peer }: Offer) => peer === peers.self || isProgram(peer) || peers.isHealthy(peer);
    return running.some(isHere) ? undefined : `whoever offers ${shown} does not answer`;
  }

  #offers(path: string): readonly Offer[] {
    const { services, directory, programs, peers: { self } } = this.#base;
    const own = services.get(path);
    const others = [...programs.providers(path), ...directory.providers(path)].map(({ peer, service }) => ({
      peer,
      state: service.state,
      version: service.version,
    }));
    if (own === undefined) return others;
    return [{ peer: self, state: own.state, version: own.version }, ...others];
  }
}
