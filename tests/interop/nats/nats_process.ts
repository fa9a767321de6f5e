/**
 * A nats-server of a test's own, on loopback.
 * @module
 */

import { CapturedProcess, findProgram, type Requirement } from "../../lab/mod.ts";

const GIVEN = Deno.env.get("NATS_SERVER");
/** The server's program: as `NATS_SERVER` names it, or on the `PATH`. */
export const NATS_SERVER: string = GIVEN ?? findProgram("nats-server") ?? "nats-server";
/** What a test with servers needs. */
export const NEEDS_NATS: readonly Requirement[] = GIVEN === undefined ? ["nats-server"] : [];

const START_MS = 10_000;

/** How a server is started. */
export interface NatsProcessOptions {
  /** Where it keeps what it is told. */
  readonly folder: string;
  /** How much its streams may hold; as much as the disk has unless given. */
  readonly storeBytes?: number;
  /** More lines of its configuration. */
  readonly lines?: readonly string[];
}

/** A server that can be killed, frozen and started again with what it had. */
export class NatsProcess implements AsyncDisposable {
  readonly port: number;
  readonly #options: NatsProcessOptions;
  #process: CapturedProcess | undefined;

  constructor(options: NatsProcessOptions, port: number = freePort()) {
    this.#options = options;
    this.port = port;
  }

  get url(): string {
    return `nats://127.0.0.1:${this.port}`;
  }

  /** Starts it, and waits until it listens. */
  async start(): Promise<void> {
    const { folder, storeBytes, lines = [] } = this.#options;
    const bound = storeBytes === undefined ? "" : `, max_file_store: ${storeBytes}`;
    const path = `${folder}/nats-${this.port}.conf`;
    await Deno.writeTextFile(
      path,
      [
        `listen: "127.0.0.1:${this.port}"`,
        `server_name: "n${this.port}"`,
        `jetstream { store_dir: "${folder}/js-${this.port}"${bound} }`,
        ...lines,
      ].join("\n"),
    );
    const process = this.#process = new CapturedProcess([NATS_SERVER, "-c", path], { label: "nats-server" });
    await process.until(({ stderr }) => stderr.includes("Server is ready"), START_MS, "ready");
  }

  /** Ends it as a power cut does. */
  async kill(): Promise<void> {
    await this.#process?.kill();
  }

  signal(signal: Deno.Signal): void {
    this.#process?.signal(signal);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#process?.[Symbol.asyncDispose]();
  }
}

/** @returns a port of loopback that nobody listens at */
export function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return (listener.addr as Deno.NetAddr).port;
}
