/**
 * What one node owns of one kind, collections or queues, each offered as a service.
 *
 * ```
 *   open ──▶ it is here: opened        somebody offers its path: told who
 *         └─ nobody does ──▶ the path is somebody's: waited for
 *                        └─ the path is claimed ──▶ made here
 * ```
 *
 * The path of a service belongs to the member that first asks a leader for it, so that there is one owner. Who may offer a
 * path that is another's, as a leader may, makes nothing there all the same.
 *
 * @module
 */

import type { Environment } from "../../base/mod.ts";
import {
  type NodeRuntime,
  type PeerId,
  type ServiceDefinition,
  ServiceNotGrantedError,
  type ServicePeers,
  TopicPath,
} from "../../service/mod.ts";
import { DataError } from "../errors.ts";

/** How long a node waits to hear of the owner of what is not its own, in milliseconds. */
const OWNER_WAIT_MS = 5_000;

/** Where a collection or queue is. */
export interface Opened {
  /** The name of the node that owns it. */
  readonly owner: string;
  /** Whether that is the node that was asked. */
  readonly isHere: boolean;
}

/** What owning stands on. */
export interface OwnershipParts extends Pick<Environment, "log"> {
  readonly runtime: Pick<NodeRuntime, "services" | "addService" | "removeService" | "report" | "waitFor">;
  readonly peers: Pick<ServicePeers, "self" | "mayOffer" | "nameOf" | "ownersOf">;
}

/** A kind of things that a node owns. */
export interface OwnedKind<Spec> {
  /** What one is called: `collection`. */
  readonly what: string;
  /** @returns the path of its service */
  path(name: string): string;
  /** @returns its service; who may call it is in it */
  service(spec: Spec): ServiceDefinition;
  /** Makes it in the engine, or changes it. @returns what it is then */
  make(spec: Spec): Promise<Spec>;
  /** Has another node make it, where such are kept elsewhere. @returns undefined where it is to be made here @throws DataError */
  makeElsewhere?(spec: Spec): Promise<Opened | undefined>;
  /** Whether the service of the one is that of the other. */
  isSameService(one: Spec, other: Spec): boolean;
}

/** Owns things of one kind for one node. */
export class Ownership<Spec extends { readonly name: string }> {
  /** Those of this node, by name. */
  readonly specs: ReadonlyMap<string, Spec>;
  readonly #specs = new Map<string, Spec>();
  readonly #parts: OwnershipParts;
  readonly #kind: OwnedKind<Spec>;
  /** One after the other. */
  #opening: Promise<unknown> = Promise.resolve();

  constructor(parts: OwnershipParts, kind: OwnedKind<Spec>) {
    this.#parts = parts;
    this.#kind = kind;
    this.specs = this.#specs;
  }

