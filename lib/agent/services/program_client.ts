/**
 * A program that is attached to its machine's agent, over a Unix socket.
 * @module
 */

import { LimitedLogger, type Logger, memoryAccount } from "../../base/mod.ts";
import { type Channel, openLocalChannel } from "../../channel/mod.ts";
import { awaitAccepted, type DialRefusal, type Duplex, FORWARD_TOPIC } from "../../forward/mod.ts";
import { systemClock, systemCompressor, systemEnvironment, systemTimers } from "../../host/mod.ts";
import {
  AGENT,
  type PeerId,
  type PeerLinks,
  ProgramRuntime,
  type ServiceSettings,
} from "../../service/mod.ts";
import { dialUnix, SocketYield } from "../../transport/mod.ts";
import {
  conflictText,
  isOursOlder,
  OWN_PROTOCOLS,
  type ProtocolVersions,
  type VersionConflict,
} from "../../mesh/mod.ts";
import { IncompatibleVersionError, InvalidRequestError, UnreachableError } from "../errors.ts";
import { type ProgramVersions, stateVersions } from "./program_versions.ts";
import { type PortListener, tryEncodeHeader } from "./stream_forwarder.ts";
import { EarlyMessageGate, SERVICE_TOPIC } from "../peers/mod.ts";

const DIAL_TIMEOUT_MS = 12_000;
/** So long an agent may take to answer for the first time. */
const ANSWER_TIMEOUT_MS = 5_000;
/** How often an agent that is gone is dialled. */
const RETRY_MS = 500;

/** Where programs are attached. @returns the path of the socket at which an agent accepts programs */
export function programSocketPath(stateDir: string): string {
  return `${stateDir}/programs.sock`;
}

/** How a program is attached. */
interface ProgramSettings extends ServiceSettings {
  /** What it speaks; what its release does when left out. */
  readonly protocols?: ProtocolVersions;
}

function incompatible(path: string, conflict: VersionConflict): IncompatibleVersionError {
  const { problem } = conflictText(conflict, "the agent", "this program");
  return new IncompatibleVersionError(`Cannot attach to the agent at ${path}: ${problem}`, {
    hint: isOursOlder(conflict)
      ? "Upgrade the package of this program."
      : "Upgrade weft there and restart the agent.",
  });
}

/** One program; it dials the agent again when that was started again. */
export class ProgramClient {
  readonly name = "program";
  readonly runtime: ProgramRuntime;
  readonly closed: Promise<void>;
  readonly #path: string;
  readonly #drainMs: number | undefined;
  readonly #protocols: ProtocolVersions;
  readonly #log: LimitedLogger;
  readonly #ended = Promise.withResolvers<void>();
  readonly #eventLoop = new SocketYield(systemTimers);
  #channel: Channel | undefined;
  #versions: ProgramVersions | undefined;
  #dialling: Promise<boolean> | undefined;
  #cancelRetry: () => void = () => {};
  #isStopped = false;

  private constructor(path: string, log: Logger, { limits, drainMs, protocols }: ProgramSettings) {
    this.#path = path;
    this.#protocols = protocols ?? OWN_PROTOCOLS;
    this.#drainMs = drainMs;
    const environment = systemEnvironment(log);
    this.#log = new LimitedLogger(log, environment);
    this.closed = this.#ended.promise;
    this.runtime = new ProgramRuntime({
      ...environment,
      log: this.#log,
      links: this.#links(),
      compressor: systemCompressor,
      limits,
    });
  }

  /**
   * @throws UnreachableError when no agent is there, or it lets this program in no more, IncompatibleVersionError when this
   * program and the agent speak no version of a protocol in common
   */
  static async open(path: string, log: Logger, settings: ProgramSettings = {}): Promise<ProgramClient> {
    const program = new ProgramClient(path, log, settings);
    if (await program.#reach()) {
      const versions = program.#versions;
      const refusal = await program.#whyRefused();
      // Whatever the agent has answered, what it says of versions came before.
      const conflict = versions?.conflict();
      if (conflict !== undefined) {
        await program.stop();
        throw incompatible(path, conflict);
      }
      if (refusal === undefined) return program;
      await program.stop();
      throw new UnreachableError(`The agent at ${path} does not let this program in: ${refusal}`, {
        hint: "Stop programs that are not needed, or have several services in one program.",
      });
    }
    throw new UnreachableError(`No agent lets programs in at ${path}`, {
      hint: "Start one with `weft up`, or name its state directory.",
    });
  }

