/**
 * Who may come in: members, who was one, and machines with a token.
 * @module
 */

import type { Authorization } from "../../channel/mod.ts";
import { PresharedKey, type PublicKey, type VerifyingKey } from "../../crypto/mod.ts";
import {
  decodeHello,
  encodeHelloReply,
  type Hello,
  type MemberRecord,
  type NetworkId,
  type NodeId,
  OWN_PROTOCOLS,
  type ProtocolVersions,
  readSuccession,
  type Replica,
  type Signed,
} from "../../mesh/mod.ts";

/** By what it is decided who may come in. */
export interface CallerAdmissionParts {
  readonly networkId: NetworkId;
  /** The network's. */
  readonly verifyingKey: VerifyingKey;
  readonly replica: Replica;
  /** What this node speaks; what its release does when left out. */
  readonly protocols?: ProtocolVersions | undefined;
  /** The preshared key of whoever may join with this token; undefined when nobody may, or only elsewhere. */
  tokenKey(tokenId: string, publicKey: PublicKey): PresharedKey | undefined;
  /** A member whose record has expired calls. @returns whether it was renewed, which only leaders can */
  renew(record: MemberRecord): boolean;
}

/** Who has been let in, and what it says that it speaks. */
export type Caller = CallerKind & { readonly protocols?: ProtocolVersions | undefined };

type CallerKind =
  | { readonly kind: "join"; readonly tokenId: string }
  | {
    readonly kind: "member";
    readonly nodeId: NodeId;
    /** Its record, when it goes on under keys of which this node has not heard. */
    readonly successor?: Signed;
  }
  /** A member that knows this node by its former keys. */
  | { readonly kind: "calls-former"; readonly nodeId: NodeId }
  | RemovedCaller;

type Admittance = Omit<Authorization<CallerKind>, "reply">;

/** Somebody under a key that counts no more. */
export interface RemovedCaller {
  readonly kind: "removed";
  readonly nodeId: NodeId;
  readonly publicKey: PublicKey;
}

/** Reads who calls from the first message of a handshake, and whether it may. */
export class CallerAdmission {
  readonly #parts: CallerAdmissionParts;

  constructor(parts: CallerAdmissionParts) {
    this.#parts = parts;
  }

  /**
   * @param helloBytes the first message, of whoever holds `remoteStatic`
   * @param isFormer whether it calls this node by its former key
   * @returns who it is, and what is answered; undefined when it is nobody who may come in
   */
  authorize(
    helloBytes: Uint8Array,
    remoteStatic: PublicKey,
    isFormer: boolean,
  ): Authorization<Caller> | undefined {
    const hello = decodeHello(helloBytes);
    if (hello === undefined) return undefined;
    const { protocols } = hello;
    const admitted = this.#admit(hello, remoteStatic, isFormer);
    if (admitted === undefined) return undefined;
    const reply = encodeHelloReply(this.#parts.protocols ?? OWN_PROTOCOLS, protocols);
    return { ...admitted, reply, context: { ...admitted.context, protocols } };
  }

  #admit(hello: Hello, remoteStatic: PublicKey, isFormer: boolean): Admittance | undefined {
    const { networkId, verifyingKey, replica: { roster }, tokenKey, renew } = this.#parts;
    if (hello.kind === "join") {
      if (isFormer) return undefined;
      const presharedKey = tokenKey(hello.tokenId, remoteStatic);
      return presharedKey && { presharedKey, context: { kind: "join", tokenId: hello.tokenId } };
    }
    if (hello.networkId !== networkId) return undefined;
    const record = roster.recordByKey(remoteStatic);
    const { nodeId } = hello;
    const proven = { presharedKey: PresharedKey.none() };
    const removed = { ...proven, context: { kind: "removed", nodeId, publicKey: remoteStatic } as const };
    // A key that was replaced long ago has no record any more.
    if (record === undefined && roster.isRevoked(remoteStatic)) return removed;
    const { succession } = hello;
    if (record === undefined && succession !== undefined && !isFormer) {
      const caller = { publicKey: remoteStatic, nodeId };
      const successor = readSuccession(succession, caller, { roster, verifyingKey });
      return successor && { ...proven, context: { kind: "member", nodeId, successor } };
    }
    if (record?.nodeId !== nodeId) return undefined;
    // A device without weft takes no part in the message plane.
    if (record.verifyingKey === undefined) return undefined;
    if (roster.isRevoked(remoteStatic)) return removed;
    const isLinkable = roster.linkable(nodeId) !== undefined || renew(record);
    if (!isLinkable) return undefined;
    return { ...proven, context: { kind: isFormer ? "calls-former" : "member", nodeId } };
  }
}
