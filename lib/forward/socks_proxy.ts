/**
 * Lets every program that speaks SOCKS5 reach the mesh: `curl --socks5-hostname 127.0.0.1:1080 http://web/`.
 * @module
 */

import { concatBytes } from "../base/mod.ts";
import { type Dial, type DialTarget, isRefusal, type Refusal, REFUSAL_CODES } from "./dial.ts";
import { type Duplex, resumed } from "./duplex.ts";
import { type ListenerLimits, LocalListener } from "./local_listener.ts";
import { relay } from "./relay.ts";
import {
  decodeGreeting,
  decodeRequest,
  encodeChoice,
  encodeReply,
  SOCKS5_FAULTS,
  SOCKS5_REPLY,
  type Socks5Fault,
  type Socks5Reply,
  type Socks5Result,
} from "./socks5_request.ts";
import type { TcpDuplex } from "./tcp_duplex.ts";

/** Where a proxy listens, and its limits. */
export interface SocksProxyOptions extends ListenerLimits {
  /** An address of this host, 127.0.0.1 unless given: whoever reaches the port reaches the mesh. */
  readonly hostname?: string;
  /** 1 to 65535, or 0 for any free one; 1080 unless given (RFC 1928 §3). */
  readonly port?: number;
  /** How long a client may take to say where it wants to go, 10 s unless given. */
  readonly handshakeTimeoutMs?: number;
  /** Is told why a connection was not made. */
  readonly onRefused?: (target: DialTarget, refusal: Refusal) => void;
}

/** Why a client was not served. */
type HandshakeFault = Socks5Fault | "closed-early" | "handshake-timeout";
const FAULTS: readonly HandshakeFault[] = [...SOCKS5_FAULTS, "closed-early", "handshake-timeout"];

// How long a client has to take in the reply before the connection is closed under it (RFC 1928 §6: 10 s at most).
const LINGER_MS = 1_000;

/**
 * A SOCKS5 server without authentication, for CONNECT. Names go to `dial` as they came; nothing is resolved here.
 *
 * @example
 * ```ts
 * import { SocksProxy } from "./socks_proxy.ts";
 * const proxy = new SocksProxy(() => Promise.resolve({ refusal: "no-such-name" }), { port: 0 });
 * proxy.start();
 * await proxy.stop();
 * ```
 */
export class SocksProxy extends LocalListener<HandshakeFault> {
  readonly #handshakeTimeoutMs: number;
  readonly #onRefused: (target: DialTarget, refusal: Refusal) => void;

  constructor(
    dial: Dial,
    { handshakeTimeoutMs = 10_000, onRefused = () => {}, ...options }: SocksProxyOptions = {},
  ) {
    super(dial, { hostname: "127.0.0.1", port: 1080, ...options }, FAULTS);
    this.#handshakeTimeoutMs = handshakeTimeoutMs;
    this.#onRefused = onRefused;
  }

  protected override async serve(client: TcpDuplex, signal: AbortSignal): Promise<void> {
    const handshake = await this.#handshake(client);
    if (handshake.kind === "fault") {
      this.outcomes.count(handshake.fault);
      return linger(client);
    }
    const remote = await this.dial(handshake.target, signal);
    if (isRefusal(remote)) {
      if (!signal.aborted) this.#onRefused(handshake.target, remote.refusal);
      // The codes of the refusals are those of the replies.
      await client.write(encodeReply(REFUSAL_CODES[remote.refusal]));
      return linger(client);
    }
    if (!await client.write(encodeReply(SOCKS5_REPLY.succeeded))) return remote.reset(REFUSAL_CODES.failed);
    await relay(resumed(client, handshake.rest), remote, signal);
  }

  async #handshake(client: TcpDuplex): Promise<HandshakeResult> {
    let isLate = false;
    const timer = setTimeout(() => {
      isLate = true;
      client.reset(REFUSAL_CODES.timeout);
    }, this.#handshakeTimeoutMs);
    const result = await socksHandshake(client);
    clearTimeout(timer);
    return isLate ? { kind: "fault", fault: "handshake-timeout" } : result;
  }
}

/** Ends a stream so that the client still reads what was written: closing one with unread bytes would discard it. */
async function linger(client: TcpDuplex): Promise<void> {
  client.end();
  const timer = setTimeout(() => client.reset(REFUSAL_CODES.failed), LINGER_MS);
  while (await client.read() !== undefined);
  clearTimeout(timer);
}

/** What a client wants, and what it sent behind that; or why it is not served. */
type HandshakeResult =
  | { readonly kind: "request"; readonly target: DialTarget; readonly rest: Uint8Array }
  | { readonly kind: "fault"; readonly fault: HandshakeFault };

const FAULT_REPLIES: Readonly<Record<Socks5Fault, Socks5Reply | undefined>> = {
  // What speaks another protocol would not understand an answer.
  "not-socks5": undefined,
  "no-method": undefined,
  "unsupported-command": SOCKS5_REPLY.commandNotSupported,
  "unsupported-address": SOCKS5_REPLY.addressTypeNotSupported,
  "malformed": SOCKS5_REPLY.generalFailure,
};

/** Reads greeting and request, and answers everything but a request that can be served; time limits are the caller's. */
async function socksHandshake(client: Duplex): Promise<HandshakeResult> {
  const reader = new MessageReader(client);
  const greeting = await reader.next(decodeGreeting);
  if (greeting.kind === "fault") {
    if (greeting.fault === "no-method") await client.write(encodeChoice(false));
    return greeting;
  }
  if (!await client.write(encodeChoice(true))) return { kind: "fault", fault: "closed-early" };
  const request = await reader.next(decodeRequest);
  if (request.kind === "value") return { kind: "request", target: request.value, rest: reader.rest };
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
