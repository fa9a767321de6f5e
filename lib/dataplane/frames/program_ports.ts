/**
 * Ports whose other end is this program: frames go in and out by calls, without a device and without privileges.
 * @module
 */

import { BoundedQueue, type Timers } from "../../base/mod.ts";

/** Frames that wait for one program; what comes when there are so many is dropped. */
const MAX_WAITING_FRAMES = 512;
/** What waits for all programs together, in bytes; the same. */
const MAX_WAITING_BYTES = 16 << 20;
/** Handlers may answer at once, and what they say may be for each other: a turn ends some time. */
const FRAMES_PER_TURN = 512;

/** Is handed each frame, in memory of its own. */
export type ProgramHandler = (frame: Uint8Array<ArrayBuffer>) => void;

interface Program {
  readonly onFrame: ProgramHandler;
  readonly queue: BoundedQueue<Uint8Array<ArrayBuffer>>;
  /** The port that it is the device of. */
  port: number | undefined;
}

/** The programs of one plane. */
export class ProgramPorts {
  readonly #programs = new Map<number, Program>();
  readonly #byPort = new Map<number, Program>();
  readonly #ready = new Set<Program>();
  readonly #timers: Timers;
  readonly #handleFrame: (port: number, frame: Uint8Array) => void;
  #waitingBytes = 0;
  #isDelivering = false;
  #cancelTimer: (() => void) | undefined;
  #nextId = 1;

  /** @param handleFrame is given what programs send */
  constructor(timers: Timers, handleFrame: (port: number, frame: Uint8Array) => void) {
    this.#timers = timers;
    this.#handleFrame = handleFrame;
  }

  /** @returns the id, for the port's `device` */
  open(onFrame: ProgramHandler): number {
    const id = this.#nextId++;
    this.#programs.set(id, { onFrame, queue: new BoundedQueue(MAX_WAITING_FRAMES), port: undefined });
    return id;
  }

  /** Nothing is delivered any more. Harmless when repeated. */
  close(id: number): void {
    const program = this.#programs.get(id);
    if (program === undefined) return;
    this.#programs.delete(id);
    this.#forget(program);
    if (program.port !== undefined) this.#byPort.delete(program.port);
    program.port = undefined;
  }

  /** @throws RangeError when no program has the id */
  attach(port: number, id: number): void {
    const program = this.#programs.get(id);
    if (program === undefined) throw new RangeError(`Cannot attach the program ${id}: it was not opened`);
    program.port = port;
    this.#byPort.set(port, program);
  }

  /** @returns whether a program was there */
  detach(port: number): boolean {
    const program = this.#byPort.get(port);
    if (program === undefined) return false;
    this.#byPort.delete(port);
    this.#forget(program);
    program.port = undefined;
    return true;
  }

  has(port: number): boolean {
    return this.#byPort.has(port);
  }

  /** Sends a frame, which may be used again when it returns. @returns false when the program is at no port */
  send(id: number, frame: Uint8Array): boolean {
    const port = this.#programs.get(id)?.port;
    if (port === undefined) return false;
    this.#handleFrame(port, frame);
    return true;
  }

  /** Keeps a frame for the program at a port, until `deliver`. @returns false when it has too many */
  push(port: number, bytes: Uint8Array, at: number, lengthBytes: number): boolean {
    const program = this.#byPort.get(port);
    if (program === undefined) return false;
    if (program.queue.size >= MAX_WAITING_FRAMES) return false;
    if (this.#waitingBytes + lengthBytes > MAX_WAITING_BYTES) return false;
    program.queue.push(bytes.slice(at, at + lengthBytes) as Uint8Array<ArrayBuffer>);
    this.#waitingBytes += lengthBytes;
    this.#ready.add(program);
    return true;
  }

  /** Hands over what waits; to be called when the plane is in no other call. */
  deliver(): void {
    if (this.#isDelivering || this.#ready.size === 0) return;
    this.#isDelivering = true;
    try {
      let left = FRAMES_PER_TURN;
      for (const program of this.#ready) {
        this.#ready.delete(program);
        for (let frame = program.queue.shift(); frame !== undefined; frame = program.queue.shift()) {
          this.#waitingBytes -= frame.length;
          if (--left < 0) {
            if (program.queue.size > 0) this.#ready.add(program);
            this.#hand(program, frame);
            return this.#deliverLater();
          }
          this.#hand(program, frame);
        }
      }
    } finally {
      this.#isDelivering = false;
    }
  }

  /** Delivers nothing any more. */
  stop(): void {
    this.#cancelTimer?.();
    for (const id of [...this.#programs.keys()]) this.close(id);
  }

  /** What a program throws is not the concern of whoever has sent the frame: it is thrown by itself, when this turn is over. */
  #hand({ onFrame }: Program, frame: Uint8Array<ArrayBuffer>): void {
    try {
      onFrame(frame);
    } catch (error) {
      this.#timers.setTimer(0, () => {
        throw error;
      });
    }
  }

  #deliverLater(): void {
    this.#cancelTimer ??= this.#timers.setTimer(0, () => {
      this.#cancelTimer = undefined;
      this.deliver();
    });
  }

  #forget({ queue }: Program): void {
    for (let frame = queue.shift(); frame !== undefined; frame = queue.shift()) {
      this.#waitingBytes -= frame.length;
    }
  }
}
