/**
 * One node's part in its network, from the store and back to it.
 * @module
 */

import { type Environment, type RandomSource, StateError, type StateStore } from "../base/mod.ts";
import type { Cidr, IpAddress } from "../net/mod.ts";
import {
  type AddressPool,
  type Admission,
  rotationTo,
  shareTokens,
  signSuccession,
  startToken,
  type TokenBook,
} from "./admission/mod.ts";
import {
  generateNetwork,
  type NetworkIdentity,
  networkIdOf,
  type NodeIdentity,
  overlayIpv6Prefix,
} from "./identity/mod.ts";
import {
  JoinToken,
  type JoinTokenFields,
  type MemberRecord,
  NO_UPDATE,
  type OwnStatement,
  type ReplicaUpdate,
  type Signed,
  signOwnStatement,
  splitUpdate,
  type TokenLeader,
} from "./records/mod.ts";
import { Leadership } from "./leaders/mod.ts";
import {
  type Admitted,
  encodeMeshMessage,
  encodeUpdates,
  type KeyRotation,
  type NetworkSettings,
  type Succession,
} from "./wire/mod.ts";
import {
  adoptNextIdentity,
  AlreadyInitializedError,
  forgetFormerIdentity,
  forgetNetwork,
  keepJoinToken,
  keepLeaving,
  keepUnstarted,
  type LeavingState,
  NotInitializedError,
  readIdentity,
  readJoinToken,
  readLeaving,
  readNetwork,
  readOrDrawIdentity,
  readUnstarted,
  type StoredNetwork,
  storedNetworkId,
  writeNetwork,
} from "./network_store.ts";
import { admittedProblem } from "./admitted.ts";
import type { JoinParameters } from "./join_request.ts";
import { type RecordEntry, Replica, type Roster } from "./replica/mod.ts";

/** Of what every node's state is made. */
export interface MeshOptions extends Pick<Environment, "clock" | "random"> {
  /** Makes a fresh pool for the overlay's block; leaders need one. */
  readonly addressPool: (cidr: Cidr) => AddressPool;
}

/** Who this node is, which network it belongs to, and everybody in it. */
export class MeshState {
  /** The block that addresses are allocated from. */
  readonly cidr: Cidr;
  /** The network's /64 of IPv6 addresses; absent when `cidr` is IPv6 itself. */
  readonly ipv6Cidr: Cidr | undefined;
  /** Everything that all members agree on. */
  readonly replica: Replica;
  /** What this node has as a leader, or may become one with. */
  readonly leadership: Leadership;
  /** Where the leader was that let this node in; absent on the one that started the network. */
  readonly bootstrap: TokenLeader | undefined;
  #identity: NodeIdentity;
  #former: NodeIdentity | undefined;
  readonly #store: StateStore;
  readonly #settings: NetworkSettings;
  readonly #options: MeshOptions;

  private constructor(store: StateStore, stored: StoredNetwork, options: MeshOptions) {
    const identity = readIdentity(store, "seed");
    if (identity === undefined) {
      throw new StateError("Cannot read the node's seed from the state: it is missing");
    }
    const { settings: { verifyingKey, cidrs }, signingKey } = stored;
    const [cidr] = cidrs;
    if (cidr === undefined) {
      throw new StateError("Cannot read the network's block from the state: it is missing");
    }
    const id = networkIdOf(verifyingKey);
    const { clock, random } = options;
    this.#identity = identity;
    this.#former = readIdentity(store, "former-seed");
    this.#store = store;
    this.cidr = cidr;
    this.ipv6Cidr = cidr.family === 4 ? overlayIpv6Prefix(id) : undefined;
    this.replica = new Replica(store, { networkId: id, verifyingKey, clock });
    this.bootstrap = stored.bootstrap;
    this.#settings = stored.settings;
    this.#options = options;
    this.leadership = new Leadership(store, {
      identity: () => this.identity,
      network: { id, verifyingKey },
      replica: this.replica,
      clock,
      random,
      newPool: () => options.addressPool(cidr),
      overlay: this.ipv6Cidr === undefined ? [cidr] : [cidr, this.ipv6Cidr],
    }, signingKey);
  }

  /**
   * Starts a network with this node as its leader.
   * @throws AlreadyInitializedError when the store belongs to a network
   * @throws RangeError when name or labels are out of bounds
   */
  static create(
    store: StateStore,
    options: MeshOptions & Partial<JoinParameters> & { readonly name: string; readonly cidr: Cidr },
  ): MeshState {
    const { name, cidr, labels = {} } = options;
    return store.transaction(() => {
      const identity = MeshState.prepareJoin(store, options.random);
      const { verifyingKey, signingKey } = generateNetwork(options.random);
      const cidrs = cidr.family === 4 ? [cidr, overlayIpv6Prefix(networkIdOf(verifyingKey))] : [cidr];
      writeNetwork(store, { settings: { verifyingKey, cidrs }, signingKey });
      const state = MeshState.load(store, options);
      const { publicKey, signingKey: { verifyingKey: ownKey } } = identity;
      const leader = state.admission?.addLeader({ name, publicKey, verifyingKey: ownKey, labels });
      if (typeof leader !== "object") {
        throw new RangeError(`Cannot start a network in ${cidr}: it has no host`);
      }
      return state;
    });
  }

