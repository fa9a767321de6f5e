/**
 * The guards of one thread: of the mesh, and of each overlay network that has a policy.
 * @module
 */

import type { Millis, RandomSource } from "../../base/mod.ts";
import { IP_PROTOCOL, IpAddress } from "../../net/mod.ts";
import {
  type Denial,
  DIRECTION,
  FlowGuard,
  FrameGuard,
  type PacketFields,
  type PolicyEvaluator,
  readProgram,
  type RuleCounts,
} from "../../policy/mod.ts";
import type { Device } from "../../wireguard/mod.ts";
import type { PlanePolicy, PolicyReport } from "./policy_plane.ts";
import { Redirects } from "./redirects.ts";

/** How the policy of the members themselves is called. */
export const MESH_NETWORK = "mesh";
/** Members' probes: both ends have it (lib/health). */
const HEALTH_PORT = 45_679;
const DNS_PORT = 53;
const REPORT_MS = 1_000;
/** Denials of one report; what is more waits for the next. */
const MAX_REPORTED = 256;

/** What guards need. */
export interface PlaneGuardsParts {
  readonly random: RandomSource;
  /** In milliseconds, for the log. */
  readonly wall: () => number;
}

/** All guards of a plane. Without a policy `isIdle` is all that a packet costs. */
export class PlaneGuards {
  /** Of packets between members. */
  readonly mesh: FlowGuard;
  readonly #parts: PlaneGuardsParts;
  readonly #networks = new Map<string, FrameGuard>();
  #enforced: PolicyEvaluator | undefined;
  #trial: PolicyEvaluator | undefined;
  #reportAt = 0;
  #hasNews = false;
  #ownAddresses: readonly Uint8Array[] = [];
  #forwarding: Device["forwarding"] | undefined;
  /** Of packets that go by another member; undefined while no rule says so. */
  redirects: Redirects | undefined;

  constructor(parts: PlaneGuardsParts) {
    this.#parts = parts;
    this.mesh = new FlowGuard({
      ...parts,
      network: MESH_NETWORK,
      isExempt: (bytes, fields, direction, reverse) => this.#isExempt(bytes, fields, direction, reverse),
    });
  }

  /** Whether members' packets pass unasked. */
  get isIdle(): boolean {
    return this.mesh.isIdle;
  }

  /** The program in force. */
  get evaluator(): PolicyEvaluator | undefined {
    return this.#enforced;
  }

