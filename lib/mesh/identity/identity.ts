/**
 * The ids and keys of nodes and networks, and the IPv6 addresses that follow from them.
 * @module
 */

import {
  type Brand,
  decodeHex,
  encodeHex,
  randomBytes,
  type RandomSource,
  utf8Bytes,
} from "../../base/mod.ts";
import {
  blake2s,
  blake2sMac,
  PrivateKey,
  type PublicKey,
  SigningKey,
  type VerifyingKey,
} from "../../crypto/mod.ts";
import { Cidr, IpAddress } from "../../net/mod.ts";

/** 32 lower-case hexadecimal digits: a hash of a node's public keys. */
export type NodeId = Brand<string, "NodeId">;
/** 32 lower-case hexadecimal digits: a hash of the key that signs a network's records. */
export type NetworkId = Brand<string, "NetworkId">;

/** Length of either id in bytes. */
export const ID_BYTES = 16;
/** Length of the global id in a unique local prefix, in bytes. */
const GLOBAL_ID_BYTES = 5;
/** Length of a node's or a network's seed in bytes. */
export const SEED_BYTES = 32;

/**
 * @param verifyingKey absent for WireGuard devices, which sign nothing
 * @returns the id that goes with the keys
 */
export function nodeIdOf(publicKey: PublicKey, verifyingKey?: VerifyingKey): NodeId {
  const keys = [publicKey.bytes, verifyingKey?.bytes ?? new Uint8Array(0)];
  return encodeHex(blake2s(utf8Bytes("weft node id v1"), ...keys).subarray(0, ID_BYTES)) as NodeId;
}

/** @returns the id of the network whose records `verifyingKey` verifies */
export function networkIdOf(verifyingKey: VerifyingKey): NetworkId {
  const hash = blake2s(utf8Bytes("weft network id v1"), verifyingKey.bytes);
  return encodeHex(hash.subarray(0, ID_BYTES)) as NetworkId;
}

/** @returns the id, or undefined when `text` is not 32 lower-case hexadecimal digits */
export function parseNodeId(text: string): NodeId | undefined {
  return /^[0-9a-f]{32}$/.test(text) ? text as NodeId : undefined;
}

/** @returns the id that these 16 bytes are, or undefined when there are not 16 */
export function nodeIdFromBytes(bytes: Uint8Array): NodeId | undefined {
  return bytes.length === ID_BYTES ? encodeHex(bytes) as NodeId : undefined;
}

/** @returns the id that these 16 bytes are, or undefined when there are not 16 */
export function networkIdFromBytes(bytes: Uint8Array): NetworkId | undefined {
  return bytes.length === ID_BYTES ? encodeHex(bytes) as NetworkId : undefined;
}

/** @returns the 16 bytes of an id */
export function idBytes(id: NodeId | NetworkId): Uint8Array {
  return decodeHex(id) ?? new Uint8Array(ID_BYTES);
}

/**
 * A node's own keys, all derived from one seed.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { NodeIdentity } from "./identity.ts";
 * const seed = new Uint8Array(32).fill(7);
 * assert.equal(NodeIdentity.fromSeed(seed).id, NodeIdentity.fromSeed(seed).id);
 * ```
 */
export class NodeIdentity {
  /** What WireGuard and channels are keyed with. */
  readonly privateKey: PrivateKey;
  /** What the node's statements are signed with. */
  readonly signingKey: SigningKey;
  readonly id: NodeId;
  readonly #seed: Uint8Array;

  private constructor(seed: Uint8Array) {
    this.#seed = seed.slice();
    this.privateKey = PrivateKey.fromBytes(blake2sMac(seed, 32, utf8Bytes("weft node x25519 v1")));
    this.signingKey = SigningKey.fromSeed(blake2sMac(seed, 32, utf8Bytes("weft node ed25519 v1")));
    this.id = nodeIdOf(this.privateKey.publicKey, this.signingKey.verifyingKey);
  }

  /** Draws a new identity. */
  static generate(random: RandomSource): NodeIdentity {
    return new NodeIdentity(randomBytes(random, SEED_BYTES));
  }

  /**
   * @param seed 32 secret bytes, copied
   * @throws RangeError when the length is wrong
   */
  static fromSeed(seed: Uint8Array): NodeIdentity {
    if (seed.length !== SEED_BYTES) {
      throw new RangeError(`Cannot make an identity of ${seed.length} bytes: a seed has ${SEED_BYTES}`);
    }
    return new NodeIdentity(seed);
  }

  get publicKey(): PublicKey {
    return this.privateKey.publicKey;
  }

  /** @returns the 32 secret bytes that everything comes from; for the state directory only */
  exposeSeed(): Uint8Array {
    return this.#seed.slice();
  }
}

/** A network as its members know it. */
export interface NetworkIdentity {
  readonly id: NetworkId;
  /** Verifies every record of the network. */
  readonly verifyingKey: VerifyingKey;
  /** Leaders only. */
  readonly signingKey?: SigningKey;
}

/** Draws a new network's key. */
export function generateNetwork(random: RandomSource): NetworkIdentity & { readonly signingKey: SigningKey } {
  const signingKey = SigningKey.fromSeed(randomBytes(random, SEED_BYTES));
  return { id: networkIdOf(signingKey.verifyingKey), verifyingKey: signingKey.verifyingKey, signingKey };
}

/**
 * The IPv6 half of the overlay follows from the network id and a member's IPv4 address.
 *
 *     fd | 40 bits of the network's hash | subnet 0 | 0 | IPv4 address
 *     8  | 40                            | 16       | 32| 32
 *
 * @returns the network's /64, a unique local prefix whose global id is pseudo-random (RFC 4193 §3.1, §3.2.1)
 */
export function overlayIpv6Prefix(networkId: NetworkId): Cidr {
  const bytes = new Uint8Array(16);
  bytes[0] = 0xfd;
  const hash = blake2s(utf8Bytes("weft overlay ipv6 v1"), idBytes(networkId));
  bytes.set(hash.subarray(0, GLOBAL_ID_BYTES), 1);
  return Cidr.of(IpAddress.fromBytes(bytes), 64);
}

/**
 * @param prefix an IPv6 block of at least 32 host bits
 * @param address an IPv4 address
 * @returns the prefix with the IPv4 address in its low 32 bits
 * @throws RangeError when the families are others
 */
export function overlayIpv6For(prefix: Cidr, address: IpAddress): IpAddress {
  if (prefix.family !== 6 || prefix.prefixBits > 96 || address.family !== 4) {
    throw new RangeError(`Cannot put ${address} into ${prefix}: it takes an IPv4 address and 32 host bits`);
  }
  const bytes = prefix.address.bytes.slice();
  bytes.set(address.bytes, 12);
  return IpAddress.fromBytes(bytes);
}
