/**
 * Several workers that receive for one interface: the first worker asks others for help when more comes than it takes at
 * once. They receive from the socket in turn, open side by side by sessions that are shared, and write in the order in
 * which they have received.
 *
 * ```
 *             ┌─ ticket 1 ─▶ PacketEngine:   open ─┐ accepted, then   ┌▶ queue 0
 *   UDP ──────┼─ ticket 2 ─▶ WorkerReceiver: open ─┤ written, in the  ├▶ queue 1
 *   in turn   └─ ticket 3 ─▶ WorkerReceiver: open ─┘ order of tickets └▶ queue 2
 *                                   └── what it can't open, with its ticket ─▶ PacketEngine
 * ```
 * @module
 */

export { HandedBatches } from "./handed_batches.ts";
export { receiveHandoverMemory, type TakenBatch } from "./receive_handover.ts";
export { closeReceiving, forgetReceiver } from "./receive_tickets.ts";
export { ReceivingCoordinator, type ReceivingEngine } from "./receiving_coordinator.ts";
export { MAX_WORKERS, receivingMemory } from "./receiving_memory.ts";
export type { ReceivingEpochs } from "./receiving_publisher.ts";
export { type ReceivingDrop, WorkerReceiver } from "./worker_receiver.ts";
