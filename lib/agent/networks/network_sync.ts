/**
 * Brings what the network's key has signed of overlay networks to the plane that carries their frames, and to the devices of
 * this host's endpoints.
 *
 *     NetworkBook --> LocalEndpoints (devices) --> desiredFrames --> what differs --> FramePlane
 *
 * @module
 */

import type { FramePlane, PlaneBinding, PlaneNetwork, PlanePort, PlaneRemote } from "../../dataplane/mod.ts";
import { WeftError } from "../../base/mod.ts";
import type { EndpointOptions } from "../../overlay/mod.ts";
import { blocksOf, endpointKey } from "../../overlay/mod.ts";
import { carriedMtu, desiredFrames, type FrameSurroundings, isOwn } from "./desired_frames.ts";
import type { DeviceWish } from "./endpoint_device.ts";
import type { LocalEndpoints } from "./local_endpoints.ts";
import type { NetworkBook } from "./network_book.ts";

/** What it works with. */
export interface NetworkSyncParts extends Omit<FrameSurroundings, "ready" | "numberOf" | "ownId"> {
  readonly book: NetworkBook;
  readonly frames: FramePlane;
  readonly local: LocalEndpoints;
  /** This node's id, which changes with its keys. */
  readonly ownId: () => string;
  /** This node's addresses in the mesh. */
  readonly ownAddresses: () => readonly string[];
  /** What was asked of this host for an endpoint. */
  readonly optionsOf: (key: string) => EndpointOptions;
  /** Whether frames of this host's devices come with virtio headers. */
  readonly hasHeader: boolean;
  readonly nextNumber: () => number;
}

/** Why this host cannot carry a network. */
export interface NetworkFailure {
  readonly message: string;
  readonly hint?: string;
}

/** What was told last, by name; the text tells whether it is the same. */
type Told<T> = Map<string, { readonly value: T; readonly text: string }>;

/** Follows the book; every call of `sync` brings everything in line. */
export class NetworkSync {
  readonly #parts: NetworkSyncParts;
  readonly #numbers = new Map<string, number>();
  readonly #networks: Told<PlaneNetwork> = new Map();
  readonly #ports: Told<PlanePort> = new Map();
  readonly #remotes: Told<PlaneRemote> = new Map();
  readonly #bindings: Told<PlaneBinding> = new Map();
  readonly #failures = new Map<string, NetworkFailure & { readonly number: number }>();
  /** Failures that the plane has told later. */
  readonly #toldFailures = new Map<string, NetworkFailure>();
  #ownAddresses = "";

  constructor(parts: NetworkSyncParts) {
    this.#parts = parts;
  }

