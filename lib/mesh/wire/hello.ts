/**
 * How a caller introduces itself within the first message of a channel's handshake.
 * @module
 */

import { decodeHex, encodeHex } from "../../base/mod.ts";
import { decodeMessage, encodeMessage, HelloSchema } from "../../proto/mod.ts";
import {
  ID_BYTES,
  idBytes,
  type NetworkId,
  networkIdFromBytes,
  type NodeId,
  nodeIdFromBytes,
} from "../identity/mod.ts";

/** A longer hello is not looked at, in bytes. */
const MAX_HELLO_BYTES = 256;

/** A machine that holds a token, or a member. */
export type Hello =
  | { readonly kind: "join"; readonly tokenId: string }
  | { readonly kind: "member"; readonly networkId: NetworkId; readonly nodeId: NodeId };

/** @returns the hello for the handshake's first payload */
export function encodeHello(hello: Hello): Uint8Array {
  if (hello.kind === "join") {
    const tokenId = decodeHex(hello.tokenId) ?? new Uint8Array(0);
    return encodeMessage(HelloSchema, { kind: { case: "join", value: { tokenId } } });
  }
  const value = { networkId: idBytes(hello.networkId), nodeId: idBytes(hello.nodeId) };
  return encodeMessage(HelloSchema, { kind: { case: "member", value } });
}

/** Never throws. @returns the hello, or undefined when `bytes` are none */
export function decodeHello(bytes: Uint8Array): Hello | undefined {
  const kind = decodeMessage(HelloSchema, bytes, MAX_HELLO_BYTES)?.kind;
  if (kind?.case === "join") {
    const { tokenId } = kind.value;
    return tokenId.length === ID_BYTES ? { kind: "join", tokenId: encodeHex(tokenId) } : undefined;
  }
  if (kind?.case !== "member") return undefined;
  const networkId = networkIdFromBytes(kind.value.networkId);
  const nodeId = nodeIdFromBytes(kind.value.nodeId);
  return networkId && nodeId && { kind: "member", networkId, nodeId };
}
