/**
 * Changing the keys of a running node: a leader signs them, then everything that knows the node by its keys begins anew.
 * @module
 */

import { WeftError } from "../../base/mod.ts";
import { NO_UPDATE } from "../../mesh/mod.ts";
import type { AgentContext } from "../agent_context.ts";
import { ownEndpoints } from "../endpoint_selector.ts";
import { InterruptedError, InvalidRequestError } from "../errors.ts";
import type { LeaderCoordinator } from "./leader_coordinator.ts";

/** Whom to ask for a signature, and how to begin anew. */
export interface KeyChangeParts extends AgentContext {
  leaders(): LeaderCoordinator | undefined;
  /** Ends everything that knows the node by its former keys, and begins anew. @returns false when the node stops */
  beginAnew(): Promise<boolean>;
  /** The node can't go on. */
  fail(error: WeftError): void;
}

/** Changes the keys of one node; one change at a time. */
export class KeyChange {
  readonly #parts: KeyChangeParts;
  #underWay: Promise<void> | undefined;

  constructor(parts: KeyChangeParts) {
    this.#parts = parts;
  }

  /**
   * Draws new keys and goes on under them: a leader signs them, or this node when it is one.
   * @throws UnreachableError when no leader answers, InvalidRequestError when all refuse
   */
  async rotate(): Promise<void> {
    const { mesh, options, leaders } = this.#parts;
    const coordinator = leaders();
    if (coordinator === undefined) throw new InterruptedError();
    const endpoints = ownEndpoints(options);
    const rotation = mesh.prepareRotation({ endpoints, channelEndpoints: endpoints });
    const { admission, replica } = mesh;
    if (admission === undefined) {
      replica.merge(await coordinator.askToRotate(rotation));
      replica.deliverEvents();
    } else {
      const both = admission.rotate(mesh.record, rotation);
      if (typeof both === "string") throw new InvalidRequestError(`Cannot rotate the key: ${both}`);
      const statements = rotation.statement === undefined ? [] : [rotation.statement];
      replica.publish({ ...NO_UPDATE, records: both.map(({ signed }) => signed), statements });
    }
    await this.goOn();
  }

  /** Goes on under the keys that the network has agreed to. Harmless when repeated, and when there are none. */
  goOn(): Promise<void> {
    return this.#underWay ??= this.#goOn().finally(() => this.#underWay = undefined);
  }

  async #goOn(): Promise<void> {
    const { mesh, log, beginAnew, fail } = this.#parts;
    const update = mesh.adoptRotation();
    if (update === undefined) return;
    log.info("this node goes on under a new key", { publicKey: mesh.identity.publicKey.toString() });
    try {
      if (await beginAnew()) mesh.replica.publish(update);
    } catch (error) {
      if (!(error instanceof WeftError)) throw error;
      fail(error);
    }
  }
}
