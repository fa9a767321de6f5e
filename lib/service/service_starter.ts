/**
 * Adding a service to a program: its path is granted, what it depends on is there, then it listens and runs.
 * @module
 */

import type { Logger } from "../base/mod.ts";
import { InvalidServiceError } from "./errors.ts";
import type { SubscriptionHandle, Subscriptions } from "./events/mod.ts";
import type { LocalService, LocalServices } from "./local/mod.ts";
import type { ServiceRequirement, WaitOptions } from "./options.ts";
import type { ServiceDefinition } from "./service_definition.ts";
import { showPath, type TopicPath } from "./topics/mod.ts";

/** How long a service waits for those that it needs, unless it says so. */
const DEPENDENCY_TIMEOUT_MS = 60_000;

/** What has to be so before a service runs. */
interface StartConditions {
  /** Has the path of a service granted. @throws ServiceNotGrantedError, InvalidServiceError */
  admit(path: TopicPath): Promise<void>;
  waitFor(services: readonly ServiceRequirement[], options: WaitOptions): Promise<void>;
}

/** Starts the services of one program. */
export class ServiceStarter {
  readonly #services: LocalServices;
  readonly #subscriptions: Subscriptions;
  readonly #log: Logger;
  readonly #conditions: StartConditions;

  constructor(
    services: LocalServices,
    subscriptions: Subscriptions,
    log: Logger,
    conditions: StartConditions,
  ) {
    this.#services = services;
    this.#subscriptions = subscriptions;
    this.#log = log;
    this.#conditions = conditions;
  }

  /** @throws what is wrong with the definition, what refuses its path, and what its hooks throw; then it is not there */
  async add(definition: ServiceDefinition): Promise<LocalService> {
    const { middleware = [], dependencies = [], dependencyTimeoutMs = DEPENDENCY_TIMEOUT_MS } = definition;
    const service = this.#services.add(definition);
    const group = showPath(service.path);
    const path = service.path.toString();
    const begun: SubscriptionHandle[] = [];
    try {
      await this.#conditions.admit(service.path);
      if (dependencies.length > 0) {
        this.#log.info("a service waits for others", { service: group });
        await this.#conditions.waitFor(dependencies, { timeoutMs: dependencyTimeoutMs });
      }
      if (this.#services.get(path) !== service) {
        throw new InvalidServiceError(`Cannot add ${group}: it was taken away meanwhile`);
      }
      for (const [pattern, handler] of Object.entries(definition.subscriptions ?? {})) {
        begun.push(this.#subscriptions.add(pattern, handler, { group, middleware }));
      }
      await service.start();
    } catch (error) {
      for (const subscription of begun) subscription.unsubscribe();
      if (this.#services.get(path) === service) this.#services.remove(path);
      throw error;
    }
    service.own(begun);
    return service;
  }
}
