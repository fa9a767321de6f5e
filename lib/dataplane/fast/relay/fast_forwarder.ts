/**
 * The fast way of a relay's datagrams, as the control thread sees it.
 * @module
 */

import { encodeBase64, utf8Bytes } from "../../../base/mod.ts";
import { HostError, type OffloadUdp, openOffloadUdp, startWorker, WakeUp } from "../../../host/mod.ts";
import {
  FORWARDER_DROPS,
  type ForwarderDrop,
  type ForwarderOptions,
  type LegKey,
  PortPicker,
  type RelayForwarder,
  type RelayPorts,
  type SessionActivity,
} from "../../../relay/mod.ts";
import { commandMemory, CommandWriter } from "../command_ring.ts";
import { MAX_SESSIONS } from "./relay_engine.ts";
import {
  countsMemory,
  dropsMemory,
  type PlainLeg,
  type RelayCommand,
  type RelayReport,
  type RelaySetup,
  SESSION_COUNTS,
} from "./relay_protocol.ts";

/** Runs a worker, and opens the sockets that it uses; they carry as soon as the worker is ready. */
export class FastForwarder implements RelayForwarder {
  readonly kind = "fast";
  readonly ended: Promise<"closed" | "failed">;
  readonly #setup: RelaySetup;
  readonly #wakeUp: WakeUp;
  readonly #commands: CommandWriter;
  readonly #counts: Float64Array;
  readonly #drops: Float64Array;
  readonly #ports: PortPicker;
  /** Those that the worker uses, or is about to. */
  readonly #sockets = new Map<number, readonly [OffloadUdp, OffloadUdp]>();
  #nextSlot = 0;
  readonly #freeSlots: number[] = [];
  #hasEnded = false;

  /** @throws HostError when this host has no foreign functions, or no descriptor left */
  constructor({ ports, rates }: ForwarderOptions) {
    this.#wakeUp = new WakeUp();
    this.#ports = new PortPicker(ports);
    this.#setup = {
      wakeFd: this.#wakeUp.fd,
      commands: commandMemory(),
      counts: countsMemory(),
      drops: dropsMemory(),
      rates,
    };
    this.#commands = new CommandWriter(this.#setup.commands);
    this.#counts = new Float64Array(this.#setup.counts);
    this.#drops = new Float64Array(this.#setup.drops);
    this.ended = this.#run().finally(() => this.#release());
  }

  open(keys: readonly [LegKey, LegKey]): RelayPorts | undefined {
    if (this.#hasEnded) return undefined;
    const slot = this.#freeSlots.pop() ?? (this.#nextSlot < MAX_SESSIONS ? this.#nextSlot++ : undefined);
    if (slot === undefined) return undefined;
    const sockets = this.#openSockets();
    const legs = sockets && [plainLeg(keys[0], sockets[0]), plainLeg(keys[1], sockets[1])] as const;
    if (sockets === undefined || legs === undefined || !this.#send({ kind: "open", slot, legs })) {
      sockets?.forEach((socket) => socket.close());
      this.#freeSlots.push(slot);
      return undefined;
    }
    this.#sockets.set(slot, sockets);
    let last: SessionActivity | undefined;
    return {
      a: sockets[0].port,
      b: sockets[1].port,
      activity: () => last ?? this.#activity(slot),
      close: () => {
        if (last !== undefined) return;
        last = this.#activity(slot);
        this.#send({ kind: "close", slot });
      },
    };
  }

  drops(): Record<ForwarderDrop, number> {
    const entries = FORWARDER_DROPS.map((reason, i) => [reason, this.#drops[i] ?? 0]);
    return Object.fromEntries(entries) as Record<ForwarderDrop, number>;
  }

  async close(): Promise<void> {
    this.#send({ kind: "stop" });
    await this.ended;
  }

  async #run(): Promise<"closed" | "failed"> {
    const { promise, resolve } = Promise.withResolvers<"closed" | "failed">();
    try {
      const worker = await startWorker<RelayReport>({
        url: new URL("./relay_worker.ts", import.meta.url),
        name: "weft-relay",
        what: "the relay",
        setup: this.#setup,
        release: () => this.#send({ kind: "stop" }),
      });
      worker.follow((report) => {
        if (report.kind === "closed") this.#closeSockets(report.slot);
        else if (report.kind === "ended") resolve("closed");
        else if (report.kind === "failed") resolve("failed");
      });
    } catch (error) {
      if (!(error instanceof HostError)) throw error;
      return "failed";
    }
    return await promise;
  }

  /** @returns false when the worker reads no more, or has not read for long */
  #send(command: RelayCommand): boolean {
    if (this.#hasEnded || this.#commands.isClosed) return false;
    const isTaken = this.#commands.tryWrite(utf8Bytes(JSON.stringify(command)));
    this.#wakeUp.wake();
    return isTaken;
  }

  #openSockets(): readonly [OffloadUdp, OffloadUdp] | undefined {
    try {
      return this.#ports.openPair((port) => openOffloadUdp(port));
    } catch (error) {
      if (error instanceof HostError) return undefined;
      throw error;
    }
  }

  #activity(slot: number): SessionActivity {
    const [datagrams = 0, bytes = 0, binds = 0, bound = 0] = this.#counts.subarray(slot * SESSION_COUNTS);
    return { datagrams, bytes, binds, isBound: bound === 1 };
  }

  #closeSockets(slot: number): void {
    const sockets = this.#sockets.get(slot);
    if (sockets === undefined) return;
    this.#sockets.delete(slot);
    for (const socket of sockets) socket.close();
    this.#counts.fill(0, slot * SESSION_COUNTS, (slot + 1) * SESSION_COUNTS);
    this.#freeSlots.push(slot);
  }

  #release(): void {
    this.#hasEnded = true;
    for (const slot of [...this.#sockets.keys()]) this.#closeSockets(slot);
    this.#wakeUp.close();
  }
}

function plainLeg({ id, secret }: LegKey, { fd, family, offloads }: OffloadUdp): PlainLeg {
  return {
    id: encodeBase64(id),
    secret: encodeBase64(secret.exposeBytes()),
    fd,
    family,
    hasGso: offloads.gso,
  };
}
