/**
 * Connections that were not made, as `weft proxy` and `forward` say it: a line each, and no flood of lines.
 * @module
 */

import type { Refusal } from "../../forward/mod.ts";

/** So many lines are written within the pause, and of one place and reason one. */
const MAX_LINES = 10;
const PAUSE_MS = 10_000;

/** Why a connection was not made, as people say it, and what to do. */
const REFUSALS: Readonly<
  Record<Refusal, { readonly says: string; readonly hint: (node: string, port: number) => string }>
> = {
  "failed": { says: "it has failed", hint: () => "The log of the agents at both ends may say more." },
  "refused-by-policy": {
    says: "this node may not go there",
    hint: (node) => `On ${node} the offer's selector says who may; \`weft label\` lists the labels of all.`,
  },
  "network-unreachable": { says: "the node does not answer", hint: () => "`weft peers` shows who answers." },
  "no-such-name": {
    says: "nobody in the network goes by that name",
    hint: () => "`weft peers` lists all names.",
  },
  "connection-refused": {
    says: "nothing is offered at that port",
    hint: (node, port) =>
      `On ${node}, \`weft offer ${port}\` offers it, or \`weft up --offer ${port}\` for good.`,
  },
  "timeout": {
    says: "no answer in time",
    hint: () => "A firewall there may drop it; `weft ping` asks the node.",
  },
};

/** Says them, and counts those that it keeps back. */
export class RefusalLines {
  readonly #write: (text: string) => void;
  readonly #now: () => number;
  #told = new Set<string>();
  #kept = 0;
  #since = -Infinity;

  /** @param now milliseconds that only grow */
  constructor(write: (text: string) => void, now: () => number = () => performance.now()) {
    this.#write = write;
    this.#now = now;
  }

  /** Says that there was no connection to a port of a node, and with `hasHint` what to do, unless that was said just now. */
  tell(host: string, port: number, refusal: Refusal, hasHint: boolean): void {
    const now = this.#now();
    if (now - this.#since >= PAUSE_MS) {
      if (this.#kept > 0) this.#write(`weft: ${this.#kept} more connections were refused\n`);
      this.#told = new Set();
      this.#kept = 0;
      this.#since = now;
    }
    const place = host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
    const { says, hint } = REFUSALS[refusal];
    const line = `weft: Cannot reach ${place}: ${says}\n`;
    if (this.#told.has(line) || this.#told.size >= MAX_LINES) {
      this.#kept++;
      return;
    }
    this.#told.add(line);
    this.#write(hasHint ? `${line}hint: ${hint(host, port)}\n` : line);
  }
}
