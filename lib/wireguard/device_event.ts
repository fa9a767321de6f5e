/**
 * What happens to the sessions of a device.
 * @module
 */

import type { PublicKey } from "../crypto/mod.ts";
import type { Endpoint } from "../net/mod.ts";

/** One happening; `peer` is whose. */
export type DeviceEvent =
  /** A session is ready in both directions. */
  | {
    readonly kind: "handshake-completed";
    readonly peer: PublicKey;
    readonly role: "initiator" | "responder";
  }
  /** No answer for 5 s; attempt number `attempt` has been sent. */
  | { readonly kind: "handshake-retry"; readonly peer: PublicKey; readonly attempt: number }
  /** No answer for 90 s; the next packet begins anew. */
  | { readonly kind: "handshake-failed"; readonly peer: PublicKey }
  /** The peer has been heard from somewhere else. */
  | { readonly kind: "endpoint-changed"; readonly peer: PublicKey; readonly endpoint: Endpoint }
  /** All keys are forgotten. */
  | { readonly kind: "session-expired"; readonly peer: PublicKey };
