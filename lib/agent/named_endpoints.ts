/**
 * The endpoints of this node that are told by name: looked up at the start, and again for as long as it runs, because
 * what others are told is addresses, and those of a name may change.
 * @module
 */

import { type Environment, withTimeout } from "../base/mod.ts";
import type { NamedEndpointOption } from "../config/mod.ts";
import { Endpoint, IpAddress, WebAddress } from "../net/mod.ts";

/** How often a name is looked up that was found, in milliseconds. */
export const FOUND_MS = 300_000;
/** How often one is that was not, in milliseconds. */
export const MISSED_MS = 30_000;
/** How long a look may take. */
const LOOK_MS = 3_000;
/** So many addresses of one name are told. */
const MAX_ADDRESSES = 4;

/** Finds the addresses of a host as this system does, /etc/hosts and all. @throws the system's error */
export type HostLookup = (hostname: string) => Promise<readonly string[]>;

/** Knows the addresses of some names, as of the last look. */
export class NamedEndpoints {
  #names: readonly NamedEndpointOption[] = [];
  readonly #environment: Pick<Environment, "clock" | "timers" | "log">;
  readonly #lookup: HostLookup;
  /** By the name with its port; kept when a later look fails, for that says nothing of where this node is. */
  readonly #found = new Map<string, readonly Endpoint[]>();
  #dueAt = 0;
  #looking: Promise<void> | undefined;

  /** @param endpoints addresses and URLs among them are passed over */
  constructor(
    endpoints: readonly (Endpoint | NamedEndpointOption | WebAddress)[],
    environment: Pick<Environment, "clock" | "timers" | "log">,
    find: HostLookup = systemLookup,
  ) {
    this.#environment = environment;
    this.#lookup = find;
    this.follow(endpoints);
  }

  /** Knows others from the next look on. */
  follow(endpoints: readonly (Endpoint | NamedEndpointOption | WebAddress)[]): void {
    this.#names = endpoints.flatMap((endpoint) =>
      endpoint instanceof Endpoint || endpoint instanceof WebAddress ? [] : [endpoint]
    );
    this.#dueAt = 0;
  }

  /** @returns the addresses of a name; none when it was never found */
  of({ hostname, port }: NamedEndpointOption): readonly Endpoint[] {
    return this.#found.get(`${hostname}:${port}`) ?? [];
  }

  /** Looks names up that are due, in the background. */
  lookWhenDue(): void {
    if (this.#names.length === 0 || this.#environment.clock.now() < this.#dueAt) return;
    void this.look();
  }

  /** Looks all names up. Never throws: a name that is not found is logged, and looked up again soon. */
  async look(): Promise<void> {
    if (this.#names.length === 0) return;
    await (this.#looking ??= this.#lookAll().finally(() => this.#looking = undefined));
  }

  async #lookAll(): Promise<void> {
    const { clock } = this.#environment;
    // Nobody looks again meanwhile.
    this.#dueAt = clock.now() + FOUND_MS;
    const results = await Promise.all(this.#names.map((name) => this.#lookOne(name)));
    this.#dueAt = clock.now() + (results.every(Boolean) ? FOUND_MS : MISSED_MS);
  }

  /** @returns whether it was found */
  async #lookOne({ hostname, port }: NamedEndpointOption): Promise<boolean> {
    const { timers, log } = this.#environment;
    let reason = "no answer in time";
    const texts = await withTimeout(
      timers,
      LOOK_MS,
      this.#lookup(hostname).catch((error: unknown) => {
        reason = error instanceof Error ? error.message : String(error);
        return [];
      }),
    ) ?? [];
    const addresses = texts.map((text) => IpAddress.parse(text)).filter((address) => address !== undefined);
    const endpoints = addresses.slice(0, MAX_ADDRESSES).map((address) => new Endpoint(address, port));
    const key = `${hostname}:${port}`;
    if (endpoints.length === 0) {
      log.warn("cannot find the endpoint's name, and looks again in half a minute", {
        name: hostname,
        reason,
      });
      return false;
    }
    if (this.#found.get(key)?.join() !== endpoints.join()) {
      log.info("the endpoint's name stands for", { name: hostname, addresses: addresses.map(String) });
    }
    this.#found.set(key, endpoints);
    return true;
  }
}

async function systemLookup(hostname: string): Promise<readonly string[]> {
  const { lookup } = await import("node:dns/promises");
  const found = await lookup(hostname, { all: true });
  return found.map(({ address }) => address);
}
