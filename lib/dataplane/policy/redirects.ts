/**
 * Packets that a rule has go by another member, whose host inspects them and sends them on:
 *
 *     a ── sealed for c ──▶ c: interface, host, interface ── sealed for b ──▶ b        a and b accept them of c
 *
 * Addresses stay what they are. So a member accepts of another one what is from somebody else, if a rule says that it goes by
 * that one; and of the one whose address it is nothing that was to go by another. Both is asked while there is such a rule.
 *
 * @module
 */

import { PacketFields, type PolicyEvaluator, type SubjectNumber } from "../../policy/mod.ts";

const NOBODY: readonly SubjectNumber[] = [];

/** The redirects of one program, on one host. */
export class Redirects {
  readonly #evaluator: PolicyEvaluator;
  readonly #network: number;
  readonly #own: ReadonlySet<SubjectNumber>;
  readonly #fields = new PacketFields();

  /** @param own this host's addresses */
  constructor(evaluator: PolicyEvaluator, network: number, own: readonly Uint8Array[]) {
    this.#evaluator = evaluator;
    this.#network = network;
    this.#own = new Set(
      own.map((address) => evaluator.subjectAt(network, address, 0, address.length === 4 ? 4 : 16)),
    );
  }

  /** @returns an address of the member that a packet is sealed for in place of its destination; undefined for the straight way */
  nextHop(via: SubjectNumber, addressBytes: 4 | 16): Uint8Array | undefined {
    if (via === 0 || this.#own.has(via)) return undefined;
    const addresses = this.#evaluator.addressesOf(this.#network, via);
    return addresses.find(({ length }) => length === addressBytes) ?? addresses[0];
  }

  /**
   * Whether a packet may come from a peer.
   * @param isOwn whether its source is an address of that peer
   * @param isOf whether an address is that peer's
   */
  admits(
    memory: Uint8Array,
    at: number,
    lengthBytes: number,
    isOwn: boolean,
    isOf: (address: Uint8Array) => boolean,
  ): boolean {
    const fields = this.#fields;
    // What can't be read is refused by the guard, if it is asked; of somebody else it is not taken.
    if (!fields.read(memory, at, lengthBytes)) return isOwn;
    const there = this.#viaOf(memory, fields, false);
    if (isOwn) return there.length === 0 || there.some((via) => this.#own.has(via));
    return [...there, ...this.#viaOf(memory, fields, true)].some((via) =>
      this.#evaluator.addressesOf(this.#network, via).some(isOf)
    );
  }

  #viaOf(memory: Uint8Array, fields: PacketFields, isReply: boolean): readonly SubjectNumber[] {
    const evaluator = this.#evaluator;
    const network = this.#network;
    // Of a later fragment the ports are not known: it goes as any packet between the two.
    const { sourceAt, destinationAt, addressBytes, protocol, icmpKind } = fields;
    const source = evaluator.subjectAt(network, memory, sourceAt, addressBytes);
    const destination = evaluator.subjectAt(network, memory, destinationAt, addressBytes);
    if (source === destination) return NOBODY;
    const [from, to] = icmpKind === 0 ? [fields.sourcePort, fields.destinationPort] : [0, 0];
    return isReply
      ? evaluator.decide(network, destination, source, protocol, to, from).via
      : evaluator.decide(network, source, destination, protocol, from, to).via;
  }
}