  /**
   * Decides by another policy from now on.
   * @throws RangeError when bytes are no program
   */
  use({ enforced, trial, ownAddresses }: PlanePolicy): void {
    this.#ownAddresses = ownAddresses.flatMap((text) => IpAddress.parse(text)?.bytes ?? []);
    this.#enforced = enforced && readProgram(enforced);
    this.#trial = trial && readProgram(trial);
    this.#apply(this.mesh, MESH_NETWORK);
    for (const [name, guard] of this.#networks) this.#apply(guard, name);
    const network = this.#enforced?.networkNumber(MESH_NETWORK);
    const hasRedirects = network !== undefined && this.#enforced?.redirectsPackets(network) === true;
    this.redirects = this.#enforced && hasRedirects
      ? new Redirects(this.#enforced, network, this.#ownAddresses)
      : undefined;
    this.#hasNews = true;
    this.#reportAt = 0;
  }

  /**
   * Has a device ask, while there are redirects, of whom a packet may come, and send those that it seals itself as they say.
   */
  attach(device: Device): void {
    const { redirects } = this;
    const { batches } = device;
    this.#forwarding = device.forwarding;
    batches.admitsSource = redirects &&
      ((peer, memory, at, lengthBytes, isOwn) =>
        redirects.admits(memory, at, lengthBytes, isOwn, (address) => batches.peerAt(address) === peer));
  }

  /** @returns the address of the member that the packet which the mesh's guard was last asked about goes to first, or undefined */
  nextHop(addressBytes: 4 | 16, via: number = this.mesh.outcome.via): Uint8Array | undefined {
    return this.redirects?.nextHop(via, addressBytes);
  }

  /** @returns the guard of an overlay network, which is idle while there is no policy of it */
  of(name: string): FrameGuard {
    const known = this.#networks.get(name);
    if (known !== undefined) return known;
    const guard = new FrameGuard({ ...this.#parts, network: name });
    this.#networks.set(name, guard);
    this.#apply(guard, name);
    return guard;
  }

  /** Forgets the flows of an overlay network that is gone. */
  remove(name: string): void {
    this.#networks.delete(name);
  }

  /** Forgets what has ended. */
  handleTimeout(now: Millis): void {
    if (this.isUnused) return;
    this.mesh.handleTimeout(now);
    for (const guard of this.#networks.values()) guard.handleTimeout(now);
  }

  pollTimeout(): Millis | undefined {
    if (this.isUnused) return undefined;
    let first = this.mesh.pollTimeout();
    for (const guard of this.#networks.values()) {
      const next = guard.pollTimeout();
      if (next !== undefined && (first === undefined || next < first)) first = next;
    }
    return first;
  }

  /** Something was decided that is to be told. */
  noteDecision(): void {
    this.#hasNews = true;
  }

  /** @returns in how many milliseconds there is something to tell; 0 for now */
  reportIn(now: Millis): number {
    return this.#hasNews ? Math.max(0, this.#reportAt - now) : Infinity;
  }

  /** @returns what is to be told, once a second at most, or undefined */
  pollReport(now: Millis): PolicyReport | undefined {
    if (!this.#hasNews || now < this.#reportAt) return undefined;
    this.#hasNews = false;
    this.#reportAt = now + REPORT_MS;
    const denials: Denial[] = [];
    const counts = new Map<number, RuleCounts>();
    let flows = 0;
    for (const guard of [this.mesh, ...this.#networks.values()]) {
      flows += guard.flows;
      for (const [rule, more] of guard.counts()) {
        const { packets, bytes, flows } = counts.get(rule) ?? { packets: 0, bytes: 0, flows: 0 };
        counts.set(rule, {
          packets: packets + more.packets,
          bytes: bytes + more.bytes,
          flows: flows + more.flows,
        });
      }
      while (denials.length < MAX_REPORTED) {
        const denial = guard.pollDenial();
        if (denial === undefined) break;
        denials.push(denial);
      }
    }
    if (denials.length === MAX_REPORTED) this.#hasNews = true;
    return { denials, counts, flows };
  }

  /** Whether there is no program at all. */
  get isUnused(): boolean {
    return this.#enforced === undefined && this.#trial === undefined;
  }

  #apply(guard: FlowGuard | FrameGuard, name: string): void {
    guard.use(this.#enforced, this.#enforced?.networkNumber(name), this.#trial);
  }

  /** What the mesh itself needs is no matter of policy: probes, and DNS of plain devices at this host, their hub, with its replies. */
  #isExempt(bytes: Uint8Array, fields: PacketFields, direction: number, reverse: 0 | 1): boolean {
    const { protocol, sourcePort, destinationPort, sourceAt, destinationAt, addressBytes } = fields;
    if (protocol === IP_PROTOCOL.UDP && sourcePort === HEALTH_PORT && destinationPort === HEALTH_PORT) {
      return true;
    }
    const isDns = (protocol === IP_PROTOCOL.UDP || protocol === IP_PROTOCOL.TCP) &&
      (reverse === 1 ? sourcePort : destinationPort) === DNS_PORT;
    if (!isDns || direction !== (reverse === 1 ? DIRECTION.OUT : DIRECTION.IN)) return false;
    const [ownAt, deviceAt] = reverse === 1 ? [sourceAt, destinationAt] : [destinationAt, sourceAt];
    return this.#ownAddresses.some((own) => isAt(bytes, ownAt, addressBytes, own)) &&
      this.#forwarding?.isFor(bytes, deviceAt, fields.family) === true;
  }
}

function isAt(bytes: Uint8Array, at: number, length: number, address: Uint8Array): boolean {
  return length === address.length && address.every((byte, i) => bytes[at + i] === byte);
}
