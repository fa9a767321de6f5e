/**
 * Asks the gate about what goes somewhere.
 * @module
 */

import type { Millis } from "../../base/mod.ts";
import type { EthernetHeader } from "../../net/mod.ts";
import { ANSWERED, PASS } from "./decision.ts";
import { DROPPED } from "./frame_counts.ts";
import { FORWARD, type Forwarding } from "./frame_forwarder.ts";
import { ADMISSION, type FrameGate, type FrameWay } from "./frame_gate.ts";
import type { FrameRouter } from "./frame_router.ts";
import type { PortState } from "./switch_state.ts";

/** The router, and the gate behind it. */
export class GatedRouter {
  readonly #router: FrameRouter;
  readonly #ports: ReadonlyMap<number, PortState>;
  readonly #gate: FrameGate | undefined;
  readonly #way: FrameWay = {
    network: 0,
    from: 0,
    isFromLocal: false,
    to: 0,
    isToLocal: false,
    mayHold: true,
  };

  /** @param gate lets everything pass unless given */
  constructor(router: FrameRouter, ports: ReadonlyMap<number, PortState>, gate: FrameGate | undefined) {
    this.#router = router;
    this.#ports = ports;
    this.#gate = gate;
  }

  /**
   * @param end where the frame ends
   * @param frames how many it is cut into
   * @param mayHold whether it goes as it is
   * @returns `PASS`, `ANSWERED` when it is held, or why it is dropped
   */
  route(
    now: Millis,
    from: PortState,
    header: EthernetHeader,
    bytes: Uint8Array,
    at: number,
    end: number,
    frames: number,
    out: Forwarding,
    mayHold: boolean,
  ): number {
    const decision = this.#router.route(now, from, header, bytes, frames, out);
    const gate = this.#gate;
    if (decision !== PASS || gate === undefined || gate.isIdle) return decision;
    const way = this.#way;
    const isOne = out.action === FORWARD.ONE;
    way.network = from.network.definition.network;
    way.from = from.port;
    way.isFromLocal = from.isLocal;
    way.to = isOne ? out.port : -1;
    way.isToLocal = isOne && this.#ports.get(out.port)?.isLocal === true;
    way.mayHold = mayHold && isOne;
    switch (gate.admit(now, way, header, bytes, at, end - at, frames)) {
      case ADMISSION.HELD:
        return ANSWERED;
      case ADMISSION.DENIED:
        return DROPPED.policy;
      case ADMISSION.LIMITED:
        return DROPPED["rate-limit"];
      default:
        return PASS;
    }
  }
}
