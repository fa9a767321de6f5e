/**
 * Telling services with mode `leader` when this program begins or ceases to lead them.
 * @module
 */

import type { Logger } from "../../base/mod.ts";
import type { LocalService, LocalServices } from "../local/mod.ts";

/** Calls the `lead` hooks, each time that leadership changes. */
export class LeadHooks {
  readonly #services: LocalServices;
  readonly #log: Logger;
  /** Those whose hook was called with true last. */
  readonly #leading = new Map<string, LocalService>();
  #isClosed = false;

  constructor(services: LocalServices, log: Logger) {
    this.#services = services;
    this.#log = log;
  }

  /** @param leads whether this program leads the service at a path with its network */
  follow(leads: (path: string) => boolean): void {
    if (this.#isClosed) return;
    for (const [path, service] of this.#leading) {
      if (this.#services.get(path) !== service || !isElectable(service) || !leads(path)) {
        this.#change(path, service, false);
      }
    }
    for (const service of this.#services.all()) {
      const path = service.path.toString();
      if (isElectable(service) && !this.#leading.has(path) && leads(path)) this.#change(path, service, true);
    }
  }

  /** No service is led any more. */
  close(): void {
    this.#isClosed = true;
    for (const [path, service] of this.#leading) this.#change(path, service, false);
  }

  #change(path: string, service: LocalService, leads: boolean): void {
    if (leads) this.#leading.set(path, service);
    else this.#leading.delete(path);
    this.#log.info(leads ? "this node leads a service" : "this node leads a service no more", {
      service: path,
    });
    try {
      service.definition.lead?.(leads);
    } catch (error) {
      this.#log.error("a service has failed to follow its leader", { service: path, error });
    }
  }
}

/** Whether a service may be led where it runs. */
export function isElectable({ definition, state }: LocalService): boolean {
  return definition.mode === "leader" && state === "running";
}
