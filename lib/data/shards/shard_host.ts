/**
 * The shards that one node has, behind `$shards`: programs read and write those that it owns, members of a collection follow
 * each other, and its home says where everything is. The collection itself is the service `data/NAME` of its home.
 *
 * What is asked of a shard is allowed as if `data/NAME/ACTION` was called here: by the collection's selectors, grants of its
 * keys, and the policy.
 *
 * @module
 */

import type { Environment } from "../../base/mod.ts";
import {
  ActionError,
  type CallContext,
  type CallOptions,
  type MessagePolicy,
  type NodeRuntime,
  type PeerId,
  type ServiceDefinition,
  type ServicePeers,
} from "../../service/mod.ts";
import type { CollectionSpec, DataEngine } from "../engine.ts";
import { DataError } from "../errors.ts";
import {
  collectionPath,
  readFields,
  type RightsPeers,
  type ShardedCollections,
  told,
} from "../service/mod.ts";
import type { HeldCollection, HeldParts } from "./held_collection.ts";
import { HeldCollections } from "./held_collections.ts";
import {
  checkOptions,
  LayoutHome,
  type LayoutKeys,
  LayoutSignatures,
  layoutValue,
  mostTold,
  readLayout,
  readLayoutOf,
  type ShardLayout,
} from "./layout/mod.ts";
import { LayoutAnswers } from "./layout_answers.ts";
import { type PushRequest, readPart } from "./messages.ts";
import { ShardNotes } from "./shard_notes.ts";
import { ACTIONS, malformed, nameOf, readCount, readMake, readShards } from "./shard_requests.ts";
import { ShardRights } from "./shard_rights.ts";
import {
  PlaceCalls,
  type ServedPlace,
  servedPlaces,
  SHARDS_SERVICE,
  TransactionResolver,
} from "./transactions/mod.ts";
import { readStarts } from "./term_starts.ts";

/** How long a new collection is waited for until all of it answers. */
const CREATE_WAIT_MS = 5_000;
const CREATE_LOOK_MS = 50;

/** What the shards of a node stand on. */
export interface ShardHostParts extends Pick<Environment, "clock" | "timers" | "log"> {
  readonly runtime: Pick<NodeRuntime, "services" | "request">;
  readonly peers:
    & RightsPeers
    & Pick<ServicePeers, "members" | "mayOffer" | "nameOf" | "isHealthy" | "selector">;
  readonly policy: MessagePolicy;
  readonly keys: LayoutKeys;
  /** Whether there is something of an earlier run. */
  readonly hasState: () => boolean;
  /** What the node keeps its collections in. @throws DataError */
  readonly engine: () => DataEngine;
}

/** The shards of one node. */
export class ShardHost implements ShardedCollections {
  readonly #parts: ShardHostParts;
  readonly #held = new HeldCollections(() => this.#use());
  readonly #homes = new Map<string, LayoutHome>();
  readonly #watches = new Map<PeerId | undefined, number>();
  #shared: HeldParts | undefined;
  #resuming: Promise<void> = Promise.resolve();
  readonly #resolver: TransactionResolver;
  readonly #places: PlaceCalls;
  readonly #rights: ShardRights;
  readonly #signatures: LayoutSignatures;
  readonly #answers: LayoutAnswers;

