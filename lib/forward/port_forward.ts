/**
 * A port of this host that leads to one place in the mesh: `weft forward 8080:web:80`.
 * @module
 */

import { type Dial, isRefusal, type Refusal, REFUSAL_CODES } from "./dial.ts";
import type { ForwardSpec } from "./forward_spec.ts";
import { type ListenerLimits, LocalListener } from "./local_listener.ts";
import { relay } from "./relay.ts";
import type { TcpDuplex } from "./tcp_duplex.ts";

/** Dials for every connection, and relays. A program whose connection is refused sees it closed. */
export class PortForward extends LocalListener {
  readonly #spec: ForwardSpec;
  readonly #onRefused: (refusal: Refusal) => void;

  /** @param options where it listens and leads, its limits, and who is told why a connection was not made */
  constructor(
    dial: Dial,
    { spec, onRefused = () => {}, ...limits }: ListenerLimits & {
      readonly spec: ForwardSpec;
      readonly onRefused?: (refusal: Refusal) => void;
    },
  ) {
    super(dial, { hostname: spec.bind, port: spec.port, ...limits });
    this.#spec = spec;
    this.#onRefused = onRefused;
  }

  protected override async serve(client: TcpDuplex, signal: AbortSignal): Promise<void> {
    const remote = await this.dial({ host: this.#spec.targetHost, port: this.#spec.targetPort }, signal);
    if (!isRefusal(remote)) return void await relay(client, remote, signal);
    client.reset(REFUSAL_CODES[remote.refusal]);
    if (!signal.aborted) this.#onRefused(remote.refusal);
  }
}
