/**
 * The collections and queues that one node owns, each offered as the service `data/NAME` or `queue/NAME`, and `$data`, by
 * which programs of the node open them.
 *
 * @module
 */

import { type Environment, WeftError } from "../../base/mod.ts";
import {
  ActionError,
  isProgram,
  type MessagePolicy,
  type PeerId,
  type ServiceDefinition,
  type ServicePeers,
  TopicPath,
} from "../../service/mod.ts";
import { checkSpec } from "../documents.ts";
import type { CollectionSpec, DataEngine } from "../engine.ts";
import { DataError } from "../errors.ts";
import { checkQueueSpec, QUEUE_DEFAULTS } from "../messages.ts";
import type { QueueEngine, QueueSpec } from "../queue_engine.ts";
import { collectionPath, collectionService } from "./collection_service.ts";
import { CommitRights } from "./commit_rights.ts";
import { told } from "./failure.ts";
import { type Opened, Ownership, type OwnershipParts } from "./ownership.ts";
import { queuePath, queueService, TakeWaits } from "./queues/mod.ts";
import { readFields } from "./requests.ts";

/** The service by which programs of a node open collections and queues. */
export const DATA_SERVICE = "$data";

/** How often a node looks whether it may offer what it did not, in milliseconds. */
const LOOK_MS = 30_000;

/** What the collections and queues of a node stand on. */
export interface DataHostParts extends OwnershipParts, Pick<Environment, "clock" | "timers"> {
  readonly peers: Pick<ServicePeers, "self" | "mayPublish" | "maySubscribe" | "mayOffer" | "nameOf">;
  readonly policy: MessagePolicy;
  /** Whether there are some of an earlier run. */
  readonly hasState: () => boolean;
  /** Opens the engine; called once, when there are some, or the first is made. @throws WeftError */
  readonly openEngine: () => DataEngine;
}

/** Owns collections and queues for one node. */
export class DataHost {
  readonly #parts: DataHostParts;
  readonly #collections: Ownership<CollectionSpec>;
  readonly #queues: Ownership<QueueSpec>;
  readonly #watches = new Map<PeerId | undefined, number>();
  readonly #rights: CommitRights;
  readonly #waits: TakeWaits;
  #engine: DataEngine | undefined;
  #cancel = () => {};
  #isClosed = false;

