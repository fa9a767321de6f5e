/**
 * The fast way of UDP: a worker that blocks in `poll`, receives and sends many datagrams in one call, and has the answers
 * to what was asked before. It decides nothing: every answer was made by the control thread, and holds until that says
 * that the zone has changed.
 *
 * ```text
 * control thread                                      worker
 * QueryService ◀── WorkerSlots: queries, messages ──── QueryEngine ── SourceGate
 *              ──▶ ControlSlots: answers, eventfd ───▶     │  └────── AnswerTable
 *              ──▶ generation of the zone ───────────▶ recvmmsg / sendmmsg
 * ```
 * @module
 */

export * from "./fast_datagrams.ts";
