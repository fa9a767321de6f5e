/**
 * Going on under new keys, in place: the network's word on them, then everything that knows the node by them anew.
 * @module
 */

import { type Logger, WeftError } from "../../base/mod.ts";
import type { AgentOptions } from "../../config/mod.ts";
import { type MeshState, NO_UPDATE, type ReplicaUpdate } from "../../mesh/mod.ts";
import { InterruptedError, InvalidRequestError } from "../errors.ts";
import type { LeaderCoordinator } from "./leader_coordinator.ts";
import { ownEndpoints } from "../endpoints/mod.ts";

/** What it works with. */
export interface KeyChangeParts {
  readonly mesh: MeshState;
  readonly options: AgentOptions;
  readonly log: Logger;
  leaders(): LeaderCoordinator | undefined;
  /** Tells others. */
  tell(news: ReplicaUpdate): void;
  followRoster(): void;
  /** Ends everything that knows the node by its former keys, and begins anew. @returns false when the node stops */
  beginAnew(): Promise<boolean>;
  /** Tells others, and follows. */
  publish(news: ReplicaUpdate): void;
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
   * Draws new keys and goes on under them: the network's word comes from a leader, or from this node when it is one.
   * @throws UnreachableError when no leader answers, InvalidRequestError when all refuse
   */
  async rotate(): Promise<void> {
    const { mesh, options, leaders, tell, followRoster } = this.#parts;
    const coordinator = leaders();
    if (coordinator === undefined) throw new InterruptedError();
    const endpoints = ownEndpoints(options);
    const rotation = mesh.prepareRotation({ endpoints, channelEndpoints: endpoints });
    const { admission } = mesh;
    if (admission === undefined) mesh.replica.merge(await coordinator.askToRotate(rotation));
    else {
      const both = admission.rotate(mesh.record, rotation);
      if (typeof both === "string") throw new InvalidRequestError(`Cannot rotate the key: ${both}`);
      const statements = rotation.statement === undefined ? [] : [rotation.statement];
      tell({ ...NO_UPDATE, records: both.map(({ signed }) => signed), statements });
    }
    followRoster();
    await this.goOn();
  }

  /** Goes on under the keys that the network has agreed to. Harmless when repeated, and when there are none. */
  goOn(): Promise<void> {
    return this.#underWay ??= this.#goOn().finally(() => this.#underWay = undefined);
  }

  async #goOn(): Promise<void> {
    const { mesh, log, beginAnew, publish, fail } = this.#parts;
    const news = mesh.adoptRotation();
    if (news === undefined) return;
    log.info("this node goes on under a new key", { publicKey: mesh.identity.publicKey.toString() });
    try {
      if (await beginAnew()) publish(news);
    } catch (error) {
      if (!(error instanceof WeftError)) throw error;
      fail(error);
    }
  }
}
