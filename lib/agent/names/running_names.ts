/**
 * The name service of a node while it runs: another one after its keys have changed.
 * @module
 */

import { StateError } from "../../base/mod.ts";
import type { AgentContext } from "../agent_context.ts";
import { InterruptedError } from "../errors.ts";
import { type FoundResolver, NameService } from "./name_service.ts";
import type { OfferedService } from "./service_name_sync.ts";

/** What names are served of, and who needs to know of the service. */
export interface RunningNamesParts {
  /** @returns the services that this node and others offer */
  offered(): readonly OfferedService[];
  /** Whether the node stops, so that none is to be opened any more. */
  isStopping(): boolean;
  /** It has been opened; undefined where names are off. */
  onOpen(service: NameService | undefined): void;
}

/** Opens it, has it at hand, and closes it. */
export class RunningNames {
  readonly #context: AgentContext;
  readonly #parts: RunningNamesParts;
  #service: NameService | undefined;
  /** For the next opening. */
  #found: FoundResolver | undefined;

  constructor(context: AgentContext, parts: RunningNamesParts) {
    this.#context = context;
    this.#parts = parts;
  }

  /** The service, while it runs and unless it is off. */
  get service(): NameService | undefined {
    return this.#service;
  }

  /** Does what of `open` needs no address, while something else is waited for. */
  prepare(): void {
    this.#found = NameService.findResolver(this.#context);
  }

  /**
   * Opens it.
   * @throws InterruptedError when the node stops meanwhile, and whatever a service throws that cannot be opened
   */
  async open(): Promise<void> {
    const found = this.#found;
    this.#found = undefined;
    const service = await NameService.open(this.#context, () => this.#parts.offered(), found);
    if (this.#parts.isStopping()) {
      await service?.close();
      throw new InterruptedError();
    }
    this.#service = service;
    this.#parts.onOpen(service);
  }

  /** Closes it, and puts the host's resolver back. Harmless when repeated. */
  async close(): Promise<void> {
    const service = this.#service;
    this.#service = undefined;
    try {
      await service?.close();
    } catch (error) {
      // It stays in the journal, and the next start or `weft cleanup` tries again.
      if (error instanceof StateError) {
        this.#context.log.warn("cannot forget what was changed of this host's resolver", { error });
      } else {
        this.#context.log.error("cannot put this host's resolver back", { error });
      }
    }
  }
}
