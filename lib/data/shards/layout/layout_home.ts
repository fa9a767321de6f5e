/**
 * The home of a sharded collection: the one member that decides where its shards are.
 *
 * ```
 *   look: every member says what it has ──▶ decide ──▶ most of its replicas keep it ──▶ old owners let go ──▶ all go by it
 * ```
 *
 * It is whoever the collection's path belongs to. Should two believe to be that, one of them has a later generation: members
 * that have promised it take nothing more of the other, which decides nothing from then on (as a proposer of Paxos does).
 *
 * @module
 */

import { type Environment, repeat } from "../../../base/mod.ts";
import type { PeerId } from "../../../service/mod.ts";
import type { CollectionSpec } from "../../engine.ts";
import { DataError } from "../../errors.ts";
import { GONE_MS, LOOK_MS, LOOK_TIMEOUT_MS, MAX_MOVES, REPLACED_MS } from "../bounds.ts";
import { decideShard, type MembersView } from "./decide.ts";
import {
  canFollow,
  holdersOf,
  isSameSpread,
  layoutValue,
  majorityOf,
  MAX_LAYOUT_REPLICAS,
  readLayoutOf,
  type ShardLayout,
  type ShardOptions,
  type ShardRecord,
} from "./layout.ts";
import type { LayoutSignatures } from "./layout_signature.ts";
import type { CallMember, CopyStatus, MemberStatus } from "../messages.ts";
import { ranked } from "./placement.ts";

/** Members that have no part yet are asked each so many times. */
const CANDIDATES_EACH = 5;

/** What a home stands on. */
export interface HomeParts extends Pick<Environment, "clock" | "timers" | "log"> {
  readonly self: () => PeerId;
  readonly call: CallMember;
  /** Members over which a collection may be spread: those of a selector that answer, as far as is known. */
  readonly candidates: (over: string | undefined) => readonly PeerId[];
  readonly signatures: Pick<LayoutSignatures, "sign" | "follow">;
  /** Whether somebody is a member at all. */
  readonly isMember: (peer: PeerId) => boolean;
}

/** Decides for one collection. */
export class LayoutHome implements MembersView {
  readonly #parts: HomeParts;
  #layout: ShardLayout;
  /** Of the last one that was tried: what few of its replicas have may come back. */
  #triedVersion: number;
  readonly #heardAt = new Map<PeerId, number>();
  #statuses = new Map<PeerId, MemberStatus>();
  /** The one that is decided about. */
  #shard = 0;
  #looks = 0;
  #isLooking = false;
  #isDeposed = false;
  #end: () => void = () => {};

  private constructor(parts: HomeParts, layout: ShardLayout) {
    this.#parts = parts;
    this.#layout = layout;
    this.#triedVersion = layout.version;
  }

  /** Spreads a new collection. @throws DataError when too few answer */
  static async create(parts: HomeParts, spec: CollectionSpec, options: ShardOptions): Promise<LayoutHome> {
    const { over } = options;
    const found = parts.candidates(over);
    const statuses = await ask(parts, found, spec.name);
    const able = found.filter((member) => statuses.has(member));
    if (able.length === 0) {
      throw new DataError(
        "OwnerAway",
        `Cannot spread ${spec.name}: no member answers over which it could be`,
        {
          hint: over === undefined
            ? "`weft peers` shows who answers."
            : `\`weft peers\` shows who has ${over}.`,
        },
      );
    }
    const self = parts.self();
    const layoutReplicas = replicasAmong(self, able);
    const shards = Array.from({ length: options.count }, (_, shard): ShardRecord => {
      const [owner = self, ...others] = ranked(spec.name, shard, able).slice(0, 1 + options.replicas);
      return { term: 1, owner, inSync: [owner, ...others], joining: [] };
    });
    const layout = { spec, options, generation: 1, version: 0, home: self, layoutReplicas, shards };
    const home = new LayoutHome(parts, layout);
    for (const member of able) home.#heardAt.set(member, parts.clock.now());
    await home.#decide({ ...layout, version: 1 });
    return home;
  }

