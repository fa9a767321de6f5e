/**
 * Several workers for one interface: further threads that seal, each with a queue of the TUN of its own, and all by the
 * sessions and the socket of the first worker, which alone has the device, shakes hands and receives.
 *
 * ```
 *   kernel: flow ─▶ queue 0 ─▶ PacketEngine ── Device ──┐ shares sessions       ┌▶ UDP
 *           flow ─▶ queue 1 ─▶ SealingEngine 1 ◀────────┤ numbers: one counter ─┤
 *           flow ─▶ queue 2 ─▶ SealingEngine 2 ◀────────┘ of each session       └
 *                                    └── what it can't seal ─▶ handover ─▶ PacketEngine
 * ```
 * @module
 */

export { type CoordinatorParts, SealingCoordinator } from "./sealing_coordinator.ts";
export { MAX_WORKERS } from "../receiving/mod.ts";
export { isIndifferent } from "./sealing_protocol.ts";
export { SealingWorkers } from "./sealing_workers.ts";
