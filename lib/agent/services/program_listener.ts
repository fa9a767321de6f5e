/**
 * Accepts programs of this machine that attach to this node, over a Unix socket.
 * @module
 */

import type { Counters, Environment } from "../../base/mod.ts";
import { acceptLocalChannel, type Channel, type ChannelDropReason } from "../../channel/mod.ts";
import { conflictText, type ProtocolVersions } from "../../mesh/mod.ts";
import { type NodeRuntime, type PeerId, programId } from "../../service/mod.ts";
import { listenUnix, type UnixStreamListener } from "../../transport/mod.ts";
import type { EarlyMessageGate } from "../peers/mod.ts";
import type { MeshPeers } from "../peers/mod.ts";
import { stateVersions } from "./program_versions.ts";

/** How many programs may be attached at the same time. */
const MAX_PROGRAMS = 256;
/** So long one may take to say what it speaks, where that matters. */
const VERSIONS_TIMEOUT_MS = 5_000;

interface ProgramListenerParts extends Environment {
  readonly peers: MeshPeers;
  readonly runtime: NodeRuntime;
  /** Counts why channels to programs come to an early end. */
  readonly counters: Counters<ChannelDropReason>;
  /** What this node speaks. */
  readonly protocols: ProtocolVersions;
  /** Is shown a channel from which nothing has been read. */
  prepare(channel: Channel, program: PeerId): EarlyMessageGate;
}

/** Accepts programs, and forgets them when they are gone. */
export class ProgramListener {
  readonly #parts: ProgramListenerParts;
  readonly #listener: UnixStreamListener;
  readonly #channels = new Map<PeerId, Channel>();
  #lastNumber = 0;

  private constructor(parts: ProgramListenerParts, listener: UnixStreamListener) {
    this.#parts = parts;
    this.#listener = listener;
    void this.#accept();
  }

  /** @throws SocketError, SocketPathInUseError */
  static async open(path: string, parts: ProgramListenerParts): Promise<ProgramListener> {
    return new ProgramListener(parts, await listenUnix(path));
  }

  /** How many programs are attached. */
  get size(): number {
    return this.#channels.size;
  }

  async close(): Promise<void> {
    this.#listener.close();
    const channels = [...this.#channels.values()];
    for (const channel of channels) channel.close("the agent stops");
    await Promise.all(channels.map(({ closed }) => closed));
  }

  async #accept(): Promise<void> {
    const { clock, timers, log, peers, runtime, counters } = this.#parts;
    for (;;) {
      const stream = await this.#listener.accept();
      if (stream === undefined) return;
      if (this.#channels.size >= MAX_PROGRAMS) {
        log.warn("too many programs are attached: another one was turned away", { limit: MAX_PROGRAMS });
        acceptLocalChannel(stream, { clock, timers, counters })
          .close(`${MAX_PROGRAMS} programs are attached already`);
        continue;
      }
      const peer = programId(++this.#lastNumber);
      const channel = acceptLocalChannel(stream, {
        clock,
        timers,
        counters,
        prepare: (channel) => {
          this.#stateVersions(channel);
          this.#parts.prepare(channel, peer).open(peer);
        },
      });
      this.#channels.set(peer, channel);
      peers.addProgram(peer, channel);
      runtime.handleLink(peer);
      void this.#drop(channel);
      void channel.closed.then(() => {
        this.#channels.delete(peer);
        peers.removeProgram(peer);
        runtime.handleLinkLost(peer);
        runtime.handlePeerGone(peer);
      });
    }
  }

  #stateVersions(channel: Channel): void {
    const { protocols, log, timers } = this.#parts;
    const refuse = (conflict: Parameters<typeof conflictText>[0]): void => {
      const { problem, hint } = conflictText(conflict, "a program of this machine");
      log.warn(`cannot let a program in: ${problem}`, { hint });
      channel.close(problem);
    };
    const versions = stateVersions(channel, protocols, refuse);
    if (versions.conflict() === undefined) return;
    // It is not one of the former release when it says something else in time.
    const cancel = timers.setTimer(VERSIONS_TIMEOUT_MS, () => {
      const conflict = versions.conflict();
      if (conflict !== undefined && channel.isOpen) refuse(conflict);
    });
    void channel.closed.then(cancel);
  }

  /** Programs send nothing on other topics. */
  async #drop(channel: Channel): Promise<void> {
    while (await channel.receive() !== undefined);
  }
}
