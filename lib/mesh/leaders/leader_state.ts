/**
 * What only leaders have: the network's key, and what they keep beside it.
 * @module
 */

import type { Environment, StateStore } from "../../base/mod.ts";
import type { SigningKey } from "../../crypto/mod.ts";
import type { Cidr } from "../../net/mod.ts";
import {
  type AddressPool,
  Admission,
  ArrivalCare,
  AuditLog,
  AuditWatch,
  EphemeralCare,
  TokenBook,
} from "../admission/mod.ts";
import type { NetworkIdentity, NodeIdentity } from "../identity/mod.ts";
import type { Replica } from "../replica/mod.ts";
import { SliceLedger } from "./slice_ledger.ts";

/** Whose leadership it is, and where its records and addresses come from. */
export interface LeadershipOptions extends Pick<Environment, "clock" | "random"> {
  readonly identity: () => NodeIdentity;
  readonly network: Pick<NetworkIdentity, "id" | "verifyingKey">;
  readonly replica: Replica;
  /** Makes a fresh pool for the overlay's block. */
  readonly newPool: () => AddressPool;
  /** The networks of the overlay. */
  readonly overlay: readonly Cidr[];
}

/** What only leaders have. */
export interface LeaderState {
  readonly signingKey: SigningKey;
  readonly tokens: TokenBook;
  readonly admission: Admission;
  readonly ledger: SliceLedger;
  readonly audit: AuditLog;
  readonly ephemerals: EphemeralCare;
  readonly arrivals: ArrivalCare;
  /** Notes nothing any more of what other leaders change. */
  readonly unwatch: () => void;
}

/**
 * Opens what a leader keeps in the store; whoever leads no more calls `unwatch`.
 * @throws StateError when what is stored is damaged
 */
export function openLeader(
  store: StateStore,
  options: LeadershipOptions,
  { signingKey, isNameTaken }: {
    readonly signingKey: SigningKey;
    readonly isNameTaken: (name: string) => boolean;
  },
): LeaderState {
  const { network, replica, clock, random, newPool } = options;
  const { roster } = replica;
  const pool = newPool();
  const ledger = new SliceLedger(store, { pool, random });
  const audit = new AuditLog(store, clock);
  const tokens = new TokenBook(store, { random, clock, audit });
  const admission = new Admission({
    store,
    roster,
    tokens,
    network: { ...network, signingKey },
    clock,
    addresses: pool,
    overlay: options.overlay,
    audit,
    isNameTaken,
  });
  const ephemerals = new EphemeralCare(store, { clock, roster });
  const arrivals = new ArrivalCare(store, { clock, roster });
  const unwatch = replica.subscribe(new AuditWatch(roster, audit));
  return { signingKey, tokens, admission, ledger, audit, ephemerals, arrivals, unwatch };
}
