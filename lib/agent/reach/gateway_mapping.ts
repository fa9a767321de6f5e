/**
 * One gateway being asked: the mapper, its timer, its socket and its requests by HTTP.
 * @module
 */

import { DeadlineTimer, type Environment, withTimeout } from "../../base/mod.ts";
import {
  equalPorts,
  type HttpAnswer,
  HttpAnswerDecoder,
  type MappedPorts,
  type MappedTransport,
  type MappingProtocol,
  type MappingRequest,
  PortMapper,
  type PortMappingState,
} from "../../port_mapping/mod.ts";
import { type DatagramSocket, dialTcp, openUdp } from "../../transport/mod.ts";
import type { OwnGateway } from "./gateway.ts";

/** An answer is at most 128 KiB and comes from next door. */
const ANSWER_MS = 4_000;
const READ_BYTES = 16_384;

/** What is asked of which gateway. */
export interface GatewayMappingParts
  extends Pick<Environment, "clock" | "timers" | "random" | "log">, OwnGateway {
  /** 1 to 65535. */
  readonly port: number;
  readonly transports: readonly MappedTransport[];
  /** In seconds. */
  readonly lifetimeSeconds?: number;
  /** 12 bytes by which the gateway knows what it has opened for this node before; drawn unless given. */
  readonly nonce?: Uint8Array;
  /** Which to try; all unless given. */
  readonly protocols?: readonly MappingProtocol[];
  /** Told when what is mapped, or why nothing is, may have changed. */
  readonly onChange: () => void;
}

/** Asks from its making on, until it is closed. */
export class GatewayMapping {
  /** Whom it asks. */
  readonly gateway: OwnGateway;
  readonly #parts: GatewayMappingParts;
  readonly #mapper: PortMapper;
  readonly #socket: DatagramSocket;
  readonly #timer: DeadlineTimer;
  readonly #stop = new AbortController();
  readonly #released = Promise.withResolvers<void>();
  #ports: MappedPorts = {};
  #kind: PortMappingState["kind"] = "asking";

  /** @throws SocketError */
  constructor(parts: GatewayMappingParts) {
    const { clock, gateway, zone, local } = parts;
    this.#parts = parts;
    this.gateway = { gateway, zone, local };
    this.#socket = openUdp({ port: 0, address: local });
    this.#mapper = new PortMapper(clock.now(), parts);
    this.#timer = new DeadlineTimer(parts, () => this.#poll());
    this.#listen().catch((error) => parts.log.error("cannot listen to the gateway", { error }));
    this.#poll();
  }

  /** How it stands. */
  get state(): PortMappingState {
    return this.#mapper.state;
  }

  /** @returns how much was dropped, by reason */
  drops(): Readonly<Record<string, number>> {
    return this.#mapper.drops.snapshot();
  }

  /** Gives back what is mapped. Harmless when repeated. @returns when that is done, or after 3 s */
  async close(): Promise<void> {
    this.#mapper.release(this.#parts.clock.now());
    this.#poll();
    await this.#released.promise;
    this.#timer.set(undefined);
    this.#stop.abort();
    this.#socket.close();
  }

  async #listen(): Promise<void> {
    for (;;) {
      const batch = await this.#socket.receiveBatch();
      if (batch === undefined) return;
      const now = this.#parts.clock.now();
      for (let i = 0; i < batch.count; i++) {
        this.#mapper.handleDatagram(now, batch.datagram(i), batch.source(i));
      }
      this.#poll();
    }
  }

  #poll(): void {
    const mapper = this.#mapper;
    mapper.handleTimeout(this.#parts.clock.now());
    for (let out = mapper.pollTransmit(); out !== undefined; out = mapper.pollTransmit()) {
      this.#socket.send(out.datagram, out.destination);
    }
    for (let request = mapper.pollRequest(); request !== undefined; request = mapper.pollRequest()) {
      void this.#request(request);
    }
    if (mapper.isReleased) this.#released.resolve();
    this.#timer.set(mapper.pollTimeout());
    const { state } = mapper;
    const ports = state.kind === "mapped" ? state.ports : {};
    if (state.kind === this.#kind && equalPorts(ports, this.#ports)) return;
    this.#kind = state.kind;
    this.#ports = ports;
    this.#parts.onChange();
  }

  async #request(request: MappingRequest): Promise<void> {
    const abort = new AbortController();
    const signal = AbortSignal.any([abort.signal, this.#stop.signal]);
    const answer = await withTimeout(this.#parts.timers, ANSWER_MS, fetchAnswer(request, signal));
    abort.abort();
    if (this.#stop.signal.aborted) return;
    this.#mapper.handleAnswer(this.#parts.clock.now(), request.id, answer);
    this.#poll();
  }
}

/** DEVIATION: not by `fetch`, which would ask the environment's proxy, and reads answers without end. Never throws. */
async function fetchAnswer(
  { endpoint, bytes }: MappingRequest,
  signal: AbortSignal,
): Promise<HttpAnswer | undefined> {
  const stream = await dialTcp(endpoint, { timeoutMs: ANSWER_MS, signal });
  if (stream === undefined) return undefined;
  const close = () => stream.close();
  signal.addEventListener("abort", close);
  try {
    if (signal.aborted || !await stream.write(bytes)) return undefined;
    const decoder = new HttpAnswerDecoder();
    const buffer = new Uint8Array(READ_BYTES);
    for (;;) {
      const length = await stream.read(buffer);
      if (length === undefined) decoder.end();
      if (length === undefined || !decoder.push(buffer.subarray(0, length))) return decoder.answer;
    }
  } finally {
    signal.removeEventListener("abort", close);
    stream.close();
  }
}
