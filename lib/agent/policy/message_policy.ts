/**
 * Policies where messages are sent and received: calls, events, connections by name, pings by channel, names.
 * @module
 */

import type { Environment } from "../../base/mod.ts";
import type { MeshState, NodeId } from "../../mesh/mod.ts";
import { type Denial, MessageGuard } from "../../policy/mod.ts";
import type { CompiledPolicies, PolicyConsumer } from "./policies.ts";
import type { JournalReport } from "./policy_journal.ts";

/** Counters and denials are told so long after something was decided. */
const REPORT_MS = 1_000;

/** What it stands on. */
export interface MessagePolicyParts extends Pick<Environment, "clock" | "timers"> {
  readonly mesh: Pick<MeshState, "roster">;
  /** Takes what was decided. */
  readonly onReport: (report: JournalReport) => void;
  /** Another policy is in force: what is under way is asked about again. */
  readonly onChange: () => void;
}

/** Gives the guard of a node its programs, and tells what it has decided. */
export class MessagePolicy implements PolicyConsumer {
  readonly guard: MessageGuard;
  readonly #parts: MessagePolicyParts;
  #cancelReport: (() => void) | undefined;
  #isClosed = false;

  constructor(parts: MessagePolicyParts) {
    this.#parts = parts;
    const { clock, mesh: { roster } } = parts;
    this.guard = new MessageGuard({
      clock,
      nameOf: (id) => roster.get(id as NodeId)?.record.name ?? id,
      onAsked: () => this.#reportSoon(),
    });
  }

  setPolicies({ enforced, trial }: CompiledPolicies): void {
    // What was decided by the former program is told under its own numbers, or not at all.
    this.#cancelReport?.();
    this.#cancelReport = undefined;
    this.guard.use(enforced?.evaluator, trial?.evaluator);
    this.#parts.onChange();
  }

  /** Tells nothing any more. */
  close(): void {
    this.#isClosed = true;
    this.#cancelReport?.();
  }

  #reportSoon(): void {
    if (this.#isClosed) return;
    this.#cancelReport ??= this.#parts.timers.setTimer(REPORT_MS, () => {
      this.#cancelReport = undefined;
      const denials: Denial[] = [];
      for (let next = this.guard.pollDenial(); next !== undefined; next = this.guard.pollDenial()) {
        denials.push(next);
      }
      this.#parts.onReport({ denials, counts: this.guard.counts(), flows: 0 });
    });
  }
}
