/**
 * Where servers of STUN see the very socket that WireGuard uses, which nobody else can tell where no member sees this node's
 * datagrams from outside its NAT: no leader takes UDP, or all that have a path here are behind the same NAT. Only servers
 * that the user names are asked.
 * @module
 */

import { DeadlineTimer, type Environment, type Millis, millis, repeat } from "../../base/mod.ts";
import type { Endpoint } from "../../net/mod.ts";
import { MappedAddresses, type StunDropReason } from "../../stun/mod.ts";
import type { OwnCandidates } from "./own_candidates.ts";
import type { PathContext, PathHelper, PathPlane } from "./path_watch.ts";

/** How often names are looked up while none is found, and afterwards. */
const MISSED_MS = 30_000;
const FOUND_MS = 300_000;

/** What the watch works with. */
export interface StunWatchParts
  extends Pick<PathContext, "clock" | "timers" | "log">, Pick<Environment, "random"> {
  readonly plane: Pick<PathPlane, "sendProbe">;
  readonly endpoints: Pick<PathContext["endpoints"], "isOverMesh">;
  /** Is told what was heard. */
  readonly own: Pick<OwnCandidates, "setMapped">;
  /** @returns where the servers are now, by their names; never throws */
  readonly findServers: () => Promise<readonly Endpoint[]>;
}

/** Asks as long as it is open. */
export class StunWatch implements PathHelper {
  readonly #parts: StunWatchParts;
  readonly #mapped: MappedAddresses;
  readonly #timer: DeadlineTimer;
  readonly #resources = new DisposableStack();
  #said = "";
  #lookUpAt: Millis = millis(0);
  #isClosed = false;

  constructor(parts: StunWatchParts) {
    this.#parts = parts;
    this.#mapped = new MappedAddresses(parts.random);
    this.#timer = new DeadlineTimer(parts, () => this.#advance());
  }

  start(): void {
    const look = { intervalMs: MISSED_MS, problem: "cannot look up the STUN servers" };
    this.#resources.defer(repeat(this.#parts, look, () => {
      if (this.#parts.clock.now() >= this.#lookUpAt) void this.#lookUp();
    }));
    void this.#lookUp();
  }

  close(): void {
    this.#isClosed = true;
    this.#resources.dispose();
    this.#timer.set(undefined);
  }

  /** @returns how many answers were dropped, by reason */
  drops(): Readonly<Record<StunDropReason, number>> {
    return this.#mapped.drops.snapshot();
  }

  handleStun(datagram: Uint8Array, source: Endpoint): void {
    if (this.#isClosed) return;
    this.#mapped.handleDatagram(this.#parts.clock.now(), datagram, source);
    this.#advance();
  }

  handleMove(): void {
    this.#mapped.handleMove(this.#parts.clock.now());
    void this.#lookUp();
    this.#advance();
  }

  async #lookUp(): Promise<void> {
    const { clock, findServers, endpoints } = this.#parts;
    const servers = await findServers();
    // One that no look has found keeps its last address; through the mesh a server would see the mesh.
    if (this.#isClosed || servers.length === 0) return;
    this.#lookUpAt = millis(clock.now() + FOUND_MS);
    this.#mapped.setServers(clock.now(), servers.filter(({ address }) => !endpoints.isOverMesh(address)));
    this.#advance();
  }

  #advance(): void {
    if (this.#isClosed) return;
    const { clock, plane, own, log } = this.#parts;
    this.#mapped.handleTimeout(clock.now());
    for (let out = this.#mapped.pollTransmit(); out !== undefined; out = this.#mapped.pollTransmit()) {
      plane.sendProbe(out.datagram, out.destination);
    }
    const { mapped } = this.#mapped;
    own.setMapped(mapped);
    const said = mapped.join();
    if (said !== this.#said) log.debug("STUN servers see this node", { at: mapped.map(String) });
    this.#said = said;
    this.#timer.set(this.#mapped.pollTimeout());
  }
}
