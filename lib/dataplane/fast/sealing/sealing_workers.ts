/**
 * The sealing workers of an interface, as the control thread sees them.
 * @module
 */

import { type Logger, utf8Bytes } from "../../../base/mod.ts";
import { type OffloadTun, type StartedWorker, startWorker, WakeUp } from "../../../host/mod.ts";
import type { CipherChoice } from "../../packet_plane.ts";
import { commandMemory, CommandWriter } from "../command_ring.ts";
import type { Command, SharedWithFirst } from "../worker_protocol.ts";
import { forgetReceiver, receiveHandoverMemory, receivingMemory } from "../receiving/mod.ts";
import { handoverMemory } from "./handover.ts";
import {
  isIndifferent,
  SEALING_DROPS,
  sealingCommand,
  type SealingReport,
  type SealingSetup,
} from "./sealing_protocol.ts";
import { forgetWorker, noteGiven, sharedMemory } from "./shared_memory.ts";

/** How long the control thread waits for room in a ring before it looks again whether the worker lives. */
const ROOM_WAIT_MS = 100;

/** What all of them begin with. */
export interface SealingStart extends Pick<SealingSetup, "mtuBytes" | "sessionLifeMs" | "firstWakeFd"> {
  readonly tun: OffloadTun;
  readonly cipher: CipherChoice;
  readonly log: Logger;
  wakeFirst(): void;
}

/** One of them, alive. */
interface Member {
  readonly number: number;
  readonly queueFd: number;
  readonly wakeUp: WakeUp;
  readonly commands: CommandWriter;
  /** Sockets that it may still use. */
  readonly sockets: Set<number>;
}

/** They follow the commands of the first worker; one that dies is done without. */
export class SealingWorkers {
  /** Hears that none of them uses a socket any more. */
  onSocketReleased: (fd: number) => void = () => {};
  readonly #start: SealingStart;
  readonly #shared: SharedWithFirst;
  readonly #members = new Map<number, Member>();
  readonly #drops: Float64Array[] = [];
  readonly #ends: Promise<void>[] = [];
  readonly #wakeUps: WakeUp[] = [];
  #isClosing = false;

  private constructor(start: SealingStart, shared: SharedWithFirst) {
    this.#start = start;
    this.#shared = shared;
  }

  /** @returns memory for the workers of an interface, or undefined when it has one queue */
  static share({ queues }: OffloadTun): SharedWithFirst | undefined {
    if (queues === undefined) return undefined;
    const { fds } = queues;
    return {
      memory: sharedMemory(fds.length + 1),
      handovers: fds.map(() => handoverMemory()),
      receiving: { memory: receivingMemory(), handovers: fds.map(() => receiveHandoverMemory()) },
    };
  }

