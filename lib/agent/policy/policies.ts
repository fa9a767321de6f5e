/**
 * The policies of a running node, from what the network's key has signed to what enforces it.
 *
 *     PolicyBook, RosterView ──▶ compilePolicy ──▶ packet plane, frames, calls, names (whoever has attached itself)
 *                                      │
 *                                      └─▶ this node's entry `policy-state`: what it enforces, for everybody to see
 *
 * @module
 */

import {
  type Environment,
  randomBytes,
  StateError,
  type StateStore,
  type UnixMillis,
} from "../../base/mod.ts";
import {
  isAboutStatement,
  type MeshState,
  NO_UPDATE,
  type NodeId,
  type ReplicaSubscriber,
  type StateEntry,
} from "../../mesh/mod.ts";
import { ENDPOINT_KIND, NETWORK_KIND } from "../../overlay/mod.ts";
import {
  compilePolicy,
  type PolicyDocument,
  type PolicyEvaluator,
  type PolicyRoster,
  readProgram,
} from "../../policy/mod.ts";
import { ROUTE_KIND, ROUTE_OFFER_KIND } from "../routes/mod.ts";
import { PolicyBook } from "./policy_book.ts";
import { decodeState, encodeState, PLACES, type PolicyPlace, STATE_KIND } from "./policy_entry.ts";
import { PolicyJournal } from "./policy_journal.ts";
import { ADVERT_KIND, RosterView, type RosterViewParts } from "./roster_view.ts";

/** A first change is compiled almost at once, those that follow it together. */
const FIRST_PAUSE_MS = 5;
const NEXT_PAUSE_MS = 100;
/** Compiling takes a fifth of this thread at most. */
const PAUSE_FACTOR = 4;
/** Members say what they enforce one after the other, so much later for each that there is, at most. */
const STATE_PAUSE_MS = 20;
const STATE_SPREAD_MS = 1;
const MAX_STATE_SPREAD_MS = 10_000;

/** A document, resolved against the members that there are. */
export interface CompiledPolicy {
  /** 16 hexadecimal digits. */
  readonly revision: string;
  readonly document: PolicyDocument;
  /** The program, for another thread. */
  readonly bytes: Uint8Array;
  /** The same, to be asked in this one; made when it is first asked for. */
  readonly evaluator: PolicyEvaluator;
  /** What its author should know. */
  readonly warnings: readonly string[];
}

/** What decides now, and what is tried beside it. */
export type CompiledPolicies = Readonly<Record<PolicyPlace, CompiledPolicy | undefined>>;

/** What enforces policies: it is told of each program, and once when it is attached. */
export interface PolicyConsumer {
  /** Decides by another program from now on. A synchronous turn. */
  setPolicies(policies: CompiledPolicies): void;
}

/** What it is made of. */
export interface PoliciesParts extends Pick<Environment, "clock" | "timers" | "random" | "log"> {
  readonly mesh: Pick<MeshState, "identity" | "replica">;
  readonly store: StateStore;
  readonly authority: RosterViewParts["authority"];
  readonly networks: RosterViewParts["networks"];
  readonly routed?: NonNullable<RosterViewParts["routed"]>;
  /** `compilePolicy` unless given. */
  readonly compile?: typeof compilePolicy;
}

/** From the start of the agent to its end. */
export class Policies {
  readonly book: PolicyBook;
  /** What was denied and counted on this node. */
  readonly journal: PolicyJournal;
  readonly #parts: PoliciesParts;
  readonly #view: RosterView;
  readonly #consumers = new Set<PolicyConsumer>();
  /** Of them: who could not take the program in force, and goes on with the former one. */
  readonly #behind = new Set<PolicyConsumer>();
  readonly #unsubscribe: () => void;
  #compiled: CompiledPolicies = { enforced: undefined, trial: undefined };
  /** Why a document that was read could not be compiled. */
  #problem: string | undefined;
  #cancelTimer: (() => void) | undefined;
  #cancelState: (() => void) | undefined;
  #isDocumentDue = false;
  #tookMs = 0;
  #lastAt = -Infinity;
  #isStarted = false;
  #isClosed = false;