  /** Offers what is there. What can't be offered is logged. */
  offerAll(specs: () => Promise<readonly Spec[]>): void {
    this.#opening = (async () => {
      for (const spec of await specs()) {
        this.#specs.set(spec.name, spec);
        // A leader that does not answer must not keep the next one from being offered.
        void this.#offer(spec).catch((error) => {
          this.#parts.log.error(`a ${this.#kind.what} of this node can't be offered`, {
            name: spec.name,
            error,
          });
        });
      }
    })().catch((error) => {
      this.#parts.log.error(`the ${this.#kind.what}s of this node can't be opened`, { error });
    });
  }

  /**
   * Offers what an engine has that several nodes share, as far as this node may, and no more what it has not. Who made it
   * has its path; others have it by a grant.
   */
  follow(specs: () => Promise<readonly Spec[]>): void {
    this.#opening = this.#opening.then(async () => {
      const there = await specs();
      for (const spec of there) {
        const before = this.#specs.get(spec.name);
        if (before === undefined) await this.#offerShared(spec);
        else if (this.#kind.isSameService(before, spec)) this.#specs.set(spec.name, spec);
        else {
          await this.#parts.runtime.removeService(this.#kind.path(spec.name));
          await this.#offerShared(spec);
        }
      }
      const names = new Set(there.map(({ name }) => name));
      for (const name of [...this.#specs.keys()]) if (!names.has(name)) await this.forget(name);
    }).catch((error) => {
      this.#parts.log.error(`the ${this.#kind.what}s of this node can't be offered`, { error });
    });
  }

  async #offerShared(spec: Spec): Promise<void> {
    const { log, peers, runtime } = this.#parts;
    const path = this.#kind.path(spec.name);
    const mayOffer = peers.mayOffer(peers.self, TopicPath.parse(path));
    if (!mayOffer && this.#ownerElsewhere(path) !== undefined) return void this.#specs.delete(spec.name);
    this.#specs.set(spec.name, spec);
    try {
      await this.#offer(spec);
    } catch (error) {
      this.#specs.delete(spec.name);
      await runtime.removeService(path);
      if (error instanceof ServiceNotGrantedError) return;
      log.warn(`a ${this.#kind.what} can't be offered`, { name: spec.name, error });
    }
  }

  /** Opens one, or finds out who owns it; makes it when it is nobody's. @throws DataError */
  async open(spec: Spec): Promise<Opened> {
    const opened = this.#opening.then(() => this.#open(spec));
    this.#opening = opened.catch(() => {});
    const result = await opened;
    if (!("refused" in result)) return result;
    // Somebody has it, of whom this node may be about to hear: programs start together.
    const path = this.#kind.path(spec.name);
    await this.#parts.runtime.waitFor(path, { timeoutMs: OWNER_WAIT_MS }).catch(() => {});
    const owner = this.#specs.has(spec.name) ? this.#here() : this.#ownerElsewhere(path);
    if (owner !== undefined) return owner;
    throw new DataError(
      "OwnerAway",
      `Cannot open ${spec.name}: its owner does not answer, or this node may not own it`,
      { hint: result.refused.message, cause: result.refused },
    );
  }

  /** Offers it no more. @returns whether this node owned it */
  async forget(name: string): Promise<boolean> {
    if (!this.#specs.delete(name)) return false;
    await this.#parts.runtime.removeService(this.#kind.path(name));
    return true;
  }

  /** What is asked of a call by its path, for what a call touches beside it. */
  allows(name: string, action: string): ((caller: PeerId) => boolean) | undefined {
    if (!this.#specs.has(name)) return undefined;
    const path = TopicPath.parse(this.#kind.path(name)).toString();
    return this.#parts.runtime.services.get(path)?.actions.get(action)?.allows;
  }

  async #open(spec: Spec): Promise<Opened | { readonly refused: ServiceNotGrantedError }> {
    const { runtime, peers, peers: { self } } = this.#parts;
    const own = this.#here();
    const { name } = spec;
    const before = this.#specs.get(name);
    if (before !== undefined) {
      await this.#change(before, spec);
      return own;
    }
    const path = this.#kind.path(name);
    const owner = this.#ownerElsewhere(path);
    if (owner !== undefined) return owner;
    const elsewhere = await this.#kind.makeElsewhere?.(spec);
    if (elsewhere !== undefined) return elsewhere;
    const refused = this.#belongsElsewhere(path);
    if (refused !== undefined) return { refused };
    this.#specs.set(name, spec);
    try {
      await this.#offer(spec);
      // A leader may offer what another node was given just now.
      const taken = this.#belongsElsewhere(path);
      if (taken !== undefined) throw taken;
      if (!peers.mayOffer(self, TopicPath.parse(path))) {
        throw new DataError(
          "OwnerAway",
          `Cannot make ${name}: no leader answers who could give it to this node`,
          { hint: `A ${this.#kind.what} has one owner, whom a leader knows; try again when one answers.` },
        );
      }
      this.#specs.set(name, await this.#kind.make(spec));
    } catch (error) {
      this.#specs.delete(name);
      await runtime.removeService(path);
      if (error instanceof ServiceNotGrantedError) return { refused: error };
      throw error;
    }
    return own;
  }

  #belongsElsewhere(path: string): ServiceNotGrantedError | undefined {
    const owners = this.#parts.peers.ownersOf(TopicPath.parse(path));
    const { owner } = this.#here();
    if (owners.length === 0 || owners.includes(owner)) return undefined;
    return new ServiceNotGrantedError(`${path} belongs to ${owners.join(", ")}`, {
      hint: `On a leader, \`weft grant add ${owner} --offer ${path}\` gives it to this node as well.`,
    });
  }

  async #change(before: Spec, spec: Spec): Promise<void> {
    const now = await this.#kind.make(spec);
    this.#specs.set(spec.name, now);
    if (this.#kind.isSameService(before, now)) return;
    await this.#parts.runtime.removeService(this.#kind.path(spec.name));
    await this.#offer(now);
  }

  #here(): Opened {
    const { peers, peers: { self } } = this.#parts;
    return { owner: peers.nameOf(self) ?? self, isHere: true };
  }

  #ownerElsewhere(path: string): Opened | undefined {
    const [report] = this.#parts.runtime.report(path);
    const owner = report?.providers.find(({ isLocal }) => !isLocal);
    return owner && { owner: owner.name, isHere: false };
  }

  async #offer(spec: Spec): Promise<void> {
    await this.#parts.runtime.addService(this.#kind.service(spec));
  }
}
