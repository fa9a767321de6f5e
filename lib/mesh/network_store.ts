/**
 * How a node keeps who it is and which network it belongs to.
 * @module
 */

import {
  encodeBase64,
  type RandomSource,
  StateError,
  type StateStore,
  utf8Bytes,
  WeftError,
} from "../base/mod.ts";
import { PublicKey, SigningKey } from "../crypto/mod.ts";
import { decodeMessage, encodeMessage, NetworkSettingsSchema } from "../proto/mod.ts";
import { type NetworkId, networkIdOf, NodeIdentity, SEED_BYTES } from "./identity/mod.ts";
import { MAX_TOKEN_ENDPOINTS, readEndpoints, type TokenLeader } from "./records/mod.ts";
import { type NetworkSettings, readSettings, settingsToWire } from "./wire/mod.ts";

/** The store belongs to a network already. */
export class AlreadyInitializedError extends WeftError {
  /** The failure's stable name, for programs. */
  readonly code = "AlreadyInitialized";

  constructor() {
    super("Cannot start or join a network: this state directory already belongs to one", {
      hint: "Run weft up to resume it, or choose another directory with --state.",
    });
  }
}

/** The store belongs to no network yet. */
export class NotInitializedError extends WeftError {
  /** The failure's stable name, for programs. */
  readonly code = "NotInitialized";

  constructor() {
    super("Cannot resume: this state directory belongs to no network yet", {
      hint: "Run weft --leader to start a network, or weft --join TOKEN to join one.",
    });
  }
}

/** All that a node keeps beside its roster and tokens. */
export interface StoredNetwork {
  readonly settings: NetworkSettings;
  /** Leaders only. */
  readonly signingKey?: SigningKey;
  /** A joiner's first leader, for finding the network again when nobody else is known. */
  readonly bootstrap?: TokenLeader;
}

const IDENTITY = "identity";
const SEED = "seed";
const NEXT_SEED = "next-seed";
const FORMER_SEED = "former-seed";
const NETWORK = "network";
const SETTINGS = "settings";
const SIGNING_SEED = "signing-seed";
const BOOTSTRAP = "bootstrap";
const LEAVING = "leaving";
const UNSTARTED = "unstarted";
const RECOVERING = "recovering";
const JOIN_TOKEN = "join-token";

/** Everything that a node keeps of its network and how it was told to run; what it keeps of its host is not among it. */
const NETWORK_COLLECTIONS = [
  IDENTITY,
  NETWORK,
  "record",
  "statement",
  "entry",
  "token",
  "token-admission",
  "start-token",
  "settings",
  "slice",
  "audit",
  "audit-members",
  "join-waiting",
  "away",
  "device-preshared-key",
  "status-token",
  "seen",
  "expected",
  "endpoint-options",
  "exit-use",
  "route-offer",
  "policy-head",
  "policy-document",
  "policy-declared",
  "policy-former-head",
  "policy-former-document",
] as const;

/** How far a node has come that leaves: it has asked a leader to revoke it, or it is no member any more. */
export type LeavingState = "asked" | "left";

/** Of what a recovery has made a leader: of a member that knew everything, or of what the file says alone. */
export type RecoveredFrom = "member" | "file";

/** The node's own identity, the one that is to replace it, or the last one by which others know it. */
export type IdentityKey = typeof SEED | typeof NEXT_SEED | typeof FORMER_SEED;

/**
 * @returns the identity, or undefined when there is none yet
 * @throws StateError when it is damaged
 */
export function readIdentity(store: StateStore, key: IdentityKey): NodeIdentity | undefined {
  const seed = store.get(IDENTITY, key);
  if (seed === undefined) return undefined;
  if (seed.length !== SEED_BYTES) throw damaged(`node's ${key.replace("-", " ")}`);
  return NodeIdentity.fromSeed(seed);
}

/** @returns the identity, which is drawn at the first call and then the same until it is replaced */
export function readOrDrawIdentity(store: StateStore, key: IdentityKey, random: RandomSource): NodeIdentity {
  return store.transaction(() => {
    const kept = readIdentity(store, key);
    if (kept !== undefined) return kept;
    const identity = NodeIdentity.generate(random);
    store.put(IDENTITY, key, identity.exposeSeed());
    return identity;
  });
}

/** Makes a known identity the node's own; for a store that belongs to no network. */
export function keepIdentity(store: StateStore, identity: NodeIdentity): void {
  store.put(IDENTITY, SEED, identity.exposeSeed());
}

/** Makes the next identity the node's own; the former one is kept unless there is one already that others know. */
export function adoptNextIdentity(store: StateStore, former: NodeIdentity, next: NodeIdentity): void {
  if (store.get(IDENTITY, FORMER_SEED) === undefined) store.put(IDENTITY, FORMER_SEED, former.exposeSeed());
  store.put(IDENTITY, SEED, next.exposeSeed());
  store.delete(IDENTITY, NEXT_SEED);
}

/** Forgets by which keys others knew this node. */
export function forgetFormerIdentity(store: StateStore): void {
  store.delete(IDENTITY, FORMER_SEED);
}

/** @returns the network of this store, or undefined when it belongs to none */
export function storedNetworkId(store: StateStore): NetworkId | undefined {
  const settings = readStoredSettings(store);
  return settings && networkIdOf(settings.verifyingKey);
}

