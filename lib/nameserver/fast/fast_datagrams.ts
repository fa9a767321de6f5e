/**
 * The fast way, as the control thread sees it.
 * @module
 */

import { type BoundUdp, type StartedWorker, startWorker, WakeUp } from "../../host/mod.ts";
import { DNS_COUNTERS, type DnsCounter } from "../../dns/mod.ts";
import type { QueryService } from "../query_service.ts";
import { ControlSlots, slotMemory } from "./query_slots.ts";
import type { WorkerReport, WorkerSetup } from "./query_worker.ts";

/** Runs a worker, and answers what it has no answer for. */
export class FastDatagrams {
  /** Settles when the worker is gone; `failed` says that nobody has stopped it. */
  readonly ended: Promise<"stopped" | "failed">;
  readonly #service: QueryService;
  readonly #wakeUp: WakeUp;
  readonly #slots: ControlSlots;
  readonly #counts: Float64Array;

  private constructor(
    service: QueryService,
    { setup, wakeUp, worker }: {
      readonly setup: WorkerSetup;
      readonly wakeUp: WakeUp;
      readonly worker: StartedWorker<WorkerReport>;
    },
  ) {
    this.#service = service;
    this.#wakeUp = wakeUp;
    this.#slots = new ControlSlots(setup.slots);
    this.#counts = new Float64Array(setup.counters);
    const { promise, resolve } = Promise.withResolvers<"stopped" | "failed">();
    this.ended = promise.finally(() => wakeUp.close());
    worker.follow((report) => {
      if (report.kind === "asked") this.#serve(report.slots);
      else if (report.kind === "ended") resolve("stopped");
      else if (report.kind === "failed") resolve("failed");
    });
  }

  /**
   * @param sockets bound, they stay the caller's
   * @throws HostError when the worker does not come up
   */
  static async open(sockets: readonly BoundUdp[], service: QueryService): Promise<FastDatagrams> {
    const wakeUp = new WakeUp();
    const setup: WorkerSetup = {
      sockets: sockets.map(({ fd, family }) => ({ fd, family })),
      wakeFd: wakeUp.fd,
      slots: slotMemory(),
      counters: new SharedArrayBuffer(8 * DNS_COUNTERS.length),
      rules: service.rules,
    };
    try {
      const worker = await startWorker<WorkerReport>({
        url: new URL("./query_worker.ts", import.meta.url),
        name: "weft-names",
        what: "the fast name server",
        setup,
        release: () => {
          new ControlSlots(setup.slots).stop();
          wakeUp.wake();
        },
      });
      return new FastDatagrams(service, { setup, wakeUp, worker });
    } catch (error) {
      wakeUp.close();
      throw error;
    }
  }

  /** What was answered before may not hold any more. */
  changeZone(): void {
    this.#slots.changeGeneration();
  }

  /** @returns what the worker has counted */
  counters(): readonly (readonly [DnsCounter, number])[] {
    return DNS_COUNTERS.map((counter, i) => [counter, this.#counts[i] ?? 0]);
  }

  /** Ends the worker; the sockets may be closed then. */
  async close(): Promise<void> {
    this.#slots.stop();
    this.#wakeUp.wake();
    await this.ended;
  }

  #serve(slots: readonly number[]): void {
    for (const slot of slots) {
      // Who asks is not told here, and matters now: whoever asks again is answered by other sockets.
      if (this.#service.hidden !== undefined) {
        this.#slots.answer(slot, undefined, false);
        continue;
      }
      const outcome = this.#service.handle(this.#slots.query(slot), "udp", (later) => {
        this.#slots.answer(slot, later, false);
        this.#wakeUp.wake();
      });
      if (outcome === "dropped") this.#slots.answer(slot, undefined, false);
      else if (outcome !== "pending") this.#slots.answer(slot, outcome.bytes, outcome.isLasting);
    }
    this.#wakeUp.wake();
  }
}
