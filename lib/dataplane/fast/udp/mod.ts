/**
 * A socket of the fast packet plane: many datagrams in one call, each way, and who closes it when.
 *
 * ```text
 *   socket ── GRO batches, recvmmsg(2) ──▶ GroReceiver ──▶ opened and written
 *   socket ◀─ GSO batches, sendmmsg(2) ─── GsoSender ◀──── sealed
 * ```
 * @module
 */

export {
  GroReceiver,
  PLACE_BYTES,
  RECEIVE_ROOM_BYTES,
  type ReceivedBatches,
  RECEIVER_AREA_BYTES,
} from "./gro_receiver.ts";
export {
  GsoSender,
  type GsoSenderParts,
  MAX_SEND_BYTES,
  MAX_SEND_SEGMENTS,
  type SendDrop,
  SENDER_AREA_BYTES,
  superpacketBounds,
} from "./gso_sender.ts";
export { openPlaneSocket, PlaneSockets } from "./plane_sockets.ts";
