/**
 * Answers that are streams, from where a call is settled until they have been read.
 * @module
 */

import type { CallPath } from "./call_options.ts";
import type { PendingCall } from "./pending_calls.ts";
import { CallError, failure, type WireFailure } from "../errors.ts";
import type { PeerId, ServiceStream } from "../ports.ts";
import type { RuntimeBase } from "../runtime_base.ts";
import { showPath } from "../topics/mod.ts";
import { receiveItems, RESET_CANCELED } from "../wire/mod.ts";

interface OpenAnswer {
  readonly peer: PeerId;
  readonly stream: ServiceStream;
  /** Ends it; whoever reads it gets the reason. */
  readonly control: AbortController;
}

/** Those of one caller. */
export class OpenAnswers {
  readonly #base: Pick<RuntimeBase, "clock" | "timers" | "carrier">;
  readonly #open = new Map<PendingCall, OpenAnswer>();

  constructor(base: Pick<RuntimeBase, "clock" | "timers" | "carrier">) {
    this.#base = base;
  }

  /**
   * Takes one in until it has ended: by itself, by its reader, its caller, or the deadline where that bounds it.
   * @param stream what carries it
   * @returns its items
   */
  add(call: PendingCall, peer: PeerId, stream: ServiceStream): ReadableStream<unknown> {
    const { clock, timers, carrier } = this.#base;
    const { deadline, boundsStream = false, path } = call.order;
    const control = new AbortController();
    const cancelTimer = boundsStream
      ? timers.setTimer(
        Math.max(0, deadline - clock.now()),
        () =>
          this.end(
            call,
            failure("Timeout", `No end of the answer from ${showPath(path.text)} in time`, true),
          ),
      )
      : () => {};
    this.#open.set(call, { peer, stream, control });
    return receiveItems(stream, carrier.account(peer), () => {
      cancelTimer();
      if (this.#open.delete(call)) call.end.onOver();
    }, control.signal);
  }

  /** Breaks the answer of a call, and what its caller streams; harmless when there is none. */
  end(call: PendingCall, reason: WireFailure): void {
    this.#open.get(call)?.control.abort(new CallError(reason));
    call.items?.reset(RESET_CANCELED);
  }

  /** Breaks all of them. */
  close(reason: WireFailure): void {
    for (const call of [...this.#open.keys()]) this.end(call, reason);
  }

  /** Breaks those for which there is a reason. */
  endForbidden(why: (peer: PeerId, path: CallPath) => WireFailure | undefined): void {
    for (const [call, { peer }] of [...this.#open]) {
      const reason = why(peer, call.order.path);
      if (reason !== undefined) this.end(call, reason);
    }
  }
}
