/**
 * What a SOCKS server and its client say before bytes are relayed.
 * @module
 */

import { concatBytes } from "../base/mod.ts";
import type { Duplex } from "./duplex.ts";
import {
  decodeGreeting,
  decodeRequest,
  encodeChoice,
  encodeReply,
  SOCKS5_REPLY,
  type Socks5Fault,
  type Socks5Reply,
  type Socks5Request,
  type Socks5Result,
} from "./socks5_request.ts";

/** What a client wants, and what it sent behind that; or why it is not served. */
export type HandshakeResult =
  | { readonly kind: "request"; readonly request: Socks5Request; readonly rest: Uint8Array }
  | { readonly kind: "fault"; readonly fault: Socks5Fault | "closed-early" };

const FAULT_REPLIES: Readonly<Record<Socks5Fault, Socks5Reply | undefined>> = {
  // What speaks another protocol would not understand an answer.
  "not-socks5": undefined,
  "no-method": undefined,
  "unsupported-command": SOCKS5_REPLY.commandNotSupported,
  "unsupported-address": SOCKS5_REPLY.addressTypeNotSupported,
  "malformed": SOCKS5_REPLY.generalFailure,
};

/** Reads greeting and request, and answers everything but a request that can be served; time limits are the caller's. */
export async function socksHandshake(client: Duplex): Promise<HandshakeResult> {
  const reader = new MessageReader(client);
  const greeting = await reader.next(decodeGreeting);
  if (greeting.kind === "fault") {
    if (greeting.fault === "no-method") await client.write(encodeChoice(false));
    return greeting;
  }
  if (!await client.write(encodeChoice(true))) return { kind: "fault", fault: "closed-early" };
  const request = await reader.next(decodeRequest);
  if (request.kind === "value") return { kind: "request", request: request.value, rest: reader.rest };
  const reply = request.fault === "closed-early" ? undefined : FAULT_REPLIES[request.fault];
  if (reply !== undefined) await client.write(encodeReply(reply));
  return request;
}

/** Holds at most one message, which its decoder bounds, and one piece of what the client has sent. */
class MessageReader {
  readonly #client: Duplex;
  rest: Uint8Array = new Uint8Array(0);

  constructor(client: Duplex) {
    this.#client = client;
  }

  async next<T>(
    decode: (bytes: Uint8Array) => Socks5Result<T>,
  ): Promise<
    | { readonly kind: "value"; readonly value: T }
    | { readonly kind: "fault"; readonly fault: Socks5Fault | "closed-early" }
  > {
    for (;;) {
      const result = decode(this.rest);
      if (result.kind === "fault") return result;
      if (result.kind === "value") {
        this.rest = this.rest.subarray(result.lengthBytes);
        return result;
      }
      const piece = await this.#client.read();
      if (piece === undefined) return { kind: "fault", fault: "closed-early" };
      this.rest = this.rest.length === 0 ? piece : concatBytes(this.rest, piece);
    }
  }
}