/** Keeps a network; call it in the transaction that makes or joins it. */
export function writeNetwork(store: StateStore, { settings, signingKey, bootstrap }: StoredNetwork): void {
  store.put(NETWORK, SETTINGS, encodeMessage(NetworkSettingsSchema, settingsToWire(settings)));
  if (signingKey !== undefined) keepSigningKey(store, signingKey);
  if (bootstrap === undefined) return;
  const lines = [encodeBase64(bootstrap.publicKey.bytes), ...bootstrap.endpoints.map(String)];
  store.put(NETWORK, BOOTSTRAP, utf8Bytes(lines.join("\n")));
}

/** Keeps the network's signing key of a node that is promoted. */
export function keepSigningKey(store: StateStore, signingKey: SigningKey): void {
  store.put(NETWORK, SIGNING_SEED, signingKey.exposeBytes());
}

/** Forgets the network's signing key. */
export function dropSigningKey(store: StateStore): void {
  store.delete(NETWORK, SIGNING_SEED);
}

/**
 * @returns what `writeNetwork` kept, or undefined when the store belongs to no network
 * @throws StateError when it is damaged
 */
export function readNetwork(store: StateStore): StoredNetwork | undefined {
  const settings = readStoredSettings(store);
  if (settings === undefined) return undefined;
  const signingKey = readSigningKey(store, settings);
  const bootstrap = readBootstrap(store);
  return { settings, ...signingKey && { signingKey }, ...bootstrap && { bootstrap } };
}

/** Remembers that this node leaves its network, or that it stays after all. */
export function keepLeaving(store: StateStore, state: LeavingState | undefined): void {
  if (state === undefined) store.delete(NETWORK, LEAVING);
  else store.put(NETWORK, LEAVING, utf8Bytes(state));
}

/** @returns how far this node has come in leaving; undefined for one that stays */
export function readLeaving(store: StateStore): LeavingState | undefined {
  const bytes = store.get(NETWORK, LEAVING);
  if (bytes === undefined) return undefined;
  return new TextDecoder().decode(bytes) === "left" ? "left" : "asked";
}

/** Remembers that this node's new network has never run, or that it has. */
export function keepUnstarted(store: StateStore, isUnstarted: boolean): void {
  if (isUnstarted) store.put(NETWORK, UNSTARTED, new Uint8Array(0));
  else if (readUnstarted(store)) store.delete(NETWORK, UNSTARTED);
}

/** @returns whether the node has a network that has never run */
export function readUnstarted(store: StateStore): boolean {
  return store.get(NETWORK, UNSTARTED) !== undefined;
}

/** Whether the node is a leader, or was about to be one. */
export function hasSigningKey(store: StateStore): boolean {
  return store.get(NETWORK, SIGNING_SEED) !== undefined;
}

/** Remembers that this leader was made from a recovery file and has yet to take over what is nobody's, or that it has. */
export function keepRecovering(store: StateStore, origin: RecoveredFrom | undefined): void {
  if (origin !== undefined) store.put(NETWORK, RECOVERING, utf8Bytes(origin));
  else if (readRecovering(store) !== undefined) store.delete(NETWORK, RECOVERING);
}

/** @returns of what this leader was made that has yet to take over what is nobody's; undefined for any other */
export function readRecovering(store: StateStore): RecoveredFrom | undefined {
  const bytes = store.get(NETWORK, RECOVERING);
  if (bytes === undefined) return undefined;
  return new TextDecoder().decode(bytes) === "member" ? "member" : "file";
}

/** Keeps by which token this node came in, or forgets it. */
export function keepJoinToken(store: StateStore, text: string | undefined): void {
  if (text !== undefined) store.put(NETWORK, JOIN_TOKEN, utf8Bytes(text));
  else if (readJoinToken(store) !== undefined) store.delete(NETWORK, JOIN_TOKEN);
}

/** @returns the token, if it is kept */
export function readJoinToken(store: StateStore): string | undefined {
  const bytes = store.get(NETWORK, JOIN_TOKEN);
  return bytes && new TextDecoder().decode(bytes);
}

/** Puts away who this node is and all that it knows of its network, in one step; it may join another one then. */
export function forgetNetwork(store: StateStore): void {
  store.transaction(() => {
    for (const collection of NETWORK_COLLECTIONS) {
      for (const [key] of store.entries(collection)) store.delete(collection, key);
    }
  });
}

function readStoredSettings(store: StateStore): NetworkSettings | undefined {
  const bytes = store.get(NETWORK, SETTINGS);
  if (bytes === undefined) return undefined;
  const message = decodeMessage(NetworkSettingsSchema, bytes);
  const settings = message && readSettings(message);
  if (settings === undefined) throw damaged("network's settings");
  return settings;
}

function readSigningKey(store: StateStore, settings: NetworkSettings): SigningKey | undefined {
  const seed = store.get(NETWORK, SIGNING_SEED);
  if (seed === undefined) return undefined;
  const signingKey = seed.length === SEED_BYTES ? SigningKey.fromSeed(seed) : undefined;
  if (!signingKey?.verifyingKey.equals(settings.verifyingKey)) throw damaged("network's signing key");
  return signingKey;
}

function readBootstrap(store: StateStore): TokenLeader | undefined {
  const bytes = store.get(NETWORK, BOOTSTRAP);
  if (bytes === undefined) return undefined;
  const [key = "", ...texts] = new TextDecoder().decode(bytes).split("\n");
  const publicKey = PublicKey.parse(key);
  const endpoints = readEndpoints(texts, MAX_TOKEN_ENDPOINTS);
  if (publicKey === undefined || endpoints === undefined) throw damaged("leader's endpoints");
  return { publicKey, endpoints };
}

function damaged(what: string): StateError {
  return new StateError(`Cannot read the ${what} from the state: it is damaged`);
}
