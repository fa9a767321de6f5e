/**
 * The status page of a node at all the addresses at which it is to be served: those of the host at once, those of the
 * overlay once the interface has them, and again whenever the node is given others.
 * @module
 */

import type { AgentControl } from "../api/mod.ts";
import { type Environment, type Logger, repeat } from "../base/mod.ts";
import type { StatusAddress } from "../config/mod.ts";
import type { IpAddress } from "../net/mod.ts";
import { Access, sourceOf, type TokenCheck } from "./access.ts";
import { statusApp } from "./apps.ts";
import { CannotServeError, serveApp, type Served } from "./serve.ts";

/** How often it is looked whether the node has other addresses. */
const FOLLOW_MS = 2_000;
const LOOPBACK = "127.0.0.1";
/** Every address, of both families where the host has both. */
const EVERYWHERE = ["::", "0.0.0.0"] as const;

/** The node whose page it is. */
export interface StatusNode {
  readonly control: AgentControl;
  readonly statusToken: TokenCheck;
  /** @returns its overlay addresses as of now */
  overlayAddresses(): readonly IpAddress[];
  /** Whether a name or an address is one of the node's own now. */
  isOwnHost(hostname: string): boolean;
}

/** What is served where. */
export interface StatusSiteOptions extends Pick<Environment, "clock" | "timers"> {
  readonly node: StatusNode;
  readonly log: Logger;
  readonly addresses: readonly StatusAddress[];
  /** 0 for any free one, the same at all addresses. */
  readonly port: number;
  /** Further names and addresses by which it may be called. */
  readonly names?: readonly string[];
}

/** The servers of one page. */
export class StatusSite {
  readonly #options: StatusSiteOptions;
  readonly #app: ReturnType<typeof statusApp>;
  readonly #source = (address: string): string => sourceOf(address, this.#options.node.overlayAddresses());
  readonly #fixed: Served[] = [];
  readonly #overlay = new Map<string, Served>();
  #port: number;
  #endFollowing: () => void = () => {};
  #following: Promise<void> = Promise.resolve();
  #isClosed = false;

  private constructor(options: StatusSiteOptions) {
    const { node, log, clock, names = [], addresses } = options;
    this.#options = options;
    this.#port = options.port;
    const access = new Access({
      token: node.statusToken,
      clock,
      sourceOf: this.#source,
      onWrongTokens: (from) => log.warn("wrong tokens were shown to the status page", { from }),
    });
    this.#app = statusApp({
      control: node.control,
      // The words for places are names of nobody.
      addresses: [...names, ...addresses.filter((each) => typeof each === "object").map(String)],
      isOwnHost: (hostname) => node.isOwnHost(hostname),
      access,
    });
  }

  /**
   * Serves at the addresses of the host, before anything of it is changed: a port that is taken should have no consequences.
   * @throws StatusPortInUseError, CannotServeError
   */
  static async open(options: StatusSiteOptions): Promise<StatusSite> {
    const site = new StatusSite(options);
    try {
      for (const hostname of site.#hostAddresses()) await site.#serve(hostname);
    } catch (error) {
      await site.close();
      throw error;
    }
    return site;
  }

  /** The TCP port, the same at all addresses. */
  get port(): number {
    return this.#port;
  }

  /**
   * Serves at the node's overlay addresses too, if it is to, and follows them; to be called when the node has started.
   * @throws StatusPortInUseError, CannotServeError
   */
  async openOverlay(): Promise<void> {
    const { timers, log } = this.#options;
    if (this.#wantedOverlay().length === 0) return;
    const first = this.#follow();
    this.#following = first.catch(() => {});
    await first;
    if (this.#isClosed) return;
    // Another address is the node's before the interface has it: then it is tried again.
    const upkeep = { intervalMs: FOLLOW_MS, problem: "cannot follow the overlay addresses" };
    this.#endFollowing = repeat({ timers, log }, upkeep, () => {
      this.#following = this.#following.then(() => this.#follow()).catch((error) =>
        log.debug("cannot serve the status page yet", { error })
      );
    });
  }

  /** Ends all of it: what is under way gets half a second. Harmless when repeated. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#endFollowing();
    await this.#following;
    await Promise.all([...this.#fixed, ...this.#overlay.values()].map((served) => served.close()));
  }

  async #serve(hostname: string | typeof EVERYWHERE): Promise<void> {
    if (typeof hostname === "string") {
      const served = await serveApp(this.#app, hostname, this.#port, this.#source);
      this.#port = served.port;
      this.#fixed.push(served);
      return;
    }
    const [both, ipv4] = hostname;
    try {
      await this.#serve(both);
    } catch (error) {
      if (!(error instanceof CannotServeError)) throw error;
      // A host without IPv6.
      await this.#serve(ipv4);
    }
  }

  /** The page is on the loopback too where it is on the overlay, so that nothing of this machine has to ask elsewhere. */
  #hostAddresses(): readonly (string | typeof EVERYWHERE)[] {
    const { addresses, node } = this.#options;
    if (addresses.includes("any")) return [EVERYWHERE];
    const overlay = node.overlayAddresses().map(String);
    const hosts = addresses.map((each) =>
      each === "overlay" || each === "loopback" ? LOOPBACK : String(each)
    );
    return [...new Set(hosts.filter((host) => !overlay.includes(host)))];
  }

  /** @returns which of the node's overlay addresses it is to be served at */
  #wantedOverlay(): readonly string[] {
    const { addresses, node } = this.#options;
    if (addresses.includes("any")) return [];
    const named = addresses.map(String);
    return node.overlayAddresses().map(String).filter((each) =>
      named.includes("overlay") || named.includes(each)
    );
  }

  async #follow(): Promise<void> {
    const wanted = new Set(this.#wantedOverlay());
    for (const [hostname, served] of this.#overlay) {
      if (wanted.has(hostname)) continue;
      this.#overlay.delete(hostname);
      await served.close();
    }
    for (const hostname of wanted) {
      if (this.#overlay.has(hostname) || this.#isClosed) continue;
      const served = await serveApp(this.#app, hostname, this.#port, this.#source);
      this.#port = served.port;
      this.#overlay.set(hostname, served);
    }
  }
}