  constructor(parts: DataHostParts) {
    this.#parts = parts;
    this.#waits = new TakeWaits(parts.timers);
    this.#collections = new Ownership(parts, {
      what: "collection",
      path: collectionPath,
      service: (spec) => this.#collectionService(spec),
      make: async (spec) => {
        const { count: _, revision: __, ...now } = await this.#openEngine().create(spec);
        return now;
      },
      isSameService: (one, other) => one.read === other.read && one.write === other.write,
    });
    this.#queues = new Ownership(parts, {
      what: "queue",
      path: queuePath,
      service: (spec) => this.#queueService(spec),
      make: async (spec) => {
        const { waiting: _, leased: __, dead: ___, ...now } = await this.#queueEngine().create(spec);
        return now;
      },
      isSameService: (one, other) => one.push === other.push && one.work === other.work,
    });
    this.#rights = new CommitRights({
      ...parts,
      keyOf: (collection) => this.#collections.specs.get(collection)?.key,
      mayCommit: (caller, collection) => this.#mayCommit(caller, collection),
    });
  }

  /** Offers what is there, and lets programs open more. What can't be opened is logged, and is no reason not to start. */
  start(): void {
    void this.#parts.runtime.services.add(this.#definition()).start();
    if (!this.#parts.hasState()) return;
    const collections = async () =>
      (await this.#openEngine().collections()).map(({ count: _, revision: __, ...spec }) => spec);
    if (!this.#followShared(collections)) this.#collections.offerAll(collections);
    this.#queues.offerAll(async () =>
      (await this.#openEngine().queues?.queues() ?? [])
        .map(({ waiting: _, leased: __, dead: ___, ...spec }) => spec)
    );
  }

  /** @returns whether the engine is one that others share, whose collections change by them too */
  #followShared(collections: () => Promise<readonly CollectionSpec[]>): boolean {
    const { log, timers } = this.#parts;
    try {
      const engine = this.#openEngine();
      if (engine.followCollections === undefined) return false;
      const look = () => this.#collections.follow(collections);
      engine.followCollections(look);
      const lookAgain = () => {
        look();
        this.#cancel = timers.setTimer(LOOK_MS, lookAgain);
      };
      lookAgain();
    } catch (error) {
      log.error("the collections of this node can't be opened", { error });
    }
    return true;
  }

  /** Serves nothing any more, and closes the engine. Harmless when repeated. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#cancel();
    this.#waits.close();
    await this.#engine?.close();
  }

  /** Opens a collection, or finds out who owns it; makes it when it is nobody's. @throws DataError */
  async open(spec: CollectionSpec): Promise<Opened> {
    return await this.#collections.open(checkSpec(spec));
  }

  /**
   * Opens a queue, or finds out who owns it; makes it when it is nobody's.
   * @param spec what it does not say stays as it is, or is as usual
   * @throws DataError
   */
  async openQueue(spec: Partial<QueueSpec> & Pick<QueueSpec, "name">): Promise<Opened> {
    const now = this.#queues.specs.get(spec.name);
    return await this.#queues.open(checkQueueSpec({ ...QUEUE_DEFAULTS, ...now, ...spec }));
  }

  /** Forgets a collection of this node with all that it holds. @returns whether there was one */
  async drop(name: string): Promise<boolean> {
    return await this.#collections.forget(name) && await this.#openEngine().drop(name);
  }

  /** Forgets a queue of this node with all that it holds. @returns whether there was one */
  async dropQueue(name: string): Promise<boolean> {
    return await this.#queues.forget(name) && await this.#queueEngine().drop(name);
  }

  #collectionService(spec: CollectionSpec): ServiceDefinition {
    const { peers, policy, clock, timers } = this.#parts;
    return collectionService({
      ...{ peers, policy, clock, timers, watches: this.#watches, rights: this.#rights },
      engine: this.#openEngine(),
    }, spec);
  }

  #queueService(spec: QueueSpec): ServiceDefinition {
    const { peers, policy, clock } = this.#parts;
    const parts = { peers, policy, clock, waits: this.#waits, rights: this.#rights };
    return queueService({ ...parts, engine: this.#queueEngine() }, spec);
  }

  /** What is asked of a call by its path is asked of the other collections of a transaction, too. */
  #mayCommit(caller: PeerId | undefined, collection: string): boolean {
    const { policy, peers: { self } } = this.#parts;
    const allows = this.#collections.allows(collection, "commit");
    if (allows === undefined) return false;
    if (caller === undefined || isProgram(caller) || caller === self) return true;
    const path = TopicPath.parse(collectionPath(collection)).toString();
    return allows(caller) && policy.callFate(caller, self, `${path}/commit`).kind === "straight";
  }

  #openEngine(): DataEngine {
    if (this.#isClosed) throw new DataError("OwnerAway", "This node stops");
    try {
      return this.#engine ??= this.#parts.openEngine();
    } catch (error) {
      if (!(error instanceof WeftError)) throw error;
      const { message, hint, retryable } = error;
      throw new DataError("Failed", message, { cause: error, retryable, ...hint !== undefined && { hint } });
    }
  }

  #queueEngine(): QueueEngine {
    const { queues } = this.#openEngine();
    if (queues !== undefined) return queues;
    throw new DataError("Failed", "The engine of this node keeps no queues");
  }

  #definition(): ServiceDefinition {
    const guarded = (work: (params: unknown) => Promise<unknown>) => ({
      idempotent: true,
      handler: (params: unknown, { caller }: { readonly caller: PeerId | undefined }) => {
        if (caller === undefined || isProgram(caller)) return told(() => work(params));
        throw new ActionError("Refused", "Only programs of this machine may ask that");
      },
    });
    const nameOf = (params: unknown) => String(readFields(params)["name"]);
    return {
      path: DATA_SERVICE,
      description: "The collections and queues that this node owns",
      actions: {
        open: guarded((params) => this.open(readFields(params) as unknown as CollectionSpec)),
        drop: {
          ...guarded(async (params) => ({ dropped: await this.drop(nameOf(params)) })),
          idempotent: false,
        },
        openQueue: guarded((params) => this.openQueue(readFields(params) as unknown as QueueSpec)),
        dropQueue: {
          ...guarded(async (params) => ({ dropped: await this.dropQueue(nameOf(params)) })),
          idempotent: false,
        },
      },
    };
  }
}
