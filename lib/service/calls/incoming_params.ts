/**
 * The parameters of somebody else's call, and the room that they take here.
 * @module
 */

import type { MemoryClaim } from "../../base/mod.ts";
import { callError } from "../errors.ts";
import type { CallParams } from "../local/mod.ts";
import type { PeerId } from "../ports.ts";
import { copyValue, decodeValue, memoryOf, type MessageCarrier, type WireValue } from "../wire/mod.ts";

/** Shorter ones take no room while their call runs: as many as run of a service by default are 1 MiB. */
const HELD_FROM_BYTES = 4_096;
/** What a call that waits takes beside its parameters. */
const WAITING_OVERHEAD_BYTES = 1_024;

/** Takes room where they have to wait, and for as long as the call runs that was given them. */
export class IncomingParams implements CallParams {
  readonly #carrier: MessageCarrier;
  readonly #peer: PeerId;
  #value: WireValue;
  #claim: MemoryClaim | undefined;

  /**
   * @param value its bytes are good for this turn, unless there is a claim
   * @param claim what they have taken already
   */
  constructor(carrier: MessageCarrier, peer: PeerId, value: WireValue, claim: MemoryClaim | undefined) {
    this.#carrier = carrier;
    this.#peer = peer;
    this.#value = value;
    this.#claim = claim;
  }

  get bytes(): number {
    return this.#value.data.length;
  }

  /** @returns whether there is room for it */
  keep(): boolean {
    const isOwn = this.#claim !== undefined;
    if (!this.#hold(Math.max(this.bytes, WAITING_OVERHEAD_BYTES))) return false;
    if (!isOwn) this.#value = copyValue(this.#value);
    return true;
  }

  /** @throws CallError with code `Overloaded` when there is no room for what it becomes */
  read(): unknown {
    if (this.bytes >= HELD_FROM_BYTES && !this.#hold(memoryOf(this.#value))) {
      throw callError("Overloaded", "too much of this caller runs already");
    }
    return decodeValue(this.#value);
  }

  /** @returns the bytes, for somebody who is handed them as they are @throws CallError with code `Overloaded` */
  take(): WireValue {
    const isOwn = this.#claim !== undefined;
    if (this.bytes >= HELD_FROM_BYTES && !this.#hold(this.bytes)) {
      throw callError("Overloaded", "too much of this caller is on its way already");
    }
    return isOwn ? this.#value : copyValue(this.#value);
  }

  /** The call is over. */
  release(): void {
    this.#claim?.release();
  }

  #hold(bytes: number): boolean {
    if (this.#claim !== undefined) return this.#claim.resize(bytes);
    this.#claim = this.#carrier.hold(this.#peer, bytes);
    return this.#claim !== undefined;
  }
}
