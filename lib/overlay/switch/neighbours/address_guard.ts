/**
 * Whose addresses may be spoken for at a port.
 * @module
 */

import type { Millis } from "../../../base/mod.ts";
import { int32At, uint16At } from "../../../net/mod.ts";
import type { Bindings } from "../bindings.ts";
import type { SwitchBinding } from "../frame_forwarder.ts";
import { BUDGET } from "../storm_control.ts";
import type { PortState } from "../switch_state.ts";
import type { MacTable } from "../tables/mod.ts";

/** What the bindings say about a port and an address. */
export class AddressGuard {
  readonly #macs: MacTable;
  readonly #bindings: Bindings;

  /** The tables are the switch's. */
  constructor(macs: MacTable, bindings: Bindings) {
    this.#macs = macs;
    this.#bindings = bindings;
  }

  /** Whether a MAC address is bound to another port, or to none where all have to be bound. */
  isOthersMac(from: PortState, bytes: Uint8Array, at: number): boolean {
    return this.#isOthers(from, uint16At(bytes, at), int32At(bytes, at + 2), !from.allowsForeign);
  }

  /**
   * Whether an IP address is bound to another port, or follows from a MAC address that is (fe80::/64 with its modified
   * EUI-64, RFC 4291 §2.5.1, RFC 4862 §5.3).
   * @param addressBytes 4 or 16
   */
  isOthersAddress(from: PortState, bytes: Uint8Array, at: number, addressBytes: number): boolean {
    const binding = this.#bindings.ofAddress(from.network.index, bytes, at, addressBytes);
    if (binding !== undefined) return binding.port !== from.port;
    if (addressBytes === 4 || bytes[at] !== 0xfe || !isOfMac(bytes, at)) return false;
    const high = uint16At(bytes, at + 8) ^ 0x0200;
    return this.#isOthers(
      from,
      high,
      ((bytes[at + 10] ?? 0) << 24) | (int32At(bytes, at + 12) & 0xffffff),
      false,
    );
  }

  /** @returns whose address is asked for, when the switch is to answer `from` */
  answerable(
    now: Millis,
    from: PortState,
    bytes: Uint8Array,
    at: number,
    addressBytes: number,
  ): SwitchBinding | undefined {
    const binding = this.#bindings.ofAddress(from.network.index, bytes, at, addressBytes);
    if (binding === undefined || binding.port === from.port) return undefined;
    return from.budgets.spend(now, BUDGET.ANSWERS, 1) ? binding : undefined;
  }

  #isOthers(from: PortState, high: number, low: number, mustBeBound: boolean): boolean {
    const slot = this.#macs.find(from.network.index, high, low);
    if (slot < 0 || !this.#macs.isBoundAt(slot)) return mustBeBound;
    return this.#macs.portAt(slot) !== from.port;
  }
}

function isOfMac(bytes: Uint8Array, at: number): boolean {
  return int32At(bytes, at) === (0xfe800000 | 0) && int32At(bytes, at + 4) === 0 &&
    uint16At(bytes, at + 11) === 0xfffe;
}