  /** Reads and compiles what is there, before anything can ask. @throws StateError when what is stored is damaged */
  constructor(parts: PoliciesParts) {
    this.#parts = parts;
    this.book = new PolicyBook(parts.mesh, parts.store);
    this.journal = new PolicyJournal();
    this.#view = new RosterView(parts);
    this.#unsubscribe = parts.mesh.replica.subscribe(this.#subscriber());
    this.sync();
    if (this.book.get("enforced") === undefined || this.#compiled.enforced !== undefined) return;
    this.close();
    // To start without it would let everything pass.
    throw new StateError("Cannot enforce the policy from the state: this version of weft cannot compile it", {
      hint: "Start the version again that has enforced it.",
    });
  }

  /** Begins to follow what changes, and to tell others what is in force here. */
  start(): void {
    this.#isStarted = true;
    this.sync();
  }

  /** What decides now. */
  get compiled(): CompiledPolicies {
    return this.#compiled;
  }

  /** This node's id, which changes with its keys. */
  get ownId(): NodeId {
    return this.#parts.mesh.identity.id;
  }

  /** The members and endpoints as policies look at them. */
  roster(): PolicyRoster {
    return this.#view.roster(true);
  }

  /** Why this node enforces another document than the network's key says; undefined when it enforces that. */
  problem(place: PolicyPlace = "enforced"): string | undefined {
    if (this.#behind.size > 0) {
      return "a part of this node could not take it, and goes on with the former one";
    }
    return this.book.problem(place) ?? (place === "enforced" ? this.#problem : undefined);
  }

  /** Hands whatever enforces policies the program that there is, and each that comes. @returns a function that ends it */
  attach(consumer: PolicyConsumer): () => void {
    consumer.setPolicies(this.#compiled);
    this.#consumers.add(consumer);
    return () => {
      this.#consumers.delete(consumer);
      this.#behind.delete(consumer);
    };
  }

  /** Says again what this node enforces where that is due, which it is rarely; to be called every few seconds. */
  lookAfter(): void {
    if (this.#look() || this.#behind.size > 0) this.#syncSoon();
    else if (!this.#isClosed) this.#writeState();
  }

  /** Takes up at once what has changed. */
  sync(): void {
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
    this.#isDocumentDue = false;
    const { clock } = this.#parts;
    const startedAt = clock.now();
    this.#look();
    this.#compile();
    this.#lastAt = clock.now();
    this.#tookMs = this.#lastAt - startedAt;
    this.#stateSoon();
  }

  /** Follows nothing any more; what was handed over stays in force until whoever has it ends. */
  close(): void {
    this.#isClosed = true;
    this.#unsubscribe();
    this.#cancelTimer?.();
    this.#cancelState?.();
    this.journal.close();
  }

  /** What was read holds even where it cannot be stored. @returns whether another document may be there */
  #look(): boolean {
    try {
      return this.book.look();
    } catch (error) {
      this.#parts.log.error("cannot keep the policy for the next start", { error });
      return true;
    }
  }

  /** Who cannot take a program keeps no others from it. */
  #hand(consumer: PolicyConsumer): void {
    try {
      consumer.setPolicies(this.#compiled);
      this.#behind.delete(consumer);
    } catch (error) {
      this.#behind.add(consumer);
      this.#parts.log.error("a part of this node goes on with the former policy", { error });
    }
  }

  #subscriber(): ReplicaSubscriber {
    return {
      handleEntryEvent: (event) => {
        if (this.book.isWanted(event)) this.#isDocumentDue = true;
        if (this.#isDocumentDue || this.#isAsked(event)) this.#syncSoon();
      },
      handleRosterEvent: (event) => {
        // Where a member is changes nothing of what it may reach.
        if (!isAboutStatement(event) && this.#hasDocument) this.#syncSoon();
      },
    };
  }

  get #hasDocument(): boolean {
    return PLACES.some((place) => this.book.get(place) !== undefined);
  }

  /** Whether the documents ask for what an entry says. */
  #isAsked({ kind }: Pick<StateEntry, "kind">): boolean {
    if (!this.#hasDocument) return false;
    if (kind === ADVERT_KIND) return this.#asksForServices();
    return kind === NETWORK_KIND || kind === ENDPOINT_KIND || kind === ROUTE_KIND ||
      kind === ROUTE_OFFER_KIND;
  }

  #asksForServices(): boolean {
    return PLACES.some((place) => {
      const document = this.book.get(place)?.document;
      return document !== undefined && asksForServices(document);
    });
  }

  #syncSoon(): void {
    if (this.#cancelTimer !== undefined || this.#isClosed || !this.#isStarted) return;
    const { clock, timers, log } = this.#parts;
    const pauseMs = Math.max(NEXT_PAUSE_MS, PAUSE_FACTOR * this.#tookMs);
    const waitMs = this.#isDocumentDue ? 0 : this.#lastAt + pauseMs - clock.now();
    this.#cancelTimer = timers.setTimer(Math.max(FIRST_PAUSE_MS, waitMs), () => {
      this.#cancelTimer = undefined;
      try {
        this.sync();
      } catch (error) {
        log.error("cannot follow the policy", { error });
      }
    });
  }

  #compile(): void {
    const before = this.#compiled;
    const roster = this.#hasDocument ? this.#view.roster(this.#asksForServices()) : undefined;
    const enforced = this.#compileOne("enforced", roster);
    const trial = this.#compileOne("trial", roster);
    if (enforced === before.enforced && trial === before.trial) {
      for (const consumer of this.#behind) this.#hand(consumer);
      return;
    }
    this.#compiled = { enforced, trial };
    this.journal.follow(enforced);
    for (const consumer of this.#consumers) this.#hand(consumer);
    if (enforced?.revision !== before.enforced?.revision) {
      this.#parts.log.info("another policy is in force", { revision: enforced?.revision ?? "none" });
    }
  }

  /** @returns the same object when the program is the same */
  #compileOne(place: PolicyPlace, roster: PolicyRoster | undefined): CompiledPolicy | undefined {
    const known = this.book.get(place);
    const before = this.#compiled[place];
    if (known === undefined || roster === undefined) return undefined;
    const { head: { revision }, document } = known;
    try {
      const compile = this.#parts.compile ?? compilePolicy;
      const { bytes, warnings } = compile(document, roster, { revision });
      if (place === "enforced") this.#problem = undefined;
      const isSame = before?.revision === revision && isEqual(before.bytes, bytes);
      return isSame ? before : new Compiled(revision, document, bytes, warnings);
    } catch (error) {
      // A document that this version reads and cannot compile; whoever applied it has compiled it.
      this.#parts.log.error("cannot compile the policy", { revision, error });
      if (place === "enforced") this.#problem = "this version of weft cannot compile it";
      return before;
    }
  }

  /** Members say it one after the other, as all of them have it at once. */
  #stateSoon(): void {
    if (this.#cancelState !== undefined || this.#isClosed || !this.#isStarted) return;
    const { mesh, timers, random, log } = this.#parts;
    const spreadMs = Math.min(MAX_STATE_SPREAD_MS, STATE_SPREAD_MS * mesh.replica.roster.members().length);
    const [part = 0] = randomBytes(random, 1);
    this.#cancelState = timers.setTimer(STATE_PAUSE_MS + spreadMs * part / 256, () => {
      this.#cancelState = undefined;
      try {
        this.#writeState();
      } catch (error) {
        // Written again with the next change, or when it is time to renew.
        log.error("cannot tell others which policy is in force here", { error });
      }
    });
  }

