/**
 * Gossip over links: the machine of `lib/mesh`, its timer, and the channels that it uses.
 * @module
 */

import { DeadlineTimer, type Environment } from "../../base/mod.ts";
import { Gossip, MESH_TOPIC, type MeshMessage, type MessageOutcome, type Replica } from "../../mesh/mod.ts";
import type { Link } from "./link_table.ts";

/** Keeps the replica the same on both ends of each link. */
export class GossipDriver {
  readonly #replica: Replica;
  readonly #gossip: Gossip<Link>;
  readonly #timer: DeadlineTimer;
  readonly #sending = new Set<Link>();
  #unsubscribe: () => void = () => {};
  #isClosed = false;

  constructor(replica: Replica, environment: Pick<Environment, "clock" | "timers" | "random">) {
    this.#replica = replica;
    this.#gossip = new Gossip(replica, environment);
    this.#timer = new DeadlineTimer(environment, () => {
      this.#gossip.handleTimeout();
      this.#advance();
    });
  }

  /** Begins to compare from time to time, and to push what this node publishes. */
  start(): void {
    this.#unsubscribe = this.#replica.subscribe({
      handleOwnUpdate: (update) => {
        this.#gossip.push(update);
        this.#advance();
      },
    });
    this.#advance();
  }

  /** Begins to exchange on a link; the end that dialled begins to compare. */
  open(link: Link): void {
    this.#gossip.open(link, link.dialler === "us");
    this.#advance();
  }

  close(link: Link): void {
    this.#gossip.close(link);
  }

  /**
   * Merges what a member sends, passes on what was new, answers, and then delivers the events to this node's subscribers.
   * @param message undefined for one that could not be read
   * @throws StateError when what is new cannot be stored; then nothing has changed
   */
  handleMessage(link: Link, message: MeshMessage | undefined): MessageOutcome {
    const outcome = this.#gossip.handleMessage(link, message);
    this.#advance();
    if (outcome.changes > 0) this.#replica.deliverEvents();
    return outcome;
  }

  /** @returns how far the clocks of linked members are ahead of this one, in milliseconds */
  clockSkewsMs(): readonly number[] {
    return this.#gossip.clockSkewsMs();
  }

  stop(): void {
    this.#isClosed = true;
    this.#unsubscribe();
    this.#timer.set(undefined);
  }

  /** Sends what is ready, and follows the timeout, which a message may have brought forward. */
  #advance(): void {
    for (let link = this.#gossip.pollReady(); link !== undefined; link = this.#gossip.pollReady()) {
      void this.#send(link);
    }
    if (!this.#isClosed) this.#timer.set(this.#gossip.pollTimeout());
  }

  /** Sends what waits for one link, at the rate at which its other end reads. */
  async #send(link: Link): Promise<void> {
    if (this.#sending.has(link)) return;
    this.#sending.add(link);
    const next = () => this.#gossip.pollTransmit(link);
    for (let body = next(); body !== undefined; body = next()) {
      if (!await link.channel.send({ topic: MESH_TOPIC, body })) break;
    }
    this.#sending.delete(link);
  }
}
