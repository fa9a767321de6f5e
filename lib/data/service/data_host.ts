/**
 * The collections and queues that one node owns, each offered as the service `data/NAME` or `queue/NAME`, and `$data`, by
 * which programs of the node open them.
 *
 * @module
 */

import { type Environment, WeftError } from "../../base/mod.ts";
import {
  isProgram,
  type MessagePolicy,
  type PeerId,
  type ServiceDefinition,
  type ServicePeers,
  TopicPath,
} from "../../service/mod.ts";
import { checkSpec, isCollectionName } from "../documents.ts";
import type { CollectionSpec, DataEngine } from "../engine.ts";
import { DataError } from "../errors.ts";
import { checkQueueSpec, QUEUE_DEFAULTS } from "../messages.ts";
import type { QueueEngine, QueueSpec } from "../queue_engine.ts";
import { adoptModel, migratedTo } from "../schemas.ts";
import { collectionPath, collectionService } from "./collection_service.ts";
import { CollectionMover } from "./collection_mover.ts";
import { CommitRights } from "./commit_rights.ts";
import {
  type CollectionRequest,
  dataService,
  type OpenedCollection,
  type OpenRequest,
  type ProgramRequests,
} from "./data_service.ts";
import { type Opened, Ownership, type OwnershipParts } from "./ownership.ts";
import { queuePath, queueService, TakeWaits } from "./queues/mod.ts";

/** How often a node looks whether it may offer what it did not, in milliseconds. */
const LOOK_MS = 30_000;

/** Spreads collections over members. */
export interface ShardedCollections {
  /** Those of which this node is the home. */
  homes(): Promise<readonly CollectionSpec[]>;
  /** Whether this node is the home of a collection. */
  has(name: string): boolean;
  /** Whether this node knows of a collection that it is spread. */
  knows(name: string): boolean;
  /** Spreads one that is nobody's, or takes over one whose home is gone. @throws DataError */
  create(spec: CollectionSpec, options: unknown): Promise<void>;
  /** @returns what the home of a collection offers at its path */
  homeService(name: string): ServiceDefinition;
  /** Forgets one of this node. @returns whether there was one */
  drop(name: string): Promise<boolean>;
}

/** What the collections and queues of a node stand on. */
export interface DataHostParts extends OwnershipParts, Pick<Environment, "clock" | "timers"> {
  readonly peers: Pick<
    ServicePeers,
    "self" | "mayPublish" | "maySubscribe" | "hearingRights" | "mayOffer" | "nameOf" | "ownersOf"
  >;
  readonly policy: MessagePolicy;
  /** Whether there are some of an earlier run. */
  readonly hasState: () => boolean;
  /** Opens the engine; called once, when there are some, or the first is made. @throws WeftError */
  readonly openEngine: () => DataEngine;
  /** Whether the engine is one that others share, so that collections come and go by them too; not unless given. */
  readonly isShared?: () => boolean;
  /** Has another node make a collection, where such nodes keep new ones. @returns undefined where this one does @throws DataError */
  readonly makeElsewhere?: (request: CollectionRequest) => Promise<Opened | undefined>;
  /** The same of queues. */
  readonly makeQueueElsewhere?: (spec: QueueSpec) => Promise<Opened | undefined>;
  /** Undefined where collections are not spread. */
  readonly shards?: ShardedCollections;
}

/** Owns collections and queues for one node. */
export class DataHost implements ProgramRequests {
  readonly #parts: DataHostParts;
  readonly #collections: Ownership<CollectionRequest>;
  /** Versions of schemas that are about to be in force. */
  readonly #versions = new Map<string, number>();
  /** Those that are spread, of which this node is the home. */
  readonly #spread: Ownership<OpenRequest> | undefined;
  readonly #queues: Ownership<QueueSpec>;
  readonly #watches = new Map<PeerId | undefined, number>();
  readonly #rights: CommitRights;
  readonly #waits: TakeWaits;
  readonly #mover: CollectionMover;
  #engine: DataEngine | undefined;
  #cancel = () => {};
  #isFollowing = false;
  #isClosed = false;