  /**
   * Resumes what the store holds.
   * @throws NotInitializedError when the store belongs to no network
   * @throws StateError when it is damaged
   */
  static load(store: StateStore, options: MeshOptions): MeshState {
    const stored = readNetwork(store);
    if (stored === undefined) throw new NotInitializedError();
    return new MeshState(store, stored, options);
  }

  /**
   * Does what is left to be done when a process ended while its node left its network, or before the network that it had
   * made ever ran. Harmless otherwise.
   */
  static finishLeaving(store: StateStore, options: MeshOptions): void {
    if (readUnstarted(store)) return forgetNetwork(store);
    const state = readLeaving(store);
    if (state === undefined) return;
    if (state === "left" || MeshState.load(store, options).record.revoked) forgetNetwork(store);
  }

  /**
   * Gives this node its keys before it asks to be let in; a join that is retried has the same ones.
   * @throws AlreadyInitializedError when the store belongs to a network
   */
  static prepareJoin(store: StateStore, random: RandomSource): NodeIdentity {
    if (storedNetworkId(store) !== undefined) throw new AlreadyInitializedError();
    return readOrDrawIdentity(store, "seed", random);
  }

  /**
   * Has the next try to join have other keys: these may be those of a join whose answer was lost, and which was removed
   * since because nobody came. Nothing happens to a node that belongs to a network.
   */
  static dropJoin(store: StateStore): void {
    if (storedNetworkId(store) === undefined) forgetNetwork(store);
  }

  /**
   * Takes in a leader's answer.
   * @returns the state, or what is wrong with the answer; then nothing is stored
   * @throws AlreadyInitializedError when the store belongs to a network
   */
  static completeJoin(
    store: StateStore,
    options: MeshOptions & { readonly admitted: Admitted; readonly token: JoinToken },
  ): MeshState | { readonly problem: string } {
    const { admitted, token, random } = options;
    const { record, settings, roster } = admitted;
    const identity = MeshState.prepareJoin(store, random);
    const problem = admittedProblem(admitted, token, { nodeId: identity.id, wall: options.clock.wall() });
    if (problem !== undefined) return { problem };
    const [bootstrap] = token.leaders;
    return store.transaction(() => {
      writeNetwork(store, { settings, ...bootstrap && { bootstrap } });
      keepJoinToken(store, token.encode());
      const state = MeshState.load(store, options);
      state.replica.merge({ ...roster, records: [record, ...roster.records] });
      return state;
    });
  }

  /** Who this node is now; it may go on under other keys. */
  get identity(): NodeIdentity {
    return this.#identity;
  }

  /** Whether this node signs records now. */
  get role(): "leader" | "member" {
    return this.leadership.signingKey === undefined ? "member" : "leader";
  }

  /** The network, with its signing key on leaders. */
  get network(): NetworkIdentity {
    const { verifyingKey } = this.#settings;
    const { signingKey } = this.leadership;
    return { id: networkIdOf(verifyingKey), verifyingKey, ...signingKey && { signingKey } };
  }

  /** Leaders only. */
  get tokens(): TokenBook | undefined {
    return this.leadership.tokens;
  }

  /** Leaders only. */
  get admission(): Admission | undefined {
    return this.leadership.admission;
  }

  /** Who the members are. */
  get roster(): Roster {
    return this.replica.roster;
  }

  /** This node's own record, which may have been revoked. */
  get record(): MemberRecord {
    const { publicKey } = this.identity;
    const record = this.roster.recordByKey(publicKey);
    // What a later key of this node says all of is forgotten; then the agent is about to end.
    if (record === undefined && this.roster.isRevoked(publicKey)) {
      const [head] = this.roster.chainOf(publicKey);
      if (head !== undefined) return { ...head.record, revoked: true };
    }
    if (record === undefined) {
      throw new StateError("Cannot read this node's record from the state: it is missing");
    }
    return record;
  }