  /** Goes on with a layout of which this member is the home. */
  static resume(parts: HomeParts, layout: ShardLayout): LayoutHome {
    return new LayoutHome(parts, layout);
  }

  /**
   * Takes the place of a home that is gone: what most of its replicas have is what was decided.
   * @param known what is known of its layout
   * @throws DataError when too few of its replicas answer
   */
  static async adopt(parts: HomeParts, known: ShardLayout): Promise<LayoutHome> {
    let layout = known;
    let generation = known.generation;
    for (let tries = 0; tries < 8; tries++) {
      generation++;
      const { spec: { name }, layoutReplicas } = layout;
      const answers = await Promise.all(
        layoutReplicas.map((replica) =>
          parts.call(replica, "promise", { collection: name, generation }, LOOK_TIMEOUT_MS).catch(() =>
            undefined
          )
        ),
      );
      const promised = answers.filter((one) => (one as { ok?: unknown } | undefined)?.ok === true);
      const later = answers.map((one) => Number((one as { promised?: unknown } | undefined)?.promised ?? 0));
      // Who says one that nobody comes behind would keep all others from taking the collection over.
      generation = Math.max(generation, ...later.filter((one) => canFollow(one, known.generation)));
      if (promised.length < majorityOf(layoutReplicas)) {
        if (answers.filter((one) => one !== undefined).length < majorityOf(layoutReplicas)) break;
        continue;
      }
      const kept = promised.map((one) => readLayoutOf(name, (one as { kept?: unknown }).kept))
        .filter((one) => one !== undefined).filter((one) => isPossible(one, known));
      const seen = parts.signatures.follow(kept, layout);
      // It may have other replicas, which know more.
      const isSettled = seen.layoutReplicas.join() === layoutReplicas.join();
      layout = seen;
      if (!isSettled) continue;
      const home = new LayoutHome(parts, layout);
      await home.#decide({ ...layout, generation, version: 1, home: parts.self() });
      return home;
    }
    throw new DataError(
      "OwnerAway",
      `Cannot take ${known.spec.name} over: too few of those who keep its layout answer`,
      {
        hint: "Two of three have to; try again when they answer.",
      },
    );
  }

  /** What was decided last. */
  get layout(): ShardLayout {
    return this.#layout;
  }