  constructor(parts: DataHostParts) {
    this.#parts = parts;
    this.#waits = new TakeWaits(parts.timers);
    this.#mover = new CollectionMover({
      ...parts,
      self: parts.peers.self,
      engine: () => this.#openEngine(),
      movable: (name) => this.#movable(name),
      has: (name) => this.#collections.specs.has(name),
    });
    this.#collections = new Ownership(parts, {
      what: "collection",
      path: collectionPath,
      service: (spec) => this.#collectionService(spec),
      make: (request) => this.#make(request),
      makeElsewhere: async (request) => await parts.makeElsewhere?.(request),
      isSameService: (one, other) => one.read === other.read && one.write === other.write,
    });
    const { shards } = parts;
    this.#spread = shards && new Ownership<OpenRequest>(parts, {
      what: "collection",
      path: collectionPath,
      service: ({ name }) => shards.homeService(name),
      make: async ({ shards: options, ...spec }) => {
        if (!shards.has(spec.name)) await shards.create(spec, options);
        return spec;
      },
      isSameService: () => true,
    });
    this.#queues = new Ownership(parts, {
      what: "queue",
      path: queuePath,
      service: (spec) => this.#queueService(spec),
      make: async (spec) => {
        const { waiting: _, leased: __, dead: ___, ...now } = await this.#queueEngine().create(spec);
        return now;
      },
      makeElsewhere: async (spec) => await parts.makeQueueElsewhere?.(spec),
      isSameService: (one, other) => one.push === other.push && one.work === other.work,
    });
    this.#rights = new CommitRights({
      ...parts,
      specOf: (collection) => this.#collections.specs.get(collection),
      mayCommit: (caller, collection) => this.#mayCommit(caller, collection),
    });
  }

  /** Offers what is there, and lets programs open more. What can't be opened is logged, and is no reason not to start. */
  start(): void {
    void this.#parts.runtime.services.add(dataService(this, this.#mover)).start();
    if (!this.#parts.hasState()) return;
    this.#spread?.offerAll(async () => await this.#parts.shards?.homes() ?? []);
    if (this.#parts.isShared?.() === true) return this.followShared();
    this.#collections.offerAll(() => this.#collectionSpecs());
    this.#queues.offerAll(() => this.#queueSpecs());
  }

  /** How many collections and queues are here, and how many watches of collections are open. */
  get figures(): { readonly collections: number; readonly queues: number; readonly watches: number } {
    let watches = 0;
    for (const count of this.#watches.values()) watches += count;
    return { collections: this.#collections.specs.size, queues: this.#queues.specs.size, watches };
  }

  /** The engine is shared from now on: offers what others make, too, and no more what they drop. Harmless when repeated. */
  followShared(): void {
    const { log, timers } = this.#parts;
    if (this.#isFollowing || this.#isClosed) return;
    try {
      const look = () => {
        this.#collections.follow(() => this.#collectionSpecs());
        this.#queues.follow(() => this.#queueSpecs());
      };
      this.#openEngine().followCollections?.(look);
      this.#isFollowing = true;
      this.#mover.resume();
      const lookAgain = () => {
        look();
        this.#cancel = timers.setTimer(LOOK_MS, lookAgain);
      };
      lookAgain();
    } catch (error) {
      log.error("the collections of this node can't be opened", { error });
    }
  }

  async #collectionSpecs(): Promise<readonly CollectionSpec[]> {
    return (await this.#openEngine().collections()).filter(({ name }) => isCollectionName(name))
      .map(({ count: _, revision: __, ...spec }) => spec);
  }

  async #queueSpecs(): Promise<readonly QueueSpec[]> {
    return (await this.#openEngine().queues?.queues() ?? [])
      .map(({ waiting: _, leased: __, dead: ___, ...spec }) => spec);
  }

  /** Serves nothing any more, and closes the engine. Harmless when repeated. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#cancel();
    this.#waits.close();
    this.#mover.close();
    await this.#engine?.close();
  }

  /** Opens a collection, or finds out who owns it; makes it when it is nobody's. @throws DataError */
  async open({ shards: options, model, schema: _, ...given }: OpenRequest): Promise<OpenedCollection> {
    const spec = checkSpec(given);
    const { name } = spec;
    const { shards } = this.#parts;
    const isSharded = options !== undefined || shards?.has(name) === true || shards?.knows(name) === true;
    if (!isSharded || this.#collections.specs.has(name)) {
      return await this.#collections.open({ ...spec, ...model !== undefined && { model } });
    }
    if (this.#spread === undefined) {
      throw new DataError("InvalidCollection", `Cannot spread ${name}: this node has no shards`);
    }
    const opened = await this.#spread.open({ ...spec, shards: options });
    return { ...opened, isSharded: opened.isHere };
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

  /**
   * Opens a collection for another member, as it is if it is there: its indexes and who may read and write are for programs
   * of this node to change.
   * @throws DataError
   */
  async openFor(request: CollectionRequest): Promise<Opened> {
    const there = (await this.#collectionSpecs()).find(({ name }) => name === request.name);
    return await this.open(there === undefined ? request : { ...there, key: request.key });
  }

  /** As `openFor`, a queue. @throws DataError */
  async openQueueFor(spec: QueueSpec): Promise<Opened> {
    const there = (await this.#queueSpecs()).find(({ name }) => name === spec.name);
    return await this.openQueue(there ?? spec);
  }

  /** Forgets a collection of this node with all that it holds. @returns whether there was one */
  async drop(name: string): Promise<boolean> {
    this.#versions.delete(name);
    if (await this.#spread?.forget(name)) return await this.#parts.shards?.drop(name) ?? false;
    return await this.#collections.forget(name) && await this.#openEngine().drop(name);
  }

  /** @throws DataError of one that can't be moved by this node */
  #movable(name: string): CollectionSpec {
    const { shards } = this.#parts;
    if (shards?.has(name) === true || shards?.knows(name) === true) {
      throw new DataError("InvalidCollection", `Cannot move ${name}: its shards are where its members are`, {
        hint: "`weft data export` and `weft data import` bring it into another collection.",
      });
    }
    const spec = this.#collections.specs.get(name);
    if (spec !== undefined) return spec;
    throw new DataError("NotOwner", `This node does not own ${JSON.stringify(name.slice(0, 64))}`, {
      hint: "`weft data list` shows who does: it is moved there.",
    });
  }

  /** What the collections are kept in. @throws DataError when it can't be opened */
  engine(): DataEngine {
    return this.#openEngine();
  }

  /** Forgets a queue of this node with all that it holds. @returns whether there was one */
  async dropQueue(name: string): Promise<boolean> {
    return await this.#queues.forget(name) && await this.#queueEngine().drop(name);
  }

  #collectionService(spec: CollectionSpec): ServiceDefinition {
    const { peers, policy, clock, timers } = this.#parts;
    return collectionService({
      ...{ peers, policy, clock, timers, watches: this.#watches, rights: this.#rights },
      models: {
        versionOf: (collection) => this.#versionOf(collection),
        adopt: (collection, model) => this.#change(collection, { model }),
        finish: (collection, version) => {
          const schema = this.#collections.specs.get(collection)?.schema;
          return this.#change(
            collection,
            schema === undefined ? {} : { schema: migratedTo(schema, version) },
          );
        },
      },
      engine: this.#openEngine(),
    }, spec);
  }

  /** Makes a collection in the engine, or changes it. */
  async #make({ model, ...spec }: CollectionRequest): Promise<CollectionRequest> {
    const { name } = spec;
    // From now on who knows a former schema writes nothing; what it has sent is written before the engine answers.
    if (model !== undefined && model.version > (this.#versionOf(name) ?? 0)) {
      this.#versions.set(name, model.version);
    }
    try {
      let state = await this.#openEngine().create(spec);
      const schema = model && adoptModel(name, state.schema, model, state.revision);
      if (schema !== undefined && schema !== state.schema) {
        state = await this.#openEngine().create({ ...spec, schema });
      }
      const { count: _, revision: __, ...now } = state;
      return now;
    } catch (error) {
      this.#versions.delete(name);
      throw error;
    }
  }

  async #change(name: string, change: Partial<CollectionRequest>): Promise<void> {
    const spec = this.#collections.specs.get(name);
    if (spec !== undefined) await this.#collections.open({ ...spec, ...change });
  }

  /** The version of the schema of a collection; undefined for none. */
  #versionOf(name: string): number | undefined {
    return this.#versions.get(name) ?? this.#collections.specs.get(name)?.schema?.version;
  }

  #queueService(spec: QueueSpec): ServiceDefinition {
    const { peers, policy, clock } = this.#parts;
    const parts = {
      ...{ peers, policy, clock, waits: this.#waits, rights: this.#rights },
      versionOf: (collection: string) => this.#versionOf(collection),
    };
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
}
