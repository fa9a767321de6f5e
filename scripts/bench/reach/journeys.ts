/**
 * Which changes of networks are tried.
 * @module
 */

import type { AttachmentKind } from "../../../tests/lab/mod.ts";

/** Who moves where, and with whom it talks. */
export interface Journey {
  readonly from: AttachmentKind;
  readonly to: AttachmentKind;
  readonly partner: AttachmentKind;
}

/** What is tried: there, and back again. */
export const JOURNEYS: readonly Journey[] = [
  { from: "open", to: "endpoint-independent-nat", partner: "open" },
  { from: "endpoint-independent-nat", to: "endpoint-independent-nat", partner: "endpoint-independent-nat" },
  { from: "endpoint-independent-nat", to: "endpoint-dependent-nat", partner: "endpoint-dependent-nat" },
  { from: "endpoint-independent-nat", to: "udp-blocked", partner: "endpoint-independent-nat" },
  { from: "dual-stack-nat", to: "ipv6-only", partner: "open" },
];
