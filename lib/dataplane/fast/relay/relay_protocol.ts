/**
 * What the control thread and the worker of a relay say to each other.
 *
 * ```text
 *   control ── postMessage: RelaySetup, once ──────────────────▶ worker
 *   control ── ring in shared memory, eventfd: RelayCommand ───▶ worker, which may be blocked in poll
 *   control ◀── postMessage: RelayReport ─────────────────────── worker
 *   control ◀── shared memory: counts of sessions, drops ─────── worker
 * ```
 * @module
 */

import { FORWARDER_DROPS, type RelayRates } from "../../../relay/mod.ts";
import { MAX_SESSIONS } from "./relay_engine.ts";

/** What a worker begins with: no sessions. */
export interface RelaySetup {
  readonly wakeFd: number;
  readonly commands: SharedArrayBuffer;
  /** `SESSION_COUNTS` 64-bit floats for each slot. */
  readonly counts: SharedArrayBuffer;
  /** A 64-bit float for each of `FORWARDER_DROPS`. */
  readonly drops: SharedArrayBuffer;
  readonly rates: RelayRates;
}

/** A leg as data. */
export interface PlainLeg {
  /** In base64, as the secret. */
  readonly id: string;
  readonly secret: string;
  readonly fd: number;
  readonly family: 4 | 6;
  readonly hasGso: boolean;
}

/** What the control thread asks for. */
export type RelayCommand =
  | { readonly kind: "open"; readonly slot: number; readonly legs: readonly [PlainLeg, PlainLeg] }
  | { readonly kind: "close"; readonly slot: number }
  | { readonly kind: "stop" };

/** What the worker tells: its descriptors may be closed when a session is `closed`. */
export type RelayReport =
  | { readonly kind: "ready" }
  | { readonly kind: "closed"; readonly slot: number }
  | { readonly kind: "ended" };

/** Datagrams, bytes and binds of a session, and 1 when both legs are bound. */
export const SESSION_COUNTS = 4;

/** @returns memory for the counts of all sessions */
export function countsMemory(): SharedArrayBuffer {
  return new SharedArrayBuffer(MAX_SESSIONS * SESSION_COUNTS * 8);
}

/** @returns memory for the drops */
export function dropsMemory(): SharedArrayBuffer {
  return new SharedArrayBuffer(FORWARDER_DROPS.length * 8);
}
