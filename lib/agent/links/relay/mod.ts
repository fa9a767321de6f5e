/**
 * Links through another member: for two of whom neither can dial the other.
 *
 *     A ── stream "link-relay", target B ──▶ R ── stream "link-relayed", origin A ──▶ B
 *       ◀══════════ the handshake of A and B, and the records of their channel ══════▶
 *
 * R copies bytes between two streams of its channels, and can read none of them: the keys are those of A and B. It takes
 * only members, connects only members that it has links to, and has bounds for each and for all.
 *
 * It knows neither how links are kept nor when one is to go through a relay.
 * @module
 */

export * from "./link_relay.ts";
export * from "./relay_header.ts";
export { StreamBytes } from "./stream_bytes.ts";