  /**
   * Draws the keys that this node is to go on under; the same until it has adopted them.
   * @returns the request to a leader
   */
  prepareRotation(own: OwnStatement): KeyRotation {
    const next = readOrDrawIdentity(this.#store, "next-seed", this.#options.random);
    const statement = signOwnStatement(next, own, { ...this.#options, previous: undefined });
    return rotationTo(this.identity.id, next, statement);
  }

  /** Whether this node's key was revoked in favour of one that it has drawn itself. */
  get isRotating(): boolean {
    const { revoked, successor } = this.record;
    return revoked && successor !== undefined && readIdentity(this.#store, "next-seed")?.id === successor;
  }

  /**
   * Goes on under the new keys once the network knows them, with everything that this node has written.
   * @returns what others are to be sent, or undefined when it is not time
   */
  adoptRotation(): ReplicaUpdate | undefined {
    const next = readIdentity(this.#store, "next-seed");
    const { identity: { id: former }, replica } = this;
    if (next === undefined || !this.isRotating || replica.roster.get(next.id) === undefined) return undefined;
    return this.#store.transaction(() => {
      const wall = this.#options.clock.wall();
      const entries = replica.entries.of(former).map(({ kind, key, body, expiresAt }) => {
        const lifetimeMs = Math.max(1, expiresAt - wall);
        return replica.entries.write(next.id, next.signingKey, { kind, key, body, lifetimeMs });
      }).filter((signed) => signed !== undefined);
      adoptNextIdentity(this.#store, this.#identity, next);
      this.#former ??= this.#identity;
      this.#identity = next;
      return { ...NO_UPDATE, entries };
    });
  }

  /** By which keys others may know this node, until somebody has heard of those that it has now. */
  get formerIdentity(): NodeIdentity | undefined {
    return this.#former;
  }

  /** What this node shows to those who may know its former keys alone; undefined when somebody knows its own. */
  get succession(): Succession | undefined {
    const record = this.roster.signedRecord(this.identity.id);
    return this.#former && record && signSuccession(this.#former, this.identity, record);
  }

  /** Somebody knows this node's keys, and tells others: the former ones are forgotten. Harmless when there are none. */
  forgetFormerIdentity(): void {
    if (this.#former === undefined) return;
    forgetFormerIdentity(this.#store);
    this.#former = undefined;
  }

  /**
   * Lets leaders know the same tokens; on others nothing happens.
   * @param hasHeir whether there is about to be another leader
   * @returns what others are to be sent
   */
  shareTokens(hasHeir = false): ReplicaUpdate {
    const { tokens, leadership: { signingKey }, replica, identity: { id: self } } = this;
    if (tokens === undefined || signingKey === undefined) return NO_UPDATE;
    const networkId = this.network.id;
    return shareTokens({ ...this.#options, self, networkId, signingKey, tokens, replica, hasHeir });
  }

  /** @returns the token that a leader prints at its start, see `startToken`; undefined on others */
  startToken(fields: Omit<JoinTokenFields, "tokenId" | "secret" | "expiresAt">): JoinToken | undefined {
    const { tokens, leadership: { signingKey } } = this;
    if (tokens === undefined || signingKey === undefined) return undefined;
    return startToken({ store: this.#store, tokens, signingKey, wall: this.#options.clock.wall() }, fields);
  }

  /** Writes all that `body` writes, or nothing. */
  atOnce<T>(body: () => T): T {
    try {
      return this.#store.transaction(body);
    } catch (error) {
      this.replica.reload();
      throw error;
    }
  }

  /** By which token this node came in, until that has expired or it is known that others know this node. */
  get joinToken(): JoinToken | undefined {
    const text = readJoinToken(this.#store);
    const token = text === undefined ? undefined : JoinToken.parse(text);
    return token instanceof JoinToken ? token : undefined;
  }

  forgetJoinToken(): void {
    keepJoinToken(this.#store, undefined);
  }

  /** How far this node has come in leaving its network; it survives the end of the process. */
  get leaving(): LeavingState | undefined {
    return readLeaving(this.#store);
  }

  set leaving(state: LeavingState | undefined) {
    keepLeaving(this.#store, state);
  }

  /** Whether this node has made a network that has not run yet, so that nobody can be its member; it survives the end. */
  get isUnstarted(): boolean {
    return readUnstarted(this.#store);
  }

  set isUnstarted(isUnstarted: boolean) {
    keepUnstarted(this.#store, isUnstarted);
  }

  /**
   * Keeps what this node says of itself.
   * @param isAnew whether it is said again although nothing has changed, as by a node that starts
   * @returns a statement to be sent to others, or undefined when nothing has changed for a day
   */
  state(own: OwnStatement, isAnew = false): Signed | undefined {
    const previous = this.roster.get(this.identity.id)?.statement;
    const signed = signOwnStatement(this.identity, own, {
      ...this.#options,
      previous,
      isAnew,
    });
    if (signed !== undefined) this.roster.mergeStatement(signed);
    return signed;
  }

  /** @returns a leader's answer to a machine that it has let in: messages to be sent in this order */
  admittedMessages({ signed }: RecordEntry, observedAddress?: IpAddress): Uint8Array[] {
    const [first = NO_UPDATE, ...rest] = splitUpdate(this.replica.snapshot());
    const admitted: Admitted = {
      record: signed,
      settings: this.#settings,
      roster: first,
      ...observedAddress && { observedAddress },
    };
    return [encodeMeshMessage({ kind: "admitted", admitted }), ...rest.flatMap(encodeUpdates)];
  }
}