  #writeState(): void {
    const { mesh: { identity, replica }, clock } = this.#parts;
    // Others reject the entries of a node that was removed.
    if (replica.roster.isRevoked(identity.publicKey)) return;
    // Not as a whole yet: to others this node is stale.
    if (this.#behind.size > 0) return;
    const enforced = this.#compiled.enforced?.revision;
    const trial = this.#compiled.trial?.revision;
    const entry = replica.entries.get(STATE_KIND, identity.id, "");
    const known = entry && decodeState(entry.body);
    const isSame = known !== undefined && known.enforced === enforced && known.trial === trial;
    const since: UnixMillis = isSame ? known.since : clock.wall();
    const isNone = enforced === undefined && trial === undefined;
    const body = isNone ? undefined : encodeState({ enforced, trial, since });
    const signed = replica.entries.write(identity.id, identity.signingKey, {
      kind: STATE_KIND,
      key: "",
      body,
    });
    if (signed !== undefined) replica.publish({ ...NO_UPDATE, entries: [signed] });
  }
}

class Compiled implements CompiledPolicy {
  readonly revision: string;
  readonly document: PolicyDocument;
  readonly bytes: Uint8Array;
  readonly warnings: readonly string[];
  #evaluator: PolicyEvaluator | undefined;

  constructor(revision: string, document: PolicyDocument, bytes: Uint8Array, warnings: readonly string[]) {
    this.revision = revision;
    this.document = document;
    this.bytes = bytes;
    this.warnings = warnings;
  }

  get evaluator(): PolicyEvaluator {
    return this.#evaluator ??= readProgram(this.bytes);
  }
}

/** Whether a selector of the document asks who offers a service. */
export function asksForServices({ policies, groups }: PolicyDocument): boolean {
  const texts = [
    ...Object.values(groups),
    ...policies.flatMap(({ rules }) =>
      rules.flatMap(({ sourceSelector, destinationSelector, actionParams }) => [
        sourceSelector,
        destinationSelector,
        actionParams?.via ?? "",
      ])
    ),
  ];
  return texts.some((text) => text.includes("service:"));
}

function isEqual(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i]);
}
