/**
 * Who may hand out which addresses, as all leaders know it: one entry for each holder, signed with the network's key.
 *
 *     slice/NODE   "held" or "reserved", then a range on each line
 *
 * What a leader holds counts while its record says that it leads. What is reserved for a member that is being promoted
 * counts until the entry expires, or until that member states it as held.
 *
 * @module
 */

import { utf8Bytes } from "../../base/mod.ts";
import type { SigningKey } from "../../crypto/mod.ts";
import { AddressRange, type IpAddress } from "../../net/mod.ts";
import { type NetworkId, type NodeId, parseNodeId } from "../identity/mod.ts";
import { MAX_ENTRY_BODY_BYTES, type MemberRecord, readList, type Signed } from "../records/mod.ts";
import type { Replica } from "../replica/mod.ts";
import { MAX_GRANT_RANGES } from "../wire/mod.ts";

/** The kind of these entries. */
export const SLICE_KIND = "slice";
/** For how long a part is kept for a member that was asked to lead and has not answered, in milliseconds. */
export const RESERVED_MS = 3_600_000;

/** Whether a leader hands a part out, or it is kept for one that is being made. */
export type HoldingState = "held" | "reserved";

/** What one node holds. */
export interface Holding {
  readonly holder: NodeId;
  readonly state: HoldingState;
  readonly ranges: readonly AddressRange[];
}

/** Reads and writes these entries. */
export class SliceTable {
  readonly #replica: Replica;
  readonly #networkId: NetworkId;

  constructor(replica: Replica, networkId: NetworkId) {
    this.#replica = replica;
    this.#networkId = networkId;
  }

  /** @returns what counts as somebody's; a leader's former key stands for it until it states the same by its new one */
  holdings(): readonly Holding[] {
    const { entries, roster } = this.#replica;
    const found = new Map<NodeId, Holding & { readonly isOwnKey: boolean }>();
    for (const { origin, key, body } of entries.list(SLICE_KIND)) {
      const nodeId = parseNodeId(key);
      const stated = origin === this.#networkId ? readBody(body) : undefined;
      if (stated === undefined || nodeId === undefined) continue;
      const live = roster.liveRecord(this.currentId(nodeId));
      if (live === undefined || (stated.state === "held" && !isLeader(live))) continue;
      const isOwnKey = live.nodeId === nodeId;
      if (!isOwnKey && found.get(live.nodeId)?.isOwnKey) continue;
      found.set(live.nodeId, { ...stated, holder: live.nodeId, isOwnKey });
    }
    return [...found.values()];
  }

  /** @returns what counts as somebody else's; what this node has stated by another of its keys is its own */
  othersThan(self: NodeId): readonly Holding[] {
    const current = this.currentId(self);
    return this.holdings().filter(({ holder }) => holder !== current);
  }

  /** @returns whether this very node has an entry, whatever it says */
  has(holder: NodeId): boolean {
    return this.#replica.entries.get(SLICE_KIND, this.#networkId, holder) !== undefined;
  }

  /** @returns what this very node's entry says that it holds; undefined without one */
  told(holder: NodeId): readonly AddressRange[] | undefined {
    const entry = this.#replica.entries.get(SLICE_KIND, this.#networkId, holder);
    const stated = entry && readBody(entry.body);
    return stated?.state === "held" ? stated.ranges : undefined;
  }

  /**
   * Says what a node holds.
   * @param ranges as many as fit, see `fitting`; undefined takes the entry back
   * @returns what others are to be sent; undefined when that is known
   * @throws RangeError when there are too many entries
   */
  state(
    holder: NodeId,
    signingKey: SigningKey,
    state: HoldingState,
    ranges: readonly AddressRange[] | undefined,
  ): Signed | undefined {
    return this.#replica.entries.write(this.#networkId, signingKey, {
      kind: SLICE_KIND,
      key: holder,
      body: ranges && utf8Bytes([state, ...ranges].join("\n")),
      ...state === "reserved" && { lifetimeMs: RESERVED_MS },
    });
  }

  /** @returns by which id the member goes now whose id this is or was */
  currentId(nodeId: NodeId): NodeId {
    const { roster } = this.#replica;
    const record = roster.recordById(nodeId);
    return (record && roster.chainOf(record.publicKey)[0]?.record.nodeId) ?? nodeId;
  }
}

/** @returns whether a record says that its member leads */
export function isLeader({ roles }: MemberRecord): boolean {
  return roles.includes("leader");
}

/** @returns the largest of these ranges, as many as an entry has room for, in ascending order */
export function fitting(ranges: readonly AddressRange[]): readonly AddressRange[] {
  let length = "reserved".length;
  const kept: AddressRange[] = [];
  for (const range of ranges.toSorted((a, b) => a.size === b.size ? 0 : a.size > b.size ? -1 : 1)) {
    length += 1 + String(range).length;
    if (length > MAX_ENTRY_BODY_BYTES || kept.length === MAX_GRANT_RANGES) break;
    kept.push(range);
  }
  return joined(kept);
}

/** @returns the same addresses in ascending order, in as few ranges as there can be */
export function joined(ranges: readonly AddressRange[]): readonly AddressRange[] {
  const found: AddressRange[] = [];
  const sorted = ranges.toSorted((a, b) => a.first.toBigInt() < b.first.toBigInt() ? -1 : 1);
  for (const range of sorted) {
    const previous = found.at(-1);
    const from = previous?.first.toBigInt() ?? 0n;
    const end = previous?.last.toBigInt() ?? 0n;
    if (previous === undefined || range.first.toBigInt() > end + 1n) found.push(range);
    else {
      const last = range.last.toBigInt() > end ? range.last.toBigInt() : end;
      found[found.length - 1] = AddressRange.fromBigInts(from, last, range.family);
    }
  }
  return found;
}

/** @returns what is in the first ranges and in none of the second, in ascending order */
export function without(
  ranges: readonly AddressRange[],
  others: readonly AddressRange[],
): readonly AddressRange[] {
  const taken = joined(others);
  return joined(ranges).flatMap((range) => {
    const rest: AddressRange[] = [];
    let from = range.first.toBigInt();
    const last = range.last.toBigInt();
    const add = (to: bigint) => {
      if (from <= to) rest.push(AddressRange.fromBigInts(from, to, range.family));
    };
    for (const other of taken) {
      if (other.family !== range.family || other.last.toBigInt() < from) continue;
      if (other.first.toBigInt() > last) break;
      add(other.first.toBigInt() - 1n);
      from = other.last.toBigInt() + 1n;
    }
    add(last);
    return rest;
  });
}

/** @returns what of a range lies above all of these addresses, or undefined when nothing does */
export function above(
  { first, last, family }: AddressRange,
  taken: readonly IpAddress[],
): AddressRange | undefined {
  let from = first.toBigInt();
  const to = last.toBigInt();
  for (const address of taken) {
    const value = address.toBigInt();
    if (address.family === family && value >= from && value <= to) from = value + 1n;
  }
  return from <= to ? AddressRange.fromBigInts(from, to, family) : undefined;
}

function readBody(body: Uint8Array): Pick<Holding, "state" | "ranges"> | undefined {
  const [state, ...texts] = new TextDecoder().decode(body).split("\n");
  if (state !== "held" && state !== "reserved") return undefined;
  const ranges = readList(texts, MAX_GRANT_RANGES, AddressRange.parse);
  return ranges && { state, ranges };
}
