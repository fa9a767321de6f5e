/**
 * What a call is to be, and what can come of it.
 * @module
 */

import type { Millis } from "../../base/mod.ts";
import type { CallMode } from "../bounds.ts";
import type { ItemSource, WireRouting, WireValue } from "../wire/mod.ts";
import type { WireFailure } from "../errors.ts";
import type { PeerId } from "../ports.ts";

/** What comes back. The bytes of a value are good for this turn only. */
export type Reply =
  | { readonly kind: "value"; readonly value: WireValue; readonly peer: PeerId }
  | { readonly kind: "stream"; readonly items: ReadableStream<unknown>; readonly peer: PeerId }
  | { readonly kind: "failure"; readonly failure: WireFailure; readonly peer: PeerId | undefined };

/** One call that is to be made. */
export interface CallOrder {
  /** Of the service, with its network. */
  readonly service: string;
  /** `service/action`, as it is sent. */
  readonly path: string;
  readonly params: WireValue;
  readonly deadline: Millis;
  readonly mode: CallMode;
  /** The only one that may answer. */
  readonly peer: PeerId | undefined;
  readonly retries: number;
  readonly idempotent: boolean;
  readonly source: ItemSource | undefined;
  /** For the agent that this program is attached to. */
  readonly routing: WireRouting | undefined;
  /** Who calls, for a program that is attached; empty for this node. */
  readonly caller: string;
  /** Is called once. */
  settle(reply: Reply): void;
}
