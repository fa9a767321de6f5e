/**
 * Signatures of layouts: the home signs each layout that it decides, and whoever takes one in checks that, so that nobody
 * who only keeps layouts can make one.
 *
 * ```
 *   BLAKE2s( JSON of [1, spec, options, generation, version, home, keepers, [term, owner, inSync, joining] of each shard] )
 * ```
 *
 * is signed, 32 bytes; the keys add what else a signature is for, the network among it. What a reader of this release does
 * not know of a layout is not signed: what is added to layouts needs another number in front.
 *
 * @module
 */

import { decodeBase64, encodeBase64, utf8Bytes } from "../../../base/mod.ts";
import { blake2s } from "../../../crypto/mod.ts";
import type { PeerId } from "../../../service/mod.ts";
import { isNewer, type ShardLayout } from "./layout.ts";

/** Of what is signed. */
const FORM = 1;

/** Keys of members, each for what its holder signs in this network. */
export interface LayoutKeys {
  /** @param digest 32 bytes @returns 64 bytes by the key of this member */
  sign(digest: Uint8Array): Uint8Array;
  /** @returns whether a member, removed ones included, has signed; undefined where nobody tells its key */
  isSignedBy(member: PeerId, digest: Uint8Array, signature: Uint8Array): boolean | undefined;
}

/** `unsigned`: by a home of a former release, told by a member of one, or by a home whose key nobody tells any more. */
export type Provenance = "signed" | "unsigned" | "forged";

/** Signs layouts, and decides by signatures which ones are taken. */
export class LayoutSignatures {
  readonly #keys: LayoutKeys;
  readonly #mayBeHome: (collection: string, member: PeerId) => boolean;

  /** @param mayBeHome whether the path of a collection is a member's */
  constructor(keys: LayoutKeys, mayBeHome: (collection: string, member: PeerId) => boolean) {
    this.#keys = keys;
    this.#mayBeHome = mayBeHome;
  }

  /** @param layout of which this member is the home */
  sign(layout: ShardLayout): ShardLayout {
    return { ...layout, signature: encodeBase64(this.#keys.sign(digestOf(layout))) };
  }

  /** Checks a signature, which costs about a millisecond: first see whether the layout may be taken otherwise. */
  provenance(layout: ShardLayout): Provenance {
    const signature = layout.signature === undefined ? undefined : decodeBase64(layout.signature);
    if (signature === undefined) return "unsigned";
    const isSigned = this.#keys.isSignedBy(layout.home, digestOf(layout), signature);
    if (isSigned === undefined) return "unsigned";
    return isSigned ? "signed" : "forged";
  }

  /**
   * Whether a layout is taken from its home: where one was signed, the signature is never left out again.
   * @param known the layouts of its collection that were taken before
   */
  mayTake(layout: ShardLayout, known: readonly (ShardLayout | undefined)[]): boolean {
    if (known.some((one) => one !== undefined && isSame(one, layout))) return true;
    const provenance = this.provenance(layout);
    if (provenance === "unsigned") return known.every((one) => one?.signature === undefined);
    return provenance === "signed";
  }

  /**
   * Whether what others tell is taken for a layout that the home has decided, or another one that may be home.
   * @param told by somebody else than its home
   * @param known what is believed already
   */
  mayFollow(told: ShardLayout, known: ShardLayout): boolean {
    if (told.signature === undefined) return known.signature === undefined;
    if (told.home !== known.home && !this.#mayBeHome(told.spec.name, told.home)) return false;
    return this.mayTake(told, [known]);
  }

  /** @returns the newest of what is known and what others tell of it; once one is signed, only of those that are */
  follow(told: readonly ShardLayout[], known: ShardLayout): ShardLayout {
    const taken = told.filter((one) => this.mayFollow(one, known));
    const signed = taken.filter((one) => this.provenance(one) === "signed");
    const [first] = signed;
    if (first === undefined) return taken.reduce(newer, known);
    return signed.reduce(newer, known.signature === undefined ? first : known);
  }

  /** @returns the newest of layouts of one home that it has signed; of those without signatures where it has signed none */
  newestOf(layouts: readonly ShardLayout[]): ShardLayout | undefined {
    const byAge = layouts.toSorted((a, b) => b.generation - a.generation || b.version - a.version);
    let unsigned: ShardLayout | undefined;
    for (const layout of byAge) {
      const provenance = this.provenance(layout);
      if (provenance === "signed") return layout;
      if (provenance === "unsigned") unsigned ??= layout;
    }
    return unsigned;
  }
}

function newer(a: ShardLayout, b: ShardLayout): ShardLayout {
  return isNewer(b, a) ? b : a;
}

/** Whether two layouts say the same, and by the same signature. */
function isSame(a: ShardLayout, b: ShardLayout): boolean {
  return a.signature === b.signature && signedText(a) === signedText(b);
}

function digestOf(layout: ShardLayout): Uint8Array {
  return blake2s(utf8Bytes(signedText(layout)));
}

function signedText(
  { spec, options, generation, version, home, layoutReplicas, shards }: ShardLayout,
): string {
  const { name, key, index, read = null, write = null, seal = null } = spec;
  const { count, over = null, replicas, durability } = options;
  return JSON.stringify([
    ...[FORM, [name, key, index, read, write, seal], [count, over, replicas, durability]],
    ...[generation, version, home, layoutReplicas],
    shards.map(({ term, owner, inSync, joining }) => [term, owner, inSync, joining]),
  ]);
}
