/**
 * What weft has changed of the host, written down before it is done.
 * @module
 */

import { StateError, type StateStore, utf8Bytes } from "../../base/mod.ts";
import { Cidr, type IpFamily } from "../../net/mod.ts";
import { type HostNetwork, NftProgram, type PacketFilter } from "../netlink/mod.ts";
import {
  decodeReplacement,
  encodeReplacement,
  type FileReplacement,
  restoreFile,
} from "./file_replacement.ts";

/** The collection of the StateStore. */
const COLLECTION = "host-journal";

/** A change of the host that has to be undone one day. */
export type HostChange =
  | { readonly kind: "interface"; readonly name: string }
  | { readonly kind: "route"; readonly cidr: Cidr; readonly interfaceName: string }
  | { readonly kind: "resolver"; readonly replacement: FileReplacement }
  | ForwardingChange
  | { readonly kind: "filter-table"; readonly name: string }
  /** Everything is sent to an interface, by rules that outlive it. */
  | { readonly kind: "exit"; readonly name: string };

/** Packets that come in by an interface are forwarded, which they were not before. */
export interface ForwardingChange {
  readonly kind: "forwarding";
  readonly interfaceName: string;
  readonly family: IpFamily;
}

/** How changes are undone. */
export interface UndoOptions {
  readonly filter?: PacketFilter;
  /** What stays as it is: whoever undoes the rest goes on with it. */
  readonly keeps?: readonly HostChange["kind"][];
}

/** @returns a change of the host in words */
export function hostChangeText(change: HostChange): string {
  if (change.kind === "interface") return `the interface ${change.name}`;
  if (change.kind === "resolver") return `the resolver in ${change.replacement.path}`;
  if (change.kind === "forwarding") {
    return `the forwarding of IPv${change.family} from ${change.interfaceName}`;
  }
  if (change.kind === "filter-table") return `the table ${change.name} of nftables`;
  if (change.kind === "exit") return `the rules that send everything through ${change.name}`;
  return `the route to ${change.cidr} on ${change.interfaceName}`;
}

/**
 * The changes that are made, or were about to be, over a StateStore: a crash leaves a record of every change.
 *
 * ```
 *   record(change) ── make it ── … ── unmake it ── forget(change)
 *          └────────── crash: undoAll() at the next start ──┘
 * ```
 */
export class HostJournal {
  readonly #store: StateStore;

  /** @param store where the journal is kept, open in no other process */
  constructor(store: StateStore) {
    this.#store = store;
  }

  /** Records a change that is about to be made; harmless when repeated. @throws StateError when it cannot */
  record(change: HostChange): void {
    // An interface and its routes go with the process, all else would stay changed.
    if (change.kind !== "interface" && change.kind !== "route" && this.#store.isHeld) {
      const what = change.kind === "resolver" ? change.replacement.path : "where this host sends packets";
      throw new StateError(
        `Cannot change ${what}: the disk is full, so it could not be undone`,
        {
          hint: "Free some space and start again.",
          retryable: true,
        },
      );
    }
    const value = change.kind === "resolver" ? encodeReplacement(change.replacement) : utf8Bytes("");
    this.#store.put(COLLECTION, keyOf(change), value);
  }

  /** Forgets a change that is unmade, or was not made after all. @throws StateError when it cannot */
  forget(change: HostChange): void {
    this.#store.delete(COLLECTION, keyOf(change));
  }

  /** @returns the recorded changes, in the order of their kinds @throws StateError when a record makes no sense */
  changes(): readonly HostChange[] {
    return this.#store.entries(COLLECTION).map(([key, value]) => {
      const change = parseEntry(key, value);
      if (change === undefined) {
        throw new StateError(`Cannot undo the change ${JSON.stringify(key)}: this version does not know it`, {
          hint: "Run the version of weft that made it.",
        });
      }
      return change;
    });
  }

  /**
   * Undoes what a process that is gone has left, and forgets it. Must not be called while this process has an
   * interface open. An interface that runs is left alone: the kernel took ours away with its process, so that
   * one is somebody else's.
   * @returns the changes that were recorded
   * @throws the first HostError, NotPermittedError or StateError, after having tried all; what failed stays recorded
   */
  undoAll(
    network: HostNetwork,
    { filter = new NftProgram(), keeps = [] }: UndoOptions = {},
  ): readonly HostChange[] {
    const changes = this.changes().filter(({ kind }) => !keeps.includes(kind));
    const ownInterfaces = new Set(
      changes.flatMap((change) => change.kind === "interface" ? [change.name] : []),
    );
    let failure: { readonly error: unknown } | undefined;
    for (const change of changes) {
      try {
        if (change.kind === "interface") {
          if (!network.isLinkRunning(change.name)) network.deleteLink(change.name);
        } else if (change.kind === "resolver") {
          restoreFile(change.replacement);
        } else if (change.kind === "forwarding") {
          network.setForwarding(change.interfaceName, change.family, false);
        } else if (change.kind === "filter-table") {
          filter.removeTable(change.name);
        } else if (change.kind === "exit") {
          network.clearExit();
        } else if (!ownInterfaces.has(change.interfaceName)) {
          // Those of our own interfaces have gone with them.
          network.removeRoute(change.cidr, change.interfaceName);
        }
        this.forget(change);
      } catch (error) {
        failure ??= { error };
      }
    }
    if (failure !== undefined) throw failure.error;
    return changes;
  }
}

function keyOf(change: HostChange): string {
  if (change.kind === "resolver") return `resolver ${change.replacement.path}`;
  if (change.kind === "route") return `route ${change.cidr} ${change.interfaceName}`;
  return change.kind === "forwarding"
    ? `forwarding ${change.family} ${change.interfaceName}`
    : `${change.kind} ${change.name}`;
}

function parseEntry(key: string, value: Uint8Array): HostChange | undefined {
  const [kind, subject, interfaceName, ...more] = key.split(" ");
  if (subject === undefined || more.length > 0) return undefined;
  if (kind === "resolver" && interfaceName === undefined) {
    const replacement = decodeReplacement(subject, value);
    return replacement && { kind, replacement };
  }
  if ((kind === "interface" || kind === "filter-table" || kind === "exit") && interfaceName === undefined) {
    return { kind, name: subject };
  }
  if (kind === "forwarding" && (subject === "4" || subject === "6") && interfaceName !== undefined) {
    return { kind, interfaceName, family: subject === "4" ? 4 : 6 };
  }
  if (kind !== "route" || interfaceName === undefined) return undefined;
  const cidr = Cidr.parse(subject);
  return cidr && { kind, cidr, interfaceName };
}
