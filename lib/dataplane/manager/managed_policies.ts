/**
 * The policies of a manager's networks: what was applied, compiled against the endpoints that there are.
 * @module
 */

import { WeftError } from "../../base/mod.ts";
import {
  compilePolicy,
  type NetworkPolicy,
  type PolicyDocument,
  readPolicyDocument,
  type RosterNetwork,
} from "../../policy/mod.ts";
import type { PlaneGuards } from "../policy/mod.ts";
import type { ManagedNetwork } from "./managed_network.ts";

/** There is no policy of this id. */
export class UnknownPolicyError extends WeftError {
  /** The failure's stable name, for programs. */
  readonly code = "UnknownPolicy";
}

/** Keeps and compiles them. */
export class ManagedPolicies {
  readonly #guards: PlaneGuards;
  readonly #networks: ReadonlyMap<string, ManagedNetwork>;
  readonly #policies = new Map<string, { readonly policy: NetworkPolicy; readonly networkId: string }>();
  #revision = 0;

  /** @param networks the manager's, by their ids */
  constructor(guards: PlaneGuards, networks: ReadonlyMap<string, ManagedNetwork>) {
    this.#guards = guards;
    this.#networks = networks;
  }

  /** As they were given. */
  get all(): readonly NetworkPolicy[] {
    return Array.from(this.#policies.values(), ({ policy }) => policy);
  }

  /** Applies one, in place of another of the same id. @throws InvalidPolicyError */
  apply(policy: NetworkPolicy, { definition: { id, name } }: ManagedNetwork): void {
    const former = new Map(this.#policies);
    this.#policies.set(policy.id, { policy, networkId: id });
    try {
      // Policies of the manager call a network by its id, too; programs by its name alone.
      readPolicyDocument({ policies: [{ ...policy, networkId: name }] });
      this.#use(this.#document());
    } catch (error) {
      this.#policies.clear();
      for (const [id, known] of former) this.#policies.set(id, known);
      throw error;
    }
  }

  /** @throws UnknownPolicyError */
  remove(id: string): void {
    if (!this.#policies.delete(id)) {
      throw new UnknownPolicyError(`Cannot delete the policy ${id}: there is none of that id`);
    }
    this.compile();
  }

  /** A network goes with its policies. */
  removeNetwork(networkId: string): void {
    for (const [id, known] of this.#policies) {
      if (known.networkId === networkId) this.#policies.delete(id);
    }
    this.compile();
  }

  /** Looks at the endpoints anew. */
  compile(): void {
    this.#use(this.#document());
  }

  #document(): PolicyDocument | undefined {
    if (this.#policies.size === 0) return undefined;
    const policies = Array.from(this.#policies.values(), ({ policy, networkId }) => ({
      ...policy,
      networkId: this.#networks.get(networkId)?.definition.name,
    }));
    return readPolicyDocument({ policies });
  }

  #use(document: PolicyDocument | undefined): void {
    if (document === undefined && this.#guards.isUnused) return;
    const networks = Array.from(this.#networks.values(), rosterOf);
    const revision = (++this.#revision).toString(16).padStart(16, "0");
    const enforced = document && compilePolicy(document, { members: [], networks }, { revision }).bytes;
    this.#guards.use({ enforced, trial: undefined, ownAddresses: [] });
  }
}

function rosterOf({ definition: { name }, subjects }: ManagedNetwork): RosterNetwork {
  return {
    name,
    endpoints: subjects.map((subject) => ({ ...subject, services: [], roles: [], member: "" })),
  };
}
