/**
 * A port of this host that leads to one place in the mesh: `weft forward 8080:web:80`.
 * @module
 */

import { Counters } from "../base/mod.ts";
import { type Dial, dialWithin, isRefusal, type Refusal, REFUSAL_CODES, REFUSALS } from "./dial.ts";
import type { ForwardSpec } from "./forward_spec.ts";
import { type ListenerCounts, LocalListener } from "./local_listener.ts";
import { relay } from "./relay.ts";
import type { TcpDuplex } from "./tcp_duplex.ts";

/** Where a forwarded port is and leads, how it gets there, and its limits. */
export interface PortForwardOptions {
  readonly spec: ForwardSpec;
  /** How many connections may be open, 1,024 unless given. */
  readonly maxConnections?: number;
  /** How long `dial` may take, 30 s unless given. */
  readonly dialTimeoutMs?: number;
  /** Told why a connection was not made. */
  readonly onRefused?: (refusal: Refusal) => void;
}

/** What a forwarded port has counted: connections, those that were relayed, those that were refused by reason. */
export type ForwardCounts = ListenerCounts & Readonly<Record<Refusal | "connected", number>>;

/** Dials for every connection, and relays. A program whose connection is refused sees it closed. */
export class PortForward extends LocalListener {
  /** What it was made with. */
  readonly spec: ForwardSpec;
  readonly #dial: Dial;
  readonly #outcomes = new Counters<Refusal | "connected">(["connected", ...REFUSALS]);
  readonly #dialTimeoutMs: number;
  readonly #onRefused: (refusal: Refusal) => void;

  constructor(dial: Dial, options: PortForwardOptions) {
    const { spec, maxConnections = 1_024, dialTimeoutMs = 30_000, onRefused = () => {} } = options;
    super({ hostname: spec.bind, port: spec.port, maxConnections });
    this.spec = spec;
    this.#dial = dial;
    this.#dialTimeoutMs = dialTimeoutMs;
    this.#onRefused = onRefused;
  }

  /** What it has counted so far. */
  get counts(): ForwardCounts {
    return { ...this.#outcomes.snapshot(), ...this.connections };
  }

  protected override async serve(client: TcpDuplex, signal: AbortSignal): Promise<void> {
    const { targetHost: host, targetPort: port } = this.spec;
    const remote = await dialWithin(this.#dial, { host, port }, { signal, timeoutMs: this.#dialTimeoutMs });
    if (isRefusal(remote)) {
      this.#outcomes.count(remote.refusal);
      client.reset(REFUSAL_CODES[remote.refusal]);
      if (!signal.aborted) this.#onRefused(remote.refusal);
      return;
    }
    this.#outcomes.count("connected");
    await relay(client, remote, { signal });
  }
}
