/**
 * The frame plane of a node without a packet plane, and what decides about its frames.
 * @module
 */

import type { Environment } from "../../base/mod.ts";
import { PlaneGuards, type PolicyReport, PortableFrames, type PortEvent } from "../../dataplane/mod.ts";

/** What it tells. */
export interface RootlessFramesObserver {
  handlePortEvent(event: PortEvent): void;
  handlePolicyReport(report: PolicyReport): void;
}

/** Frames that go by channels alone. */
export class RootlessFrames {
  readonly plane: PortableFrames;
  readonly #guards: PlaneGuards;
  readonly #environment: Pick<Environment, "clock" | "timers" | "random">;
  readonly #observer: RootlessFramesObserver;

  /** Carries frames at once. */
  constructor(
    environment: Pick<Environment, "clock" | "timers" | "random">,
    observer: RootlessFramesObserver,
  ) {
    const { clock, timers, random } = environment;
    this.#environment = environment;
    this.#observer = observer;
    this.#guards = new PlaneGuards({ random, wall: () => clock.wall() });
    const onPortEvent = (event: PortEvent) => observer.handlePortEvent(event);
    this.plane = new PortableFrames({ clock, timers, random, guards: this.#guards, onPortEvent });
  }

  /** Decides by other policies from now on. */
  setPolicies(
    policies: Readonly<Record<"enforced" | "trial", { readonly bytes: Uint8Array } | undefined>>,
  ): void {
    const { enforced, trial } = policies;
    this.#guards.use({ enforced: enforced?.bytes, trial: trial?.bytes, ownAddresses: [] });
  }

  /** Tells what policies have decided; to be called every few seconds. */
  lookAfter(): void {
    const report = this.#guards.pollReport(this.#environment.clock.now());
    if (report !== undefined) this.#observer.handlePolicyReport(report);
  }

  /** Harmless when repeated. */
  close(): void {
    this.plane.close();
  }
}
