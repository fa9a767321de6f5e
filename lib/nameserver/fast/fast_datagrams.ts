/**
 * The fast way, as the control thread sees it.
 * @module
 */

import { type BoundUdp, HostError, WakeUp } from "../../host/mod.ts";
import type { DnsCounter } from "../../dns/mod.ts";
import type { QueryService } from "../query_service.ts";
import { ControlSlots, slotMemory } from "./query_slots.ts";
import type { GateRules } from "./source_gate.ts";
import { counterMemory, readCounters, type WorkerReport, type WorkerSetup } from "./worker_protocol.ts";

/** Loading its modules takes a fraction of it, on a busy machine too. */
const START_BOUND_MS = 30_000;

/** What it is made of; the sockets stay the caller's. */
export interface FastDatagramsParts {
  readonly sockets: readonly BoundUdp[];
  readonly service: QueryService;
  readonly rules: GateRules;
}

/** Runs a worker, and answers what it has no answer for. */
export class FastDatagrams {
  /** Settles when the worker is gone; `failed` says that nobody has stopped it. */
  readonly ended: Promise<"stopped" | "failed">;
  readonly #service: QueryService;
  readonly #wakeUp: WakeUp;
  readonly #slots: ControlSlots;
  readonly #counters: SharedArrayBuffer;

  private constructor(service: QueryService, { setup, wakeUp, worker }: StartedWorker) {
    this.#service = service;
    this.#wakeUp = wakeUp;
    this.#slots = new ControlSlots(setup.slots);
    this.#counters = setup.counters;
    const { promise, resolve } = Promise.withResolvers<"stopped" | "failed">();
    this.ended = promise.finally(() => wakeUp.close());
    worker.onmessage = ({ data }: MessageEvent<WorkerReport>) => {
      if (data.kind === "asked") this.#serve(data.slots);
      else if (data.kind === "ended") resolve("stopped");
      else if (data.kind === "failed") resolve("failed");
    };
    worker.onerror = (event) => {
      event.preventDefault();
      resolve("failed");
    };
  }

  /** @throws HostError when the worker does not come up */
  static async open({ sockets, service, rules }: FastDatagramsParts): Promise<FastDatagrams> {
    const plain = sockets.map(({ fd, family }) => ({ fd, family }));
    return new FastDatagrams(service, await startWorker(plain, rules));
  }

  /** What was answered before may not hold any more. */
  changeZone(): void {
    this.#slots.changeGeneration();
  }

  /** @returns what the worker has counted */
  counters(): readonly (readonly [DnsCounter, number])[] {
    return readCounters(this.#counters);
  }

  /** Ends the worker; the sockets may be closed then. */
  async close(): Promise<void> {
    this.#slots.stop();
    this.#wakeUp.wake();
    await this.ended;
  }

  #serve(slots: readonly number[]): void {
    for (const slot of slots) {
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

interface StartedWorker {
  readonly setup: WorkerSetup;
  readonly wakeUp: WakeUp;
  readonly worker: Worker;
}

async function startWorker(sockets: WorkerSetup["sockets"], rules: GateRules): Promise<StartedWorker> {
  const wakeUp = new WakeUp();
  const slots = slotMemory();
  const setup: WorkerSetup = { sockets, wakeFd: wakeUp.fd, slots, counters: counterMemory(), rules };
  const worker = new Worker(new URL("./worker.ts", import.meta.url), { type: "module", name: "weft-names" });
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const fail = (why: string): void => reject(new HostError(`Cannot start the fast name server: ${why}`));
  worker.onmessage = ({ data }: MessageEvent<WorkerReport>) => {
    if (data.kind === "ready") resolve();
    else if (data.kind === "failed") fail(data.message);
  };
  worker.onerror = (event) => {
    event.preventDefault();
    fail(event.message);
  };
  const timer = setTimeout(() => fail(`it is not ready after ${START_BOUND_MS} ms`), START_BOUND_MS);
  worker.postMessage(setup);
  try {
    await promise;
    return { setup, wakeUp, worker };
  } catch (error) {
    // A thread that is blocked has to be woken before it can end.
    new ControlSlots(slots).stop();
    wakeUp.wake();
    worker.terminate();
    throw error;
  } finally {
    clearTimeout(timer);
  }
}