  /**
   * Starts one for each queue but the first; those that do not start are said and done without.
   * @param shared of `share`
   * @returns them, or undefined when there is one queue
   */
  static async open(
    start: SealingStart,
    shared: SharedWithFirst | undefined,
  ): Promise<SealingWorkers | undefined> {
    if (shared === undefined) return undefined;
    const workers = new SealingWorkers(start, shared);
    await Promise.all((start.tun.queues?.fds ?? []).map((queueFd, i) => workers.#open(queueFd, i + 1)));
    return workers;
  }

  /** How many carry packets. */
  get count(): number {
    return this.#members.size;
  }

  /** Tells all what concerns them of a command, before the first worker gets it. */
  send(command: Command): void {
    if (isIndifferent(command)) return;
    const own = sealingCommand(command);
    for (const member of own === undefined ? [] : this.#members.values()) {
      if (own?.kind === "use-socket") member.sockets.add(own.socket.fd);
      tell(member, utf8Bytes(JSON.stringify(own)));
    }
    noteGiven(this.#shared.memory);
  }

  /** Whether one may still use a socket. */
  uses(fd: number): boolean {
    return [...this.#members.values()].some(({ sockets }) => sockets.has(fd));
  }

  /** @returns how many packets were dropped, by reason */
  drops(): ReadonlyMap<string, number> {
    return new Map(SEALING_DROPS.map((reason, i) => [
      reason,
      this.#drops.reduce((sum, drops) => sum + (drops[i] ?? 0), 0),
    ]));
  }

  /** Stops all, when the first worker has ended. @returns when none uses anything any more */
  async close(): Promise<void> {
    this.#isClosing = true;
    this.send({ kind: "stop" });
    await Promise.all(this.#ends);
    // The first worker has written to them until it ended, and so has whoever sent commands.
    for (const wakeUp of this.#wakeUps) wakeUp.close();
  }

  async #open(queueFd: number, number: number): Promise<void> {
    const { tun, log, mtuBytes, sessionLifeMs, firstWakeFd, cipher } = this.#start;
    let wakeUp: WakeUp;
    try {
      wakeUp = new WakeUp();
      this.#wakeUps.push(wakeUp);
    } catch (error) {
      tun.queues?.close(queueFd);
      return log.warn("a sealing worker does not start", { interface: tun.name, error });
    }
    const setup: SealingSetup = {
      mtuBytes,
      sessionLifeMs,
      cipher,
      queueFd,
      wakeFd: wakeUp.fd,
      firstWakeFd,
      worker: number,
      commands: commandMemory(),
      shared: this.#shared.memory,
      handover: this.#shared.handovers[number - 1] ?? handoverMemory(),
      receiving: this.#shared.receiving.memory,
      receiveHandover: this.#shared.receiving.handovers[number - 1] ?? receiveHandoverMemory(),
      joinsUdp: tun.offloads.uso,
      drops: new SharedArrayBuffer(SEALING_DROPS.length * 8),
    };
    const commands = new CommandWriter(setup.commands);
    const member: Member = { number, queueFd, wakeUp, commands, sockets: new Set() };
    try {
      const worker = await startWorker<SealingReport>({
        url: new URL("./sealing_worker.ts", import.meta.url),
        name: `weft-seal-${number}`,
        what: "a sealing worker",
        setup,
        release: () => tell(member, utf8Bytes(JSON.stringify({ kind: "stop" }))),
      });
      this.#members.set(number, member);
      this.#drops.push(new Float64Array(setup.drops));
      this.#ends.push(this.#follow(worker, member));
    } catch (error) {
      log.warn("a sealing worker does not start", { interface: tun.name, error });
      this.#release(member);
    }
  }

  /** Settles when the worker has ended. */
  #follow(worker: StartedWorker<SealingReport>, member: Member): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const { tun, log } = this.#start;
    worker.follow((report) => {
      if (report.kind === "socket-released") this.#releaseSocket(member, report.fd);
      else if (report.kind === "failed" || report.kind === "ended") {
        if (report.kind === "failed" && !this.#isClosing) {
          log.warn("a sealing worker has died; the others go on", {
            interface: tun.name,
            why: report.message,
          });
        }
        this.#members.delete(member.number);
        this.#release(member);
        resolve();
      }
    });
    return promise;
  }

  #releaseSocket(member: Member, fd: number): void {
    member.sockets.delete(fd);
    if (!this.uses(fd)) this.onSocketReleased(fd);
  }

  /** It uses nothing any more: the kernel sends its packets to the other queues. */
  #release(member: Member): void {
    forgetWorker(this.#shared.memory, member.number);
    forgetReceiver(this.#shared.receiving.memory, member.number);
    this.#start.wakeFirst();
    this.#start.tun.queues?.close(member.queueFd);
    for (const fd of [...member.sockets]) this.#releaseSocket(member, fd);
  }
}

function tell({ commands, wakeUp }: Member, bytes: Uint8Array): void {
  while (!commands.tryWrite(bytes)) {
    // It has ended; that is told when this turn is over.
    if (commands.isClosed) return;
    wakeUp.wake();
    commands.waitForRoom(ROOM_WAIT_MS);
  }
  wakeUp.wake();
}