  /** Makes and unmakes devices, and tells the plane what has changed. */
  sync(): void {
    const { book, local, frames } = this.#parts;
    const gone = local.follow(this.#wishes());
    const around = { ...this.#parts, ownId: this.#parts.ownId(), ready: local.ready };
    const desired = desiredFrames(book.networks.values(), {
      ...around,
      numberOf: (kind, name) => this.#numberOf(kind, name),
    });
    const own = this.#parts.ownAddresses();
    if (own.join() !== this.#ownAddresses) frames.setOwnAddresses(own);
    this.#ownAddresses = own.join();
    // What stands on something goes before it, and comes after it.
    forEachGone(this.#bindings, desired.bindings, ({ network, mac }) => frames.removeBinding(network, mac));
    forEachGone(this.#remotes, desired.remotes, ({ port }) => frames.removeRemote(port));
    const told = new Set(Array.from(this.#ports.values(), ({ value }) => value.port));
    forEachGone(this.#ports, desired.ports, ({ port }) => frames.removePort(port));
    // Of what the plane was never told it says nothing.
    for (const port of gone) if (!told.has(port)) local.handleReleased(port);
    forEachGone(this.#networks, desired.networks, ({ network }) => frames.removeNetwork(network));
    this.#failures.clear();
    forEachNew(this.#networks, desired.networks, (network) => this.#setNetwork(network));
    const isUp = ({ network }: PlanePort | PlaneRemote | PlaneBinding) => {
      return !this.#failures.values().some(({ number }) => number === network);
    };
    forEachNew(this.#ports, desired.ports, (port) => isUp(port) && frames.setPort(port));
    forEachNew(this.#remotes, desired.remotes, (remote) => isUp(remote) && frames.setRemote(remote));
    forEachNew(this.#bindings, desired.bindings, (binding) => isUp(binding) && frames.setBinding(binding));
    this.#forgetFailed();
    this.#forgetNumbers(desired.networks, desired.remotes);
  }

  /** Networks whose underlay cannot be opened on this host, and why. */
  get failures(): ReadonlyMap<string, NetworkFailure> {
    return new Map([...this.#toldFailures, ...this.#failures]);
  }

  /** The underlay of a network could not be opened, as the plane says later. */
  handleFailure(network: number, failure: NetworkFailure): void {
    for (const [name, { value }] of this.#networks) {
      if (value.network === network) this.#toldFailures.set(name, failure);
    }
  }

  /** Tries again to open what could not be opened. */
  retry(): void {
    for (const name of [...this.#toldFailures.keys()]) {
      this.#toldFailures.delete(name);
      const network = this.#networks.get(name)?.value;
      if (network !== undefined) this.#setNetwork(network);
    }
    if (this.#failures.size > 0) this.sync();
  }

  /** The number of a network in the plane; undefined when it is not carried here. */
  numberOfNetwork(name: string): number | undefined {
    return this.#networks.get(name)?.value.network;
  }

  /** The port of an endpoint of this host; undefined when it has none. */
  portOf(key: string): number | undefined {
    return this.#ports.get(key)?.value.port;
  }

  /** Takes everything back from the plane. */
  close(): void {
    const { frames } = this.#parts;
    const none = new Map();
    forEachGone(this.#bindings, none, ({ network, mac }) => frames.removeBinding(network, mac));
    forEachGone(this.#remotes, none, ({ port }) => frames.removeRemote(port));
    forEachGone(this.#ports, none, ({ port }) => frames.removePort(port));
    forEachGone(this.#networks, none, ({ network }) => frames.removeNetwork(network));
  }

  /** A network that is not carried has no devices, so that programs see that it is down. */
  #wishes(): readonly DeviceWish[] {
    const { book, optionsOf, mtuOf, hasHeader } = this.#parts;
    const ownId = this.#parts.ownId();
    const wishes: DeviceWish[] = [];
    for (const network of book.networks.values()) {
      const mtuBytes = carriedMtu(network, { ownId, mtuOf });
      if (mtuBytes === undefined) continue;
      const common = { blocks: blocksOf(network.definition), mtuBytes, hasHeader };
      for (const endpoint of network.endpoints.values()) {
        if (!isOwn(endpoint, ownId)) continue;
        const { definition } = endpoint;
        const options = optionsOf(endpointKey(definition));
        wishes.push({ ...common, endpoint: definition, options });
      }
    }
    return wishes;
  }

  /** A plain underlay has sockets, which this host may not give. */
  #setNetwork(network: PlaneNetwork): void {
    try {
      this.#parts.frames.setNetwork(network);
    } catch (error) {
      const hint = error instanceof WeftError ? error.hint : undefined;
      const message = error instanceof Error ? error.message : String(error);
      this.#failures.set(network.name, {
        number: network.network,
        message,
        ...hint !== undefined && { hint },
      });
    }
  }

  /** What was not told is told the next time. */
  #forgetFailed(): void {
    for (const { number } of this.#failures.values()) {
      for (
        const told of [this.#networks, this.#ports, this.#remotes, this.#bindings] as Told<
          { network: number }
        >[]
      ) {
        for (const [name, { value }] of told) if (value.network === number) told.delete(name);
      }
    }
  }

  #numberOf(kind: "network" | "remote", name: string): number {
    const key = `${kind} ${name}`;
    let number = this.#numbers.get(key);
    if (number === undefined) this.#numbers.set(key, number = this.#parts.nextNumber());
    return number;
  }

  #forgetNumbers(
    networks: ReadonlyMap<string, PlaneNetwork>,
    remotes: ReadonlyMap<string, PlaneRemote>,
  ): void {
    const used = new Set([
      ...Array.from(networks.values(), ({ network }) => network),
      ...Array.from(remotes.values(), ({ port }) => port),
    ]);
    for (const [key, number] of this.#numbers) if (!used.has(number)) this.#numbers.delete(key);
  }
}

/** Calls `remove` for what is not wanted any more, or is another thing now under the same name. */
function forEachGone<T extends PlaneNetwork | PlanePort | PlaneRemote | PlaneBinding>(
  told: Told<T>,
  desired: ReadonlyMap<string, T>,
  remove: (value: T) => void,
): void {
  for (const [name, { value }] of told) {
    const wanted = desired.get(name);
    if (wanted !== undefined && isSame(wanted, value)) continue;
    told.delete(name);
    remove(value);
  }
}

function forEachNew<T>(told: Told<T>, desired: ReadonlyMap<string, T>, set: (value: T) => void): void {
  for (const [name, value] of desired) {
    const text = JSON.stringify(value);
    if (told.get(name)?.text === text) continue;
    told.set(name, { value, text });
    try {
      set(value);
    } catch (error) {
      // The next sync tells it again.
      told.delete(name);
      throw error;
    }
  }
}

/** Whether one is a change of the other: a binding may go to another port, everything else keeps its number. */
function isSame(
  a: PlaneNetwork | PlanePort | PlaneRemote | PlaneBinding,
  b: PlaneNetwork | PlanePort | PlaneRemote | PlaneBinding,
): boolean {
  if (a.network !== b.network) return false;
  return "mac" in a || !("port" in a) || !("port" in b) || a.port === b.port;
}
