/**
 * Stream carriers: packets to a member over a stream of a link, where UDP is blocked. For the packet plane a carrier is an
 * endpoint on the loopback.
 *
 * ```text
 *   A: plane ⇄ UDP 127.0.0.1 ⇄ CarrierPipe ══ stream of the link A–R ══ CarrierPipe ⇄ UDP 127.0.0.1 ⇄ leg of a relay (R)
 *                                                                                                  ⇄ R's own plane
 * ```
 *
 * The packets are sealed as ever; R sees no more of them than a relay does. What a stream has no room for is dropped, so
 * that streams inside feel a narrow path and not a slow one.
 * @module
 */

export * from "./carriers.ts";
