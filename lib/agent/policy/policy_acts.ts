/**
 * What leaders do with policies: they have a document take effect or be tried, take it back, and keep it from expiring.
 * @module
 */

import type { Clock } from "../../base/mod.ts";
import { MAX_ENTRY_LIFETIME_MS, type MeshState, NO_UPDATE, type Signed } from "../../mesh/mod.ts";
import type { PolicyDocument } from "../../policy/mod.ts";
import { NoPolicyError, PolicyConflictError } from "./errors.ts";
import {
  digestOfPart,
  headOf,
  type PackedPolicy,
  packPolicy,
  PART_KIND,
  PLACES,
  POLICY_KIND,
  type PolicyPlace,
} from "./policy_entry.ts";
import type { Policies } from "./policies.ts";

/** Parts that no head needs stay so long: the head may be on its way, from another leader. */
const PART_GRACE_MS = 600_000;

/** What leaders' acts need. */
export interface PolicyActParts {
  readonly mesh: Pick<MeshState, "identity" | "replica" | "network" | "atOnce"> & {
    readonly leadership: Pick<MeshState["leadership"], "audit">;
  };
  readonly policies: Pick<Policies, "book" | "sync">;
  readonly clock: Pick<Clock, "wall">;
}

/** A document that is to take effect. */
export interface NewPolicy {
  readonly document: PolicyDocument;
  readonly place: PolicyPlace;
  /** The revision that it replaces; empty for none, undefined for any. */
  readonly expectedRevision?: string | undefined;
}

/** Signs policies; where this node does not lead, nothing happens. */
export class PolicyActs {
  readonly #parts: PolicyActParts;

  constructor(parts: PolicyActParts) {
    this.#parts = parts;
  }

  /**
   * Has a document take effect, here in this turn and elsewhere as fast as entries travel.
   * @returns it, and whether it was there already
   * @throws PolicyTooLargeError, PolicyConflictError
   */
  apply(
    { document, place, expectedRevision }: NewPolicy,
  ): { readonly packed: PackedPolicy; readonly isSame: boolean } {
    const { mesh, policies, clock } = this.#parts;
    const packed = packPolicy(document);
    const head = policies.book.head(place);
    if (expectedRevision !== undefined && expectedRevision !== (head?.revision ?? "")) {
      throw new PolicyConflictError(
        `Cannot apply that policy: ${head?.revision ?? "none"} is in force, and not ${
          expectedRevision || "none"
        }`,
        { hint: "`weft policy diff` shows what is different now." },
      );
    }
    const isSame = head?.revision === packed.revision && policies.book.problem(place) === undefined;
    const { body, parts } = headOf(packed, { appliedBy: mesh.identity.id, appliedAt: clock.wall() });
    const changes: (Signed | undefined)[] = mesh.atOnce(() => [
      // Before the head that needs them.
      ...Array.from(parts, ([key, part]) => this.#write(PART_KIND, key, part)),
      isSame ? undefined : this.#write(POLICY_KIND, place, body),
      // What was tried is in force now.
      place === "enforced" && policies.book.head("trial")?.revision === packed.revision
        ? this.#write(POLICY_KIND, "trial", undefined)
        : undefined,
    ]);
    if (!isSame) {
      mesh.leadership.audit?.append({
        kind: place === "enforced" ? "policy-applied" : "policy-tried",
        detail: { revision: packed.revision, rules: String(packed.rules) },
      });
    }
    this.#publish(changes);
    return { packed, isSame };
  }

  /** Takes what is in force, or tried, back: then all passes. @throws NoPolicyError */
  remove(place: PolicyPlace): void {
    const { mesh, policies: { book } } = this.#parts;
    const revision = book.head(place)?.revision ?? book.get(place)?.head.revision;
    const what = place === "trial" ? "no policy is tried" : "there is none";
    if (revision === undefined) {
      throw new NoPolicyError(`Cannot remove the policy: ${what}`, {
        hint: "`weft policy show` tells what is in force, and what is tried.",
      });
    }
    const removal = this.#write(POLICY_KIND, place, undefined);
    mesh.leadership.audit?.append({ kind: "policy-removed", detail: { revision, place } });
    this.#publish([removal]);
  }

  /**
   * Signs anew what is about to expire, signs parts that are missing, and takes back those that no head needs; on the
   * elected leader, every few seconds.
   */
  lookAfter(): void {
    const { mesh: { replica: { entries }, network: { signingKey } }, policies: { book }, clock } =
      this.#parts;
    if (signingKey === undefined) return;
    const changes: (Signed | undefined)[] = [];
    const needed = new Set<string>();
    for (const place of PLACES) {
      const head = book.head(place);
      const known = book.get(place);
      if (head !== undefined) needed.add(head.digest);
      const entry = entries.get(POLICY_KIND, entries.networkOrigin(POLICY_KIND, place), place);
      if (entry === undefined || known === undefined || known.head.revision !== head?.revision) continue;
      changes.push(this.#write(POLICY_KIND, place, entry.body));
      // Another leader may have deflated it in another way; what its head means is what is kept here.
      const packed = { ...head, deflated: known.deflated };
      if (known.head.digest !== head.digest) continue;
      for (const [key, part] of headOf(packed, head).parts) changes.push(this.#write(PART_KIND, key, part));
    }
    const oldest = clock.wall() - PART_GRACE_MS;
    for (const { key, issuedAt } of entries.list(PART_KIND)) {
      if (issuedAt < oldest && !needed.has(digestOfPart(key))) {
        changes.push(this.#write(PART_KIND, key, undefined));
      }
    }
    this.#publish(changes);
  }

  #publish(changes: readonly (Signed | undefined)[]): void {
    const { mesh: { replica }, policies } = this.#parts;
    const entries = changes.filter((signed) => signed !== undefined);
    if (entries.length === 0) return;
    // Others learn of it before this node compiles it.
    replica.publish({ ...NO_UPDATE, entries });
    policies.sync();
  }

  #write(kind: string, key: string, body: Uint8Array | undefined): Signed | undefined {
    const { network: { signingKey }, replica: { entries } } = this.#parts.mesh;
    if (signingKey === undefined) return undefined;
    const entry = { kind, key, body, lifetimeMs: MAX_ENTRY_LIFETIME_MS };
    return entries.write(entries.networkOrigin(kind, key), signingKey, entry);
  }
}
