/**
 * Which port has which MAC and IP addresses, as the network's key has signed.
 * @module
 */

import type { RandomSource } from "../../base/mod.ts";
import type { MacAddress } from "../../net/mod.ts";
import type { SwitchBinding } from "./frame_forwarder.ts";
import { AddressTable, type MacTable } from "./tables/mod.ts";

/** The bindings of all networks; their MAC addresses stand in the MAC table. Networks are numbers of 16 bits. */
export class Bindings {
  readonly #macs: MacTable;
  readonly #addresses: AddressTable;
  /** By the number that the table of addresses has. */
  readonly #byNumber: (SwitchBinding | undefined)[] = [];
  readonly #free: number[] = [];
  /** By network, then by MAC address as text: the number. */
  readonly #numbers = new Map<number, Map<string, number>>();

  /** @param random what collides is drawn from it */
  constructor(random: RandomSource, macs: MacTable) {
    this.#macs = macs;
    this.#addresses = new AddressTable(random);
  }

  /** How much memory the table of addresses takes, in bytes. */
  get memoryBytes(): number {
    return this.#addresses.memoryBytes;
  }

  /** Binds anew; what the MAC address was bound to is forgotten. @returns the former binding */
  set(network: number, binding: SwitchBinding): SwitchBinding | undefined {
    const former = this.remove(network, binding.mac);
    const number = this.#free.pop() ?? this.#byNumber.length;
    this.#byNumber[number] = binding;
    let numbers = this.#numbers.get(network);
    if (numbers === undefined) this.#numbers.set(network, numbers = new Map());
    numbers.set(binding.mac.toString(), number);
    this.#macs.bind(network, binding.mac.high, binding.mac.low | 0, binding.port);
    // Of two bindings with one address, which the network's key should not have signed, the later has it.
    for (const address of binding.addresses) this.#addresses.set(network, address, number);
    return former;
  }

  /** @returns what was bound */
  remove(network: number, mac: MacAddress): SwitchBinding | undefined {
    const numbers = this.#numbers.get(network);
    const number = numbers?.get(mac.toString());
    if (numbers === undefined || number === undefined) return undefined;
    const former = this.#byNumber[number];
    numbers.delete(mac.toString());
    this.#byNumber[number] = undefined;
    this.#free.push(number);
    this.#macs.unbind(network, mac.high, mac.low | 0);
    for (const address of former?.addresses ?? []) {
      if (this.#addresses.find(network, address.bytes, 0, address.bytes.length) !== number) continue;
      this.#addresses.delete(network, address);
    }
    return former;
  }

  /** Forgets all of a network. */
  removeNetwork(network: number): void {
    for (const { mac } of this.of(network)) this.remove(network, mac);
    this.#numbers.delete(network);
  }

  /** @returns all of a network */
  of(network: number): SwitchBinding[] {
    return [...this.#numbers.get(network)?.values() ?? []].flatMap((number) => this.#byNumber[number] ?? []);
  }

  /** @param at where the address begins, of 4 or 16 bytes @returns whose it is */
  ofAddress(network: number, bytes: Uint8Array, at: number, addressBytes: number): SwitchBinding | undefined {
    const number = this.#addresses.find(network, bytes, at, addressBytes);
    return number < 0 ? undefined : this.#byNumber[number];
  }
}
