/**
 * Probes through the tunnel: a socket on this node's overlay address that asks, and answers who asks.
 * @module
 */

import { withTimeout } from "../../base/mod.ts";
import { EchoProber } from "../../health/mod.ts";
import { Endpoint, IpAddress } from "../../net/mod.ts";
import { LocalDatagrams } from "../../transport/mod.ts";
import type { AgentContext } from "../agent_context.ts";

/** Where every node answers, on its overlay address. */
const ECHO_PORT = 45679;

/**
 * Asks and answers. It goes the whole way that a packet goes: both hosts' routes, both tunnels, and a socket behind
 * each. Nobody needs a privilege for it, and a member's address is as good as its key, since the tunnel checks it.
 */
export class HealthEcho {
  readonly #context: AgentContext;
  readonly #address: IpAddress;
  readonly #prober: EchoProber;
  readonly #waiting = new Map<string, (rttMs: number | undefined) => void>();
  #socket: LocalDatagrams | undefined;

  /** @param address this node's overlay address */
  constructor(context: AgentContext, address: IpAddress) {
    this.#context = context;
    this.#address = address;
    const { random, mesh: { roster } } = context;
    const isPeer = (source: string): boolean => {
      const address = IpAddress.parse(source);
      return address !== undefined && roster.byAddress(address) !== undefined;
    };
    this.#prober = new EchoProber({ random, isPeer });
  }

  /** Opens the socket; when that fails, nobody is probed and nobody answered, which the log says. */
  start(): void {
    const { log } = this.#context;
    const address = this.#address;
    try {
      this.#socket = LocalDatagrams.open({ address, port: ECHO_PORT });
    } catch (error) {
      log.warn("no probes through the tunnel", { at: `${address}:${ECHO_PORT}`, error });
      return;
    }
    this.#listen(this.#socket).catch((error) => log.error("cannot answer probes", { error }));
  }

  get isOpen(): boolean {
    return this.#socket !== undefined;
  }

  /**
   * Asks once.
   * @returns milliseconds there and back, or undefined when nothing came within `timeoutMs`
   */
  async ask(address: IpAddress, timeoutMs: number): Promise<number | undefined> {
    const { clock, timers } = this.#context;
    if (this.#socket === undefined) return undefined;
    const { question, datagram } = this.#prober.ask(clock.now(), address.toString());
    const { promise, resolve } = Promise.withResolvers<number | undefined>();
    this.#waiting.set(question, resolve);
    this.#socket.send(datagram, new Endpoint(address, ECHO_PORT));
    return await withTimeout(timers, timeoutMs, promise).finally(() => {
      this.#waiting.delete(question);
      this.#prober.forget(question);
    });
  }

  /** @returns how many datagrams were dropped, by reason */
  drops(): Readonly<Record<string, number>> {
    return this.#prober.drops.snapshot();
  }

  /** Closes the socket; probes under way get no answer. */
  close(): void {
    this.#socket?.close();
    for (const resolve of this.#waiting.values()) resolve(undefined);
  }

  async #listen(socket: LocalDatagrams): Promise<void> {
    const { clock } = this.#context;
    for (;;) {
      const received = await socket.receive();
      if (received === undefined) return;
      const { datagram, source } = received;
      const outcome = this.#prober.handleDatagram(clock.now(), datagram, source.address.toString());
      if (outcome?.kind === "reply") socket.send(outcome.datagram, source);
      if (outcome?.kind === "answered") this.#waiting.get(outcome.question)?.(outcome.rttMs);
    }
  }
}
