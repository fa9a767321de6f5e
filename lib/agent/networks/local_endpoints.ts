/**
 * The devices of this host's endpoints, as long as the endpoints are there: made, made again when they vanish, and taken away
 * when nothing uses them any more.
 *
 *     wanted --open--> up --unwanted, changed--> closing --port-released--> closed
 *                      up --port-gone----------> closing --port-released--> failed --later--> up
 *     wanted --open fails----------------------------------------------> failed --later--> up
 *
 * @module
 */

import { type Clock, type Logger, type Millis, type Timers, WeftError } from "../../base/mod.ts";
import type { PortDevice } from "../../dataplane/mod.ts";
import { endpointKey } from "../../overlay/mod.ts";
import type { DeviceOpener, DeviceWish, OpenDevice } from "./endpoint_device.ts";

/** A device that cannot be made is tried again after so long, then after twice as long, and so on. */
const RETRY_MS = { first: 1_000, most: 10_000 };
/** One that was up for so long begins anew with the first pause when it vanishes. */
const STEADY_MS = 60_000;
/** How long the plane may take to let go of all devices when the agent stops. */
const RELEASE_TIMEOUT_MS = 2_000;

/** How an endpoint of this host is doing. */
export interface LocalState {
  readonly state: "up" | "blocked" | "failed";
  readonly device?: string;
  readonly problem?: string;
  readonly hint?: string;
}

/** A device that frames may go to. */
export interface ReadyPort {
  readonly port: number;
  readonly device: PortDevice;
}

interface Local {
  /** What it was made of, to tell whether it is another one now. */
  readonly mark: string;
  /** Whether its device is in the agent's own namespace, and the agent's. */
  readonly isHere: boolean;
  open: { readonly port: number; readonly device: OpenDevice; readonly since: Millis } | undefined;
  /** Until then it leads back to the network by another way. */
  blockedUntil: Millis | undefined;
  failure: { readonly error: unknown; readonly retryAt: Millis; readonly pauseMs: number } | undefined;
}

/** What it works with. */
export interface LocalEndpointParts {
  readonly open: DeviceOpener;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly log: Logger;
  /** Numbers of ports, each used once. */
  readonly nextPort: () => number;
  /** Something may be made, or made again, now. */
  readonly onChange: () => void;
}

/** Keeps a device for each endpoint that is wanted. */
export class LocalEndpoints {
  readonly #parts: LocalEndpointParts;
  readonly #locals = new Map<string, Local>();
  /** Devices that the plane may still use. */
  readonly #closing = new Map<
    number,
    { readonly key: string; readonly device: OpenDevice; isHere: boolean }
  >();
  #cancelTimer: (() => void) | undefined;
  #onReleased: (() => void) | undefined;

  constructor(parts: LocalEndpointParts) {
    this.#parts = parts;
  }

  /** Devices that are to be there and are, by the keys of their endpoints. */
  get ready(): ReadonlyMap<string, ReadyPort> {
    const ready = new Map<string, ReadyPort>();
    for (const [key, { open }] of this.#locals) {
      if (open !== undefined) ready.set(key, { port: open.port, device: open.device.port });
    }
    return ready;
  }