  /** Opens a stream of bytes by way of the agent. */
  async dial(host: string, port: number, signal: AbortSignal): Promise<Duplex | DialRefusal> {
    const header = tryEncodeHeader(host, port);
    if (header === undefined) return { refusal: "no-such-name" };
    if (!await this.#reach()) return { refusal: "network-unreachable" };
    const stream = this.#channel?.openStream(FORWARD_TOPIC, header);
    if (stream === undefined) return { refusal: "network-unreachable" };
    return await awaitAccepted(stream, { signal, timeoutMs: DIAL_TIMEOUT_MS });
  }

  /** @throws InvalidRequestError always: ports belong to nodes */
  listen(): PortListener {
    throw new InvalidRequestError("Cannot listen: a program that is attached has no ports of its own", {
      hint: "Join as a node, or have the agent offer a TCP port of this machine.",
    });
  }

  /** Waits for the calls that are under way, stops services and closes the channel. Harmless when repeated. */
  async stop({ drainMs = this.#drainMs }: { readonly drainMs?: number } = {}): Promise<void> {
    if (this.#isStopped) return await this.closed;
    this.#isStopped = true;
    this.#cancelRetry();
    await this.runtime.drain(drainMs);
    await this.runtime.close();
    this.#channel?.close("the program stops");
    await this.#channel?.closed;
    await this.#eventLoop.close();
    this.#log[Symbol.dispose]();
    this.#ended.resolve();
  }

  /** An agent that lets nobody in any more says so and closes; one that does answers. @returns its reason */
  async #whyRefused(): Promise<string | undefined> {
    const channel = this.#channel;
    const options = { timeoutMs: ANSWER_TIMEOUT_MS, idempotent: true, retries: 0 };
    const answered = this.runtime.request("$registry/wait", { services: [] }, options).catch(() => {});
    await Promise.race([answered, channel?.closed]);
    return channel?.closeReason;
  }

  #links(): PeerLinks {
    return {
      post: (_, message) => {
        const channel = this.#channel;
        if (!channel?.isOpen) return "no-link";
        return channel.post(SERVICE_TOPIC, message) ? "queued" : "congested";
      },
      drained: async () => await this.#channel?.drained(),
      reach: () => this.#reach(),
      openStream: (_, header) => {
        const stream = this.#channel?.openStream(SERVICE_TOPIC, header);
        return stream?.resetCode === undefined ? stream : undefined;
      },
      rttMs: () => this.#channel?.lastRttMs,
      linked: (): readonly PeerId[] => this.#channel === undefined ? [] : [AGENT],
    };
  }

  #reach(): Promise<boolean> {
    if (this.#channel !== undefined) return Promise.resolve(true);
    if (this.#isStopped) return Promise.resolve(false);
    return this.#dialling ??= this.#open().finally(() => this.#dialling = undefined);
  }

  async #open(): Promise<boolean> {
    const stream = await dialUnix(this.#path);
    if (stream === undefined || this.#isStopped) {
      stream?.close();
      return false;
    }
    const channel = openLocalChannel(stream, {
      clock: systemClock,
      timers: systemTimers,
      prepare: (channel) => {
        this.#versions = stateVersions(channel, this.#protocols, () => channel.close("no version in common"));
        channel.limitTurns(this.#eventLoop);
        channel.limitMemory(memoryAccount(this.runtime.memory, AGENT));
        new EarlyMessageGate(channel, this.runtime, (_, __, opened) => opened.reset(1)).open(AGENT);
      },
    });
    this.#channel = channel;
    this.runtime.handleLink();
    void channel.closed.then(() => {
      this.#channel = undefined;
      const reason = channel.closeReason;
      if (reason) this.#log.warn("the agent has ended the connection", { path: this.#path, reason });
      this.runtime.handleLinkLost();
      this.#redial();
    });
    return true;
  }

  #redial(): void {
    if (this.#isStopped) return;
    this.#log.debug("the agent is gone", { path: this.#path });
    this.#cancelRetry = systemTimers.setTimer(RETRY_MS, () => {
      void this.#reach().then((isThere) => isThere || this.#redial());
    });
  }
}
