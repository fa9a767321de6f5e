/**
 * The fast way of a relay's datagrams: a thread of its own on the sockets of all legs, with GRO and GSO batches, so that
 * what a node relays costs the loop of its own packets nothing.
 *
 * ```text
 *   control thread                                worker
 *   FastForwarder ── sessions: ring, eventfd ───▶ RelayEngine ── RelaySwitch (lib/relay)
 *                 ◀─ counts, drops ─────────────      └───────── GroReceiver ⇄ GsoSender of each leg
 * ```
 * @module
 */

export { FastForwarder } from "./fast_forwarder.ts";