  /** Looks now and then, from now on. */
  start(): void {
    this.#end = repeat(
      this.#parts,
      { intervalMs: LOOK_MS, problem: "the shards can't be looked after" },
      () => {
        void this.look();
      },
    );
    void this.look();
  }

  /** Decides nothing any more. */
  close(): void {
    this.#isDeposed = true;
    this.#end();
  }

  /** Asks all members, and decides. Harmless while it does so already. */
  async look(): Promise<void> {
    if (this.#isLooking || this.#isDeposed) return;
    this.#isLooking = true;
    try {
      await this.#ask();
      const layout = this.#wanted();
      if (layout !== undefined) await this.#decide(layout);
      else await this.#tell(this.#layout, this.#behind(this.#layout), []);
    } catch (error) {
      this.#parts.log.warn("a layout of shards can't be decided", {
        collection: this.#layout.spec.name,
        error,
      });
    } finally {
      this.#isLooking = false;
    }
  }

  /** Waits until all shards are answered for, for a while. @returns whether they are */
  async isServed(): Promise<boolean> {
    await this.#ask();
    return this.#layout.shards.every(({ owner }, shard) => this.#statusOf(owner, shard)?.isServing === true);
  }

  silentMs(member: PeerId): number {
    if (!this.#parts.isMember(member)) return Infinity;
    const now = this.#parts.clock.now();
    // Of whom nothing was heard since this node was started, that is how long.
    if (!this.#heardAt.has(member)) this.#heardAt.set(member, now);
    return now - (this.#heardAt.get(member) ?? now);
  }

  answers(member: PeerId): boolean {
    return this.#statuses.has(member);
  }

  statusOf(member: PeerId): CopyStatus | undefined {
    return this.#statusOf(member, this.#shard);
  }

  #statusOf(member: PeerId, shard: number) {
    return this.#statuses.get(member)?.copies.find((copy) => copy.shard === shard);
  }

  async #ask(): Promise<void> {
    const { candidates, clock } = this.#parts;
    const { options: { over }, spec: { name } } = this.#layout;
    const isWide = this.#looks++ % CANDIDATES_EACH === 0;
    const asked = new Set([...holdersOf(this.#layout), ...isWide ? candidates(over) : this.#heardAt.keys()]);
    this.#statuses = await ask(this.#parts, [...asked].filter(this.#parts.isMember), name);
    for (const member of this.#statuses.keys()) this.#heardAt.set(member, clock.now());
    for (const member of this.#heardAt.keys()) {
      if (!this.#parts.isMember(member)) this.#heardAt.delete(member);
    }
  }

  /** @returns what is to be; undefined when that is so */
  #wanted(): ShardLayout | undefined {
    const { options: { over, replicas }, spec: { name }, layoutReplicas } = this.#layout;
    const able = this.#parts.candidates(over);
    const present = [...new Set([...able, ...this.#heardAt.keys()])].filter((member) =>
      this.#parts.isMember(member) && this.#isWanted(member, over) && this.#heardAt.has(member) &&
      this.silentMs(member) < REPLACED_MS
    );
    let making = this.#layout.shards.filter(({ joining }) => joining.length > 0).length;
    const shards = this.#layout.shards.map((record, shard) => {
      this.#shard = shard;
      const wanted = ranked(name, shard, present).slice(0, 1 + replicas);
      const next = decideShard(record, wanted, this, making < MAX_MOVES);
      if (next.joining.length > record.joining.length) making++;
      return next;
    });
    const kept = this.#wantedReplicas(layoutReplicas, present);
    const { home, signature } = this.#layout;
    // Under other keys it signs anew, and in the release that begins to sign at once.
    const isNew = kept !== layoutReplicas || home !== this.#parts.self() || signature === undefined ||
      shards.some((record, shard) => record !== this.#layout.shards[shard]);
    return isNew
      ? { ...this.#layout, shards, layoutReplicas: kept, version: this.#triedVersion + 1 }
      : undefined;
  }

  #isWanted(member: PeerId, over: string | undefined): boolean {
    return this.#parts.candidates(over).includes(member) || holdersOf(this.#layout).includes(member) &&
        this.#parts.isMember(member) && over === undefined;
  }

  /** One replica at a time takes the place of one that is gone. */
  #wantedReplicas(layoutReplicas: readonly PeerId[], present: readonly PeerId[]): readonly PeerId[] {
    const gone = layoutReplicas.find((replica) => this.silentMs(replica) >= REPLACED_MS);
    const others = present.filter((member) => !layoutReplicas.includes(member) && this.answers(member));
    const [next] = others;
    if (gone !== undefined && next !== undefined) {
      return layoutReplicas.map((replica) => replica === gone ? next : replica);
    }
    if (layoutReplicas.length === MAX_LAYOUT_REPLICAS) return layoutReplicas;
    const more = replicasAmong(this.#parts.self(), others);
    return more.length > layoutReplicas.length ? more : layoutReplicas;
  }

  /** Has most of its replicas keep a layout, those before it too, and then everybody go by it. */
  async #decide(wanted: ShardLayout): Promise<void> {
    const before = this.#layout;
    const layout = this.#parts.signatures.sign({ ...wanted, home: this.#parts.self() });
    this.#triedVersion = Math.max(
      layout.version,
      layout.generation > before.generation ? 0 : this.#triedVersion,
    );
    const layoutReplicas = [...new Set([...before.layoutReplicas, ...layout.layoutReplicas])];
    const kept = new Set<PeerId>();
    let isRefused = false;
    await Promise.all(layoutReplicas.map(async (replica) => {
      const answer = await this.#parts.call(replica, "keep", { layout: layoutValue(layout) }, LOOK_TIMEOUT_MS)
        .catch(() => undefined) as { readonly ok?: unknown } | undefined;
      if (answer?.ok === true) kept.add(replica);
      isRefused ||= answer?.ok === false;
    }));
    const hasMost = (of: readonly PeerId[]) =>
      of.filter((replica) => kept.has(replica)).length >= majorityOf(of);
    if (!hasMost(before.layoutReplicas) || !hasMost(layout.layoutReplicas)) {
      // One alone that refuses may have promised what nobody follows.
      this.#isDeposed ||= isRefused;
      throw new DataError("OwnerAway", "Too few of those who keep the layout have answered");
    }
    this.#layout = layout;
    await this.#apply(before, layout);
  }

  async #apply(before: ShardLayout, layout: ShardLayout): Promise<void> {
    const released: number[] = [];
    const leaving = Map.groupBy(
      layout.shards.flatMap(({ owner }, shard) => {
        const last = before.shards[shard]?.owner;
        return last === undefined || last === owner || this.silentMs(last) >= GONE_MS
          ? []
          : [{ last, shard }];
      }),
      ({ last }) => last,
    );
    await Promise.all(Array.from(leaving, async ([member, shards]) => {
      const only = shards.map(({ shard }) => shard);
      if (await this.#tellOne(layout, member, [], only)) released.push(...only);
    }));
    const members = new Set([...holdersOf(before), ...holdersOf(layout)]);
    await this.#tell(layout, [...members], released);
  }

  /** Those that go by an older layout than this. */
  #behind(layout: ShardLayout): readonly PeerId[] {
    return holdersOf(layout).filter((member) => {
      const status = this.#statuses.get(member);
      return status !== undefined &&
        (status.generation !== layout.generation || status.version !== layout.version);
    });
  }

  async #tell(layout: ShardLayout, members: readonly PeerId[], released: readonly number[]): Promise<void> {
    const there = members.filter((member) => this.silentMs(member) < GONE_MS);
    await Promise.all(there.map((member) => this.#tellOne(layout, member, released)));
  }

  async #tellOne(
    layout: ShardLayout,
    member: PeerId,
    released: readonly number[],
    only?: readonly number[],
  ): Promise<boolean> {
    const params = { layout: layoutValue(layout), released, ...only !== undefined && { only } };
    try {
      const answer = await this.#parts.call(member, "apply", params, LOOK_TIMEOUT_MS);
      return (answer as { readonly ok?: unknown }).ok === true;
    } catch (error) {
      this.#parts.log.debug("a member can't be told where shards are", { peer: member, error });
      return false;
    }
  }
}

/** Whether a layout that a replica tells can be a later one of a collection: how that is spread never changes. */
function isPossible(kept: ShardLayout, known: ShardLayout): boolean {
  return isSameSpread(kept, known) && canFollow(kept.generation, known.generation);
}

/** Of two both would be needed, so that there are three or one. */
function replicasAmong(self: PeerId, members: readonly PeerId[]): readonly PeerId[] {
  const all = [...new Set([self, ...members])];
  return all.length < MAX_LAYOUT_REPLICAS ? [self] : all.slice(0, MAX_LAYOUT_REPLICAS);
}

async function ask(
  { call }: Pick<HomeParts, "call">,
  members: readonly PeerId[],
  collection: string,
): Promise<Map<PeerId, MemberStatus>> {
  const statuses = new Map<PeerId, MemberStatus>();
  await Promise.all(members.map(async (member) => {
    const answer = await call(member, "status", { collection }, LOOK_TIMEOUT_MS).catch(() => undefined);
    const status = readStatus(answer);
    if (status !== undefined) statuses.set(member, status);
  }));
  return statuses;
}

/** @returns what a member has said, as far as its form goes */
function readStatus(value: unknown): MemberStatus | undefined {
  const { generation, version, copies } = (value ?? {}) as Partial<MemberStatus>;
  if (!Number.isSafeInteger(generation) || !Number.isSafeInteger(version) || !Array.isArray(copies)) {
    return undefined;
  }
  const isCopy = (copy: unknown) => {
    const { shard, term, followers } = (copy ?? {}) as Partial<MemberStatus["copies"][number]>;
    return Number.isSafeInteger(shard) && Number.isSafeInteger(term) && Array.isArray(followers) &&
      followers.every((one) => typeof one?.node === "string" && typeof one.silentMs === "number");
  };
  return copies.every(isCopy) ? value as MemberStatus : undefined;
}
