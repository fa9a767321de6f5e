/**
 * The status page as the command line starts it: where it is, and by which token others read it.
 * @module
 */

import type { AgentOptions, StatusAddress } from "../config/mod.ts";
import { CommandError, systemReason, UsageError } from "./failure.ts";
import { type Logger, shellWord } from "../base/mod.ts";
import type { SettingFollower } from "../agent/mod.ts";
import type { AgentParts, CliPorts, Overlay, StatusPort } from "./ports.ts";

/** A token is a line. */
const MAX_TOKEN_FILE_LENGTH = 1024;

/**
 * Refuses, before anything is made, to serve a page on an address that a node won't have.
 * @throws CommandError
 */
export function refuseWithoutOverlay({ rootless, statusAddress, statusPort }: AgentOptions): void {
  if (!rootless || !statusAddress.includes("overlay")) return;
  throw new CommandError(
    "Cannot serve the status page on the overlay: a rootless node has no address there",
    {
      hint: `With the page on the loopback, \`weft offer ${
        statusPort || 9180
      }\` lets members reach it at this node.`,
    },
  );
}

/**
 * Reads the token that the status page is to ask for, if a file has it.
 * @throws UsageError when the file can't be read, is too large, or may be read by others than its owner
 */
export async function readStatusToken(
  { statusTokenFile: path }: AgentOptions,
  { process }: CliPorts,
): Promise<string | undefined> {
  if (path === undefined) return undefined;
  let text: string;
  try {
    text = await process.readText(path);
  } catch (cause) {
    throw new UsageError(`Cannot read the token of the status page from ${path}: ${systemReason(cause)}`, {
      hint: "Check --status-token-file and the permissions of the file.",
      cause,
    });
  }
  if (await process.othersMay(path) !== undefined) {
    throw new UsageError(`Cannot use the token in ${path}: others than its owner can read or change it`, {
      hint: `\`chmod 600 ${shellWord(path)}\` leaves it to its owner.`,
    });
  }
  if (text.length <= MAX_TOKEN_FILE_LENGTH) return text;
  throw new UsageError(`Cannot use the token in ${path}: the file is longer than a token`, {
    hint: "It holds the token, on one line.",
  });
}

/** The status page of an agent while it runs, which is served anew when its settings change. */
export class StatusSiteHolder {
  /** Set once it is made. */
  node: Overlay | undefined;
  /** Serves it anew by the options as they are now. */
  readonly follower: SettingFollower = {
    names: ["statusAddress", "statusPort", "statusNames"],
    apply: async (options) => {
      const { node } = this;
      if (node === undefined) return;
      refuseWithoutOverlay(options);
      // Both would listen at one port.
      await this.close();
      await this.open(node);
      await this.openOverlay();
    },
  };
  readonly #parts: Pick<AgentParts, "serveStatus">;
  readonly #log: Logger;
  #served: StatusPort | undefined;
  #token: string | undefined;

  constructor(parts: Pick<AgentParts, "serveStatus">, log: Logger) {
    this.#parts = parts;
    this.#log = log;
  }

  /** Where it listens; undefined when there is none. */
  get port(): number | undefined {
    return this.#served?.port;
  }

  /** Serves it, unless the options say that there is none. @throws WeftError */
  async open(node: Overlay): Promise<void> {
    const { statusAddress: addresses, statusPort: port, statusNames: names } = node.options;
    if (port === "off") return;
    this.#served = await this.#parts.serveStatus({ node, log: this.#log, addresses, port, names });
  }

  /** Serves it on the overlay, too, when it is to be there. */
  async openOverlay(): Promise<void> {
    await this.#served?.openOverlay();
  }

  /** Has the page ask for a token that a file has, or for the state's. @returns whether it is another one @throws WeftError */
  useToken(token: string | undefined): boolean {
    if (token === this.#token) return false;
    this.node?.statusToken.use(token);
    this.#token = token;
    return true;
  }

  /** Harmless when repeated. */
  async close(): Promise<void> {
    const served = this.#served;
    this.#served = undefined;
    await served?.close();
  }
}

/** @returns lines that say where the page is */
export function statusPageText(addresses: readonly StatusAddress[], overlay: Overlay, port: number): string {
  const own = overlay.overlayAddresses().map(String);
  const isAny = addresses.includes("any") ||
    addresses.some((each) => typeof each === "object" && each.isUnspecified);
  const places = addresses.map((each) => {
    if (each === "overlay") return own[0];
    return each === "loopback" ? "127.0.0.1" : each === "any" || each.isUnspecified ? "localhost" : `${each}`;
  }).filter((place) => place !== undefined);
  const urls = [...new Set(places)].map((host) =>
    `http://${host.includes(":") ? `[${host}]` : host}:${port}/`
  );
  const lines = [`Status page: ${urls.join(" and ")}`];
  const isBeyond = isAny ||
    addresses.some((each) => each === "overlay" || typeof each === "object" && !each.isLoopback);
  if (isBeyond) lines.push("From other machines it asks for the token that `weft status token` prints");
  const isPublic = isAny ||
    addresses.some((each) => typeof each === "object" && !each.isLoopback && !own.includes(`${each}`));
  // The overlay seals what goes over it.
  if (isPublic) {
    lines.push("It is plain HTTP: outside the overlay whoever is on the way can read it, and the token");
  }
  return lines.map((line) => `${line}\n`).join("");
}
