/**
 * Sending everything that is for nobody this host knows through one member. Once that is chosen it holds until it is taken
 * back: while the member is away, is no exit any more, or this agent is started anew, nothing gets out another way.
 * @module
 */

import { type StateStore, utf8Bytes } from "../../base/mod.ts";
import type { ExitPlan, HostJournal, HostNetwork } from "../../host/mod.ts";
import { type MemberRecord, type NodeId, parseNodeId } from "../../mesh/mod.ts";
import type { Cidr, Endpoint, IpFamily } from "../../net/mod.ts";
import type { RouteBook } from "./route_book.ts";

const COLLECTION = "exit-use";
const KEY = "chosen";
/** Of members that this agent dials past the exit. */
const MAX_DIALS = 32;
/** What others may have changed of the host is set right after so many looks. */
const LOOKS_A_REVIEW = 30;

/** What was chosen. */
export interface ChosenExit {
  /** The member's id when it was chosen. */
  readonly nodeId: NodeId;
  /** Whether networks beside this host are reached no more either. */
  readonly blocksLan: boolean;
}

/** Whether a former process has chosen an exit, so that what it has changed of this host has to stay. */
export function hasChosenExit(store: Pick<StateStore, "get">): boolean {
  return readChoice(store) !== undefined;
}

/** What it is made of. */
export interface ExitUseParts {
  readonly store: StateStore;
  readonly book: RouteBook;
  /** @returns the member that goes on from this id */
  readonly ownerOf: (nodeId: NodeId) => MemberRecord | undefined;
  /** The families of this node's own addresses in the mesh. */
  readonly ownFamilies: () => readonly IpFamily[];
  /** Where the exit and leaders are dialled. */
  readonly dials: (exit: NodeId | undefined) => readonly Endpoint[];
}

/** What changes the host. */
export interface ExitHost {
  readonly network: Pick<HostNetwork, "setExit" | "clearExit">;
  readonly journal: HostJournal;
  readonly fixed: Pick<ExitPlan, "interfaceName" | "port" | "uid" | "overlay">;
}

/** Keeps the choice, and this host in line with it. */
export class ExitUse {
  readonly #parts: ExitUseParts;
  #host: ExitHost | undefined;
  #plan: ExitPlan | undefined;
  /** Whether this host may have been changed: a plan that failed is carried out as far as it went. */
  #isTouched = false;
  #looks = 0;
  #failure: string | undefined;

  constructor(parts: ExitUseParts) {
    this.#parts = parts;
  }

  /** The choice, whether the member is there or not. */
  get chosen(): ChosenExit | undefined {
    return readChoice(this.#parts.store);
  }

  /** The member that was chosen, under whatever keys; undefined when it is none any more. */
  get exit(): MemberRecord | undefined {
    const { chosen } = this;
    return chosen && this.#parts.ownerOf(chosen.nodeId);
  }

  /** @returns what is sent to the exit, `0.0.0.0/0` and `::/0` at most; nothing while no leader has it be one */
  prefixes(): readonly Cidr[] {
    const nodeId = this.exit?.nodeId;
    return nodeId === undefined ? [] : this.#parts.book.approved
      .filter(({ prefix, owner }) => prefix.prefixBits === 0 && owner.nodeId === nodeId)
      .map(({ prefix }) => prefix);
  }

  /** @returns the families that the exit leads for this node */
  families(): readonly IpFamily[] {
    const own = this.#parts.ownFamilies();
    return this.prefixes().map(({ family }) => family).filter((family) => own.includes(family)).sort();
  }

  /** Sends everything by a member from now on. */
  choose({ nodeId }: MemberRecord, blocksLan: boolean): void {
    this.#parts.store.put(COLLECTION, KEY, utf8Bytes(`${nodeId} ${blocksLan ? 1 : 0}`));
  }

  /** Sends everything as it was before. */
  forget(): void {
    this.#parts.store.delete(COLLECTION, KEY);
    this.#clear();
  }

  /** This host may be changed from now on. */
  start(host: ExitHost): void {
    this.#host = host;
  }

  /** Brings this host in line; early and repeated calls are harmless. @throws HostError */
  follow(): void {
    const { chosen, exit } = this;
    const host = this.#host;
    if (chosen === undefined || host === undefined) return;
    // Its former keys are forgotten one day.
    if (exit !== undefined && exit.nodeId !== chosen.nodeId) this.choose(exit, chosen.blocksLan);
    const plan: ExitPlan = {
      ...host.fixed,
      families: this.families(),
      dials: this.#parts.dials(exit?.nodeId).slice(0, MAX_DIALS),
      blocksLan: chosen.blocksLan,
    };
    const isSame = this.#plan !== undefined && textOf(plan) === textOf(this.#plan);
    if (isSame && ++this.#looks < LOOKS_A_REVIEW) return;
    this.#looks = 0;
    this.#isTouched = true;
    try {
      host.journal.record({ kind: "exit", name: host.fixed.interfaceName });
      host.network.setExit(plan, this.#plan);
      this.#plan = plan;
      this.#failure = undefined;
    } catch (error) {
      this.#failure = error instanceof Error ? error.message : String(error);
      throw error;
    }
  }

  /** Why the host could not be brought in line; undefined when it was. */
  get failure(): string | undefined {
    return this.#failure;
  }

  /** Takes back what was changed of this host; the choice stays for the next start. */
  close(): void {
    this.#clear();
    this.#host = undefined;
  }

  #clear(): void {
    const host = this.#host;
    if (host === undefined || !this.#isTouched) return;
    host.network.clearExit();
    host.journal.forget({ kind: "exit", name: host.fixed.interfaceName });
    this.#isTouched = false;
    this.#plan = undefined;
    this.#failure = undefined;
  }
}

function textOf({ families, dials, blocksLan }: ExitPlan): string {
  return `${families.join()} ${dials.join()} ${blocksLan}`;
}

function readChoice(store: Pick<StateStore, "get">): ChosenExit | undefined {
  const bytes = store.get(COLLECTION, KEY);
  const [id = "", blocksLan] = bytes === undefined ? [] : new TextDecoder().decode(bytes).split(" ");
  const nodeId = parseNodeId(id);
  return nodeId && { nodeId, blocksLan: blocksLan === "1" };
}