  /** The names of devices that were made here and are still there: not those in other namespaces, nor what is bridged in. */
  get deviceNames(): ReadonlySet<string> {
    const names = new Set<string>();
    for (const { open, isHere } of this.#locals.values()) {
      if (open !== undefined && isHere) names.add(open.device.name);
    }
    for (const { device, isHere } of this.#closing.values()) if (isHere) names.add(device.name);
    return names;
  }

  /**
   * Has devices for these and for no others. What goes is closed when `handleReleased` says so.
   * @returns the ports that are not to be used any more
   */
  follow(wishes: readonly DeviceWish[]): readonly number[] {
    const wanted = new Map(wishes.map((wish) => [endpointKey(wish.endpoint), wish]));
    const gone: number[] = [];
    for (const [key, local] of this.#locals) {
      const wish = wanted.get(key);
      if (wish !== undefined && markOf(wish) === local.mark) continue;
      this.#retire(key, local, gone);
      this.#locals.delete(key);
    }
    const closing = new Set(Array.from(this.#closing.values(), ({ key }) => key));
    const now = this.#parts.clock.now();
    for (const [key, wish] of wanted) {
      let local = this.#locals.get(key);
      if (local === undefined) {
        const { netns, attach } = wish.options;
        const isHere = netns === undefined && attach === undefined;
        local = { mark: markOf(wish), isHere, open: undefined, blockedUntil: undefined, failure: undefined };
        this.#locals.set(key, local);
      }
      // Its name is free again when the former device is gone.
      if (local.open === undefined && !closing.has(key) && (local.failure?.retryAt ?? now) <= now) {
        this.#open(key, local, wish);
      }
    }
    this.#wait();
    return gone;
  }

  /** The device of a port is gone. @returns whether it was one of these, whose port is not to be used any more */
  handleGone(port: number): boolean {
    for (const [key, local] of this.#locals) {
      if (local.open?.port !== port) continue;
      const { clock, log } = this.#parts;
      const wasSteady = clock.now() - local.open.since >= STEADY_MS;
      log.warn("the device of an endpoint is gone", { endpoint: key, device: local.open.device.name });
      this.#fail(local, new Error("its device is gone"), wasSteady ? undefined : local.failure?.pauseMs);
      this.#retire(key, local, []);
      this.#wait();
      return true;
    }
    return false;
  }

  /** A port leads back to its network by another way. */
  handleLoop(port: number, blockedMs: number): void {
    const { clock } = this.#parts;
    for (const local of this.#locals.values()) {
      if (local.open?.port === port) local.blockedUntil = (clock.now() + blockedMs) as Millis;
    }
  }

  /** Nothing uses the device of a port any more. */
  handleReleased(port: number): void {
    const closing = this.#closing.get(port);
    if (closing === undefined) return;
    this.#closing.delete(port);
    closing.device.close();
    if (this.#closing.size === 0) this.#onReleased?.();
    this.#parts.onChange();
  }

  /** @returns how an endpoint of this host is doing; undefined for one that is not wanted here */
  state(key: string): LocalState | undefined {
    const local = this.#locals.get(key);
    if (local === undefined) return undefined;
    const { open, failure, blockedUntil } = local;
    if (open !== undefined) {
      const isBlocked = blockedUntil !== undefined && blockedUntil > this.#parts.clock.now();
      const loop = { problem: "it leads back to the network by another way" };
      return { state: isBlocked ? "blocked" : "up", device: open.device.name, ...isBlocked && loop };
    }
    const { error } = failure ?? { error: new Error("its former device is still there") };
    const hint = error instanceof WeftError ? error.hint : undefined;
    const problem = error instanceof Error ? error.message : String(error);
    return { state: "failed", problem, ...hint !== undefined && { hint } };
  }

  /** @returns why an endpoint has no device; undefined when it has one */
  failure(key: string): unknown {
    const local = this.#locals.get(key);
    return local?.open === undefined ? local?.failure?.error : undefined;
  }

  /** Whether the endpoint's device waits for a former one to be closed. */
  isWaiting(key: string): boolean {
    const local = this.#locals.get(key);
    return local !== undefined && local.open === undefined && local.failure === undefined;
  }

  /** Closes everything once the plane has let go of it; the ports must have been removed from it. */
  async close(): Promise<void> {
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
    for (const [key, local] of this.#locals) this.#retire(key, local, []);
    this.#locals.clear();
    if (this.#closing.size > 0) {
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#onReleased = resolve;
      const cancel = this.#parts.timers.setTimer(RELEASE_TIMEOUT_MS, resolve);
      await promise;
      cancel();
    }
    for (const { device } of this.#closing.values()) device.close();
    this.#closing.clear();
  }

  #open(key: string, local: Local, wish: DeviceWish): void {
    const { open, clock, nextPort, log } = this.#parts;
    try {
      local.open = { port: nextPort(), device: open(wish), since: clock.now() };
      log.info("endpoint up", { endpoint: key, device: local.open.device.name });
    } catch (error) {
      if (local.failure === undefined) {
        log.warn("cannot make the device of an endpoint", { endpoint: key, error });
      }
      this.#fail(local, error, local.failure?.pauseMs);
    }
  }

  #fail(local: Local, error: unknown, lastPauseMs: number | undefined): void {
    const pauseMs = lastPauseMs === undefined ? RETRY_MS.first : Math.min(2 * lastPauseMs, RETRY_MS.most);
    local.failure = { error, pauseMs, retryAt: (this.#parts.clock.now() + pauseMs) as Millis };
  }

  #retire(key: string, local: Local, gone: number[]): void {
    if (local.open === undefined) return;
    const { port, device } = local.open;
    this.#closing.set(port, { key, device, isHere: local.isHere });
    gone.push(port);
    local.open = undefined;
  }

  /** Comes back when the next one may be tried again. */
  #wait(): void {
    const { timers, clock, onChange } = this.#parts;
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
    let next = Infinity;
    for (const { open, failure } of this.#locals.values()) {
      if (open === undefined && failure !== undefined) next = Math.min(next, failure.retryAt);
    }
    if (next === Infinity) return;
    this.#cancelTimer = timers.setTimer(Math.max(0, next - clock.now()), () => {
      this.#cancelTimer = undefined;
      onChange();
    });
  }
}

function markOf({ endpoint: { mac, addresses }, options, blocks, mtuBytes, hasHeader }: DeviceWish): string {
  return JSON.stringify([
    String(mac),
    addresses.map(String),
    options,
    blocks.map(String),
    mtuBytes,
    hasHeader,
  ]);
}