  constructor(parts: ShardHostParts) {
    this.#parts = parts;
    this.#rights = new ShardRights(parts);
    this.#signatures = new LayoutSignatures(
      parts.keys,
      (name, member) => this.#rights.mayBeHome(name, member),
    );
    this.#answers = new LayoutAnswers({
      held: this.#held,
      rights: this.#rights,
      signatures: this.#signatures,
    });
    const layoutOf = (name: string) => this.#held.get(name)?.layout;
    this.#places = new PlaceCalls({ request: (...asked) => parts.runtime.request(...asked), layoutOf });
    this.#resolver = new TransactionResolver({
      ...parts,
      served: () => this.#served(),
      call: (place, action, params) => this.#places.call(place, action, params),
    });
  }

  /** Goes on with what was here. What can't be opened is logged. */
  start(): void {
    void this.#parts.runtime.services.add(this.#definition()).start();
    this.#resolver.start();
    if (!this.#parts.hasState()) return;
    this.#resuming = this.#resume().catch((error) => {
      this.#parts.log.error("the shards of this node can't be opened", { error });
    });
  }

  /** Answers no more. */
  close(): void {
    this.#resolver.close();
    for (const home of this.#homes.values()) home.close();
    for (const held of this.#held.all()) held.close();
  }

  async homes(): Promise<readonly CollectionSpec[]> {
    await this.#resuming;
    return Array.from(this.#homes.values(), ({ layout }) => layout.spec);
  }

  has(name: string): boolean {
    return this.#homes.has(name);
  }

  knows(name: string): boolean {
    return this.#held.get(name)?.newest !== undefined;
  }

  /** Spreads a collection that is nobody's, or takes over one whose home is gone. @throws DataError */
  async create(spec: CollectionSpec, given: unknown): Promise<void> {
    await this.#resuming;
    const parts = this.#homeParts();
    const known = await this.#known(spec.name);
    const home = known === undefined
      ? await LayoutHome.create(parts, spec, checkOptions(given))
      : await LayoutHome.adopt(parts, known);
    this.#homes.set(spec.name, home);
    home.start();
    const until = this.#parts.clock.now() + CREATE_WAIT_MS;
    while (!await home.isServed() && this.#parts.clock.now() < until) {
      await new Promise<void>((resolve) => this.#parts.timers.setTimer(CREATE_LOOK_MS, resolve));
    }
  }

  homeService(name: string): ServiceDefinition {
    return {
      path: collectionPath(name),
      description: "A collection that is spread over members",
      actions: {
        describe: {
          idempotent: true,
          handler: () => told(() => this.#describe(name)),
        },
      },
    };
  }

  /** Forgets a collection of which this node is the home, on all members. @returns whether there was one */
  async drop(name: string): Promise<boolean> {
    const home = this.#homes.get(name);
    if (home === undefined) return false;
    home.close();
    this.#homes.delete(name);
    const { generation } = home.layout;
    const members = new Set([
      ...home.layout.shards.flatMap(({ inSync, joining }) => [...inSync, ...joining]),
    ]);
    for (const member of [...members, ...home.layout.layoutReplicas]) {
      await this.#call(member, "forget", { collection: name, generation }, 5_000).catch((error) => {
        this.#parts.log.warn("a member keeps its shards of a collection that is dropped", {
          peer: member,
          error,
        });
      });
    }
    return true;
  }

  async #resume(): Promise<void> {
    const { layouts, starts } = await this.#use().notes.all();
    for (const [name, note] of layouts) {
      const held = this.#held.restore(name, note);
      await held.resume(starts);
      const { layout } = held;
      if (layout?.home !== this.#parts.peers.self || layout.generation < held.promised) continue;
      const home = LayoutHome.resume(this.#homeParts(), layout);
      this.#homes.set(name, home);
      home.start();
    }
  }

  async #served(): Promise<readonly ServedPlace[]> {
    if (!this.#parts.hasState() && this.#shared === undefined) return [];
    return await servedPlaces(this.#parts.engine().prepared, this.#held.all());
  }

  #use(): HeldParts {
    if (this.#shared !== undefined) return this.#shared;
    const { engine: open, clock, timers, peers, policy } = this.#parts;
    const engine = open();
    const { copies } = engine;
    if (copies === undefined || engine.partialQuery === undefined) {
      throw new DataError("InvalidCollection", "The engine of this node keeps no shards", {
        hint: "Collections of the embedded engine can be spread.",
      });
    }
    return this.#shared = {
      ...{ clock, timers, peers, policy, engine, copies, watches: this.#watches },
      signatures: this.#signatures,
      notes: new ShardNotes(engine),
      call: (node, action, params, timeoutMs) => this.#call(node, action, params, timeoutMs),
    };
  }

  #homeParts() {
    const { clock, timers, log, peers } = this.#parts;
    return {
      ...{ clock, timers, log, signatures: this.#signatures },
      self: () => peers.self,
      call: (node: PeerId, action: string, params: unknown, timeoutMs: number) =>
        this.#call(node, action, params, timeoutMs),
      isMember: (peer: PeerId) =>
        peer === peers.self || peers.members?.().some(({ id }) => id === peer) === true,
      candidates: (over: string | undefined) => {
        const isOver = over === undefined ? () => true : peers.selector(over);
        return (peers.members?.() ?? []).filter(({ id, isHealthy, isSelf }) =>
          (isSelf || isHealthy) && isOver(id)
        )
          .map(({ id }) => id);
      },
    };
  }

  /** What this node, or a member that answers, knows of a collection's layout. */
  async #known(name: string): Promise<ShardLayout | undefined> {
    const members = this.#homeParts().candidates(undefined).filter((one) => one !== this.#parts.peers.self);
    const answers = await Promise.all(
      members.map((member) =>
        this.#call(member, "layout", { collection: name }, 1_500).catch(() => undefined)
      ),
    );
    const own = this.#held.get(name)?.newest;
    return mostTold(own, answers.map((answer) => readLayoutOf(name, answer)), name, this.#signatures);
  }

  #call(node: PeerId, action: string, params: unknown, timeoutMs: number): Promise<unknown> {
    const { peers, runtime } = this.#parts;
    if (node === peers.self) return this.#handle(action, params, peers.self);
    const options: CallOptions = { node, timeoutMs, retries: 0 };
    return runtime.request(`${SHARDS_SERVICE}/${action}`, params, options);
  }

  #describe(name: string) {
    const layout = this.#homes.get(name)?.layout;
    if (layout === undefined) throw new DataError("UnknownCollection", `There is no collection ${name} here`);
    return { ...layout.spec, layout: layoutValue(layout) };
  }

  #definition(): ServiceDefinition {
    const action = (handler: (params: unknown, context: CallContext) => unknown) => ({
      idempotent: false,
      handler: (params: unknown, context: CallContext) => told(() => handler(params, context)),
    });
    const ofMembers = ["status", "promise", "keep", "apply", "forget", "push", "make"].map((name) =>
      [name, action((params, { caller }) => this.#handle(name, params, caller))] as const
    );
    const ofPrograms = ACTIONS.map((name) =>
      [name, action((params, context) => this.#ask(name, params, context))] as const
    );
    return {
      path: SHARDS_SERVICE,
      description: "The shards of collections that this node has",
      actions: {
        ...Object.fromEntries([...ofMembers, ...ofPrograms]),
        cached: action((params, context) => this.#askCached(params, context)),
        layout: action((params, { caller }) => this.#answers.layout(params, caller)),
        check: action((params, { caller }) => this.#answers.check(params, caller)),
      },
    };
  }

  /** What members ask of each other. */
  async #handle(action: string, params: unknown, caller: PeerId | undefined): Promise<unknown> {
    await this.#resuming;
    const fields = readFields(params);
    if (action === "layout") return this.#answers.layout(params, caller);
    if (action === "push" || action === "make") return await this.#handleCopy(action, fields, caller);
    const layout = fields["layout"] === undefined ? undefined : readLayout(fields["layout"]);
    const name = layout?.spec.name ?? nameOf(fields);
    // Its home signs it for others to keep, not for others to tell.
    const isOthers = layout?.signature !== undefined && caller !== undefined && layout.home !== caller;
    if (isOthers || !this.#rights.mayDecide(name, caller)) {
      throw new DataError("Refused", `${name} is not the caller's, or may not be held here`);
    }
    switch (action) {
      case "status":
        // Whoever can't keep shards has none, and says so by failing.
        this.#use();
        return await this.#held.get(name)?.status() ?? { generation: 0, version: 0, copies: [] };
      case "promise": {
        const held = this.#hold(name, caller);
        const note = await held.promise(readCount(fields["generation"]));
        const kept = held.newest;
        return {
          ok: note !== undefined,
          promised: held.promised,
          ...kept !== undefined && { kept: layoutValue(kept) },
        };
      }
      case "keep":
        return { ok: layout !== undefined && await this.#hold(name, caller).keep(layout) };
      case "apply": {
        const released = readShards(fields["released"]) ?? [];
        const ok = layout !== undefined &&
          await this.#hold(name, caller).apply(layout, released, readShards(fields["only"]));
        return { ok };
      }
      case "forget": {
        const held = this.#held.get(name);
        if (held === undefined || readCount(fields["generation"]) < held.promised) return { ok: false };
        this.#held.forget(name);
        await held.drop();
        return { ok: true };
      }
      default:
        throw new ActionError("UnknownAction", `There is no ${action}`);
    }
  }

  async #handleCopy(
    action: "push" | "make",
    fields: Readonly<Record<string, unknown>>,
    from: PeerId | undefined,
  ) {
    const shard = this.#held.get(nameOf(fields))?.shard(readCount(fields["shard"]));
    const term = readCount(fields["term"]);
    if (shard === undefined || from === undefined) {
      return action === "push" ? { kind: "unknown" } : { ok: false };
    }
    if (action === "push") {
      const [part, starts] = [readPart(fields), readStarts(fields["starts"])];
      if (part === undefined || starts === undefined) throw malformed();
      const isMade = fields["isMade"] === true;
      return await shard.copy.handlePush(from, { ...part, starts, term, isMade } as PushRequest);
    }
    return { ok: await shard.copy.handleMake(from, readMake(fields)) };
  }

  #hold(name: string, caller: PeerId | undefined): HeldCollection {
    return this.#held.hold(name, caller === this.#parts.peers.self ? undefined : caller);
  }

  async #ask(action: string, params: unknown, context: CallContext): Promise<unknown> {
    await this.#resuming;
    const fields = readFields(params);
    const { fresh } = this.#shardFor(action, fields, context);
    return await run(fresh, action, fields, context);
  }

  async #askCached(params: unknown, context: CallContext): Promise<unknown> {
    const fields = readFields(params);
    const { copy, cached } = this.#shardFor("get", fields, context);
    const { ageMs } = copy;
    if (ageMs === undefined || ageMs > readCount(fields["maxAgeMs"])) {
      throw new DataError("Moved", "What is here is older than it may be");
    }
    return { ageMs, entries: await run(cached, "get", fields, context) };
  }

  /** @throws DataError when it is not here, or not the caller's */
  #shardFor(action: string, fields: Readonly<Record<string, unknown>>, { caller }: CallContext) {
    const name = nameOf(fields);
    const held = this.#held.get(name);
    const shard = held?.shard(readCount(fields["shard"]));
    if (held?.layout === undefined || shard === undefined) {
      throw new DataError("Moved", `This shard of ${name} is not here`);
    }
    if (this.#rights.mayAsk(held.layout, action, caller)) return shard;
    throw new DataError("Refused", `The caller may not ${action} ${name}`);
  }
}

async function run(service: ServiceDefinition, action: string, fields: unknown, context: CallContext) {
  const definition = service.actions?.[action] as {
    handler?: (params: unknown, context: CallContext) => unknown;
  };
  return await definition.handler?.(fields, context);
}
