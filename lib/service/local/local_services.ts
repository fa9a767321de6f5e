/**
 * The services of this program.
 * @module
 */

import { InvalidServiceError } from "../errors.ts";
import { LocalService } from "./local_service.ts";
import type { PeerId } from "../ports.ts";
import type { ServiceDefinition } from "../definition/mod.ts";
import { showPath } from "../topics/mod.ts";

/** How many services one program has at most. */
export const MAX_SERVICES = 512;

/** Adds, finds and removes services. */
export class LocalServices {
  readonly #services = new Map<string, LocalService>();
  readonly #selector: (text: string) => (caller: PeerId) => boolean;
  readonly #onChange: () => void;

  /**
   * @param selector reads who may call
   * @param onChange hears when one is paused or resumed
   */
  constructor(
    selector: (text: string) => (caller: PeerId) => boolean,
    onChange: () => void = () => {},
  ) {
    this.#selector = selector;
    this.#onChange = onChange;
  }

  /** @returns the service at a path with its network */
  get(path: string): LocalService | undefined {
    return this.#services.get(path);
  }

  /** All of them. */
  all(): readonly LocalService[] {
    return [...this.#services.values()];
  }

  /** @throws InvalidServiceError, InvalidTopicError, and what is wrong with a selector */
  add(definition: ServiceDefinition): LocalService {
    const service = new LocalService(definition, this.#selector, this.#onChange);
    const path = service.path.toString();
    if (this.#services.has(path)) {
      throw new InvalidServiceError(`Cannot add ${showPath(path)}: this program has a service there`, {
        hint: "Remove the other one first, or choose another path.",
      });
    }
    if (this.#services.size === MAX_SERVICES) {
      throw new InvalidServiceError(
        `Cannot add ${showPath(path)}: a program has at most ${MAX_SERVICES} services`,
      );
    }
    this.#services.set(path, service);
    return service;
  }

  /** @returns the service that was there */
  remove(path: string): LocalService | undefined {
    const service = this.#services.get(path);
    this.#services.delete(path);
    return service;
  }
}
