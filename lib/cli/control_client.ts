/**
 * Asking a running agent through its control socket.
 * @module
 */

import { WeftError } from "../base/mod.ts";
import type {
  CallRequest,
  DeviceRequest,
  DnsAnswerRecord,
  DnsAnswerReport,
  DnsRecordReport,
  DnsRecordRequest,
  DnsRemoval,
  LeaderReport,
  OfferRequest,
  PeerReport,
  PingReport,
  PublishRequest,
  ServiceChange,
  StatusReport,
  TokenReport,
  TokenRequest,
} from "../agent/mod.ts";
import type { PublishReport, ServiceReport } from "../service/mod.ts";
import { jsonLines } from "./json_lines.ts";

/** An answer that takes longer than this will not come; a ping gives up by itself before. */
const ANSWER_BOUND_MS = 15_000;

/** A call has a bound of its own, which the agent keeps; this is for what comes on top. */
const CALL_GRACE_MS = 5_000;
const CALL_TIMEOUT_MS = 10_000;

/** What an action has answered, or one item of its stream; bytes are in base64. */
export type CallResult = { readonly result: unknown } | { readonly base64: string };

/** An event, or how many were dropped before it because nobody read them. */
export type EventLine =
  | { readonly dropped: number }
  | {
    readonly topic: string;
    readonly data?: unknown;
    readonly base64?: string;
    readonly params: Readonly<Record<string, string>>;
    readonly publishedAt: number;
    readonly isPast: boolean;
    readonly publisher: string;
  };

/** No agent answers at the control socket. */
export class NoAgentError extends WeftError {
  readonly code = "NoAgent";
}

/** Whoever asked wanted the answer no more. */
export class StoppedError extends WeftError {
  readonly code = "Stopped";

  constructor() {
    super("Stopped before the answer came", { hint: "Run it again." });
  }
}

/** The agent said no, in its own words. */
export class AgentAnswerError extends WeftError {
  /** What the agent calls it. */
  readonly code: string;

  constructor(message: string, options: { readonly code: string; readonly hint?: string }) {
    super(message, options.hint === undefined ? {} : { hint: options.hint });
    this.code = options.code;
  }
}

/** The control application of one agent. Every call throws NoAgentError or AgentAnswerError when it fails. */
export class ControlClient implements Disposable {
  readonly #stateDir: string;
  readonly #client: Deno.HttpClient;

  /** @param stateDir the agent's state directory, which holds `control.sock` */
  constructor(stateDir: string) {
    this.#stateDir = stateDir;
    this.#client = Deno.createHttpClient({ proxy: { transport: "unix", path: controlSocketPath(stateDir) } });
  }

  status(): Promise<StatusReport> {
    return this.#ask("GET", "/status");
  }

  peers(): Promise<readonly PeerReport[]> {
    return this.#ask("GET", "/peers");
  }

  createToken(request: TokenRequest): Promise<{ readonly token: string; readonly report: TokenReport }> {
    return this.#ask("POST", "/tokens", request);
  }

  listTokens(): Promise<readonly TokenReport[]> {
    return this.#ask("GET", "/tokens");
  }

  async revokeToken(id: string): Promise<void> {
    await this.#ask("DELETE", `/tokens/${encodeURIComponent(id)}`);
  }

  addDevice(
    request: DeviceRequest,
  ): Promise<{ readonly name: string; readonly addresses: readonly string[] }> {
    return this.#ask("POST", "/peers", request);
  }

  leaders(): Promise<readonly LeaderReport[]> {
    return this.#ask("GET", "/leaders");
  }

  async promoteLeader(node: string): Promise<void> {
    await this.#ask("POST", "/leaders", { node });
  }

  async demoteLeader(node: string): Promise<void> {
    await this.#ask("DELETE", `/leaders/${encodeURIComponent(node)}`);
  }

  /** @returns the new WireGuard key in base64, and the new id */
  rotateKey(): Promise<{ readonly publicKey: string; readonly id: string }> {
    return this.#ask("POST", "/rotate-key");
  }

  async removePeer(peer: string): Promise<void> {
    await this.#ask("DELETE", `/peers/${encodeURIComponent(peer)}`);
  }

  listNames(): Promise<readonly DnsRecordReport[]> {
    return this.#ask("GET", "/dns");
  }

  addName(request: DnsRecordRequest): Promise<DnsAnswerRecord> {
    return this.#ask("POST", "/dns", request);
  }

  async removeName({ name, type, data }: DnsRemoval): Promise<number> {
    const query = new URLSearchParams({ ...type && { type }, ...data && { data } });
    const path = `/dns/${encodeURIComponent(name)}?${query}`;
    return (await this.#ask<{ readonly removed: number }>("DELETE", path)).removed;
  }

  resolveName(name: string, type?: string): Promise<DnsAnswerReport> {
    return this.#ask("POST", "/dns/query", { name, ...type && { type } });
  }

  ping(peer: string): Promise<PingReport> {
    return this.#ask("POST", "/ping", { peer });
  }

  services(): Promise<readonly ServiceReport[]> {
    return this.#ask("GET", "/services");
  }

  /** @returns whether it was running */
  async pauseService(change: ServiceChange): Promise<boolean> {
    return (await this.#ask<{ readonly changed: boolean }>("POST", "/services/pause", change)).changed;
  }

  /** @returns whether it was paused */
  async resumeService(change: ServiceChange): Promise<boolean> {
    return (await this.#ask<{ readonly changed: boolean }>("POST", "/services/resume", change)).changed;
  }

  /**
   * Calls an action. The agent keeps the deadline, of the answer and not of the items of a stream.
   * @returns one result, or the items of a stream as they come; reading them throws when the stream breaks
   */
  async call(request: CallRequest, signal: AbortSignal): Promise<CallResult | AsyncIterable<CallResult>> {
    const boundMs = (request.timeoutMs ?? CALL_TIMEOUT_MS) + CALL_GRACE_MS;
    const response = await this.#open("POST", "/call", { body: request, signal, boundMs });
    if (!isNdjson(response)) return await this.#read(response);
    return this.#lines<CallResult>(response, signal);
  }

  publish(request: PublishRequest): Promise<PublishReport> {
    return this.#ask("POST", "/publish", request);
  }

  /** @returns events as they come, until `signal` says that it is enough */
  async subscribe(
    pattern: string,
    { past, signal }: { readonly past: boolean; readonly signal: AbortSignal },
  ): Promise<AsyncIterable<EventLine>> {
    const query = new URLSearchParams({ pattern, ...past && { past: "1" } });
    return this.#lines(await this.#open("GET", `/subscribe?${query}`, { signal }), signal);
  }

  /** Offers a port until `signal` says that it is enough. @returns a line once it is offered; then it waits */
  async offer(request: OfferRequest, signal: AbortSignal): Promise<AsyncIterable<{ readonly port: number }>> {
    return this.#lines(await this.#open("POST", "/offer", { body: request, signal }), signal);
  }

  [Symbol.dispose](): void {
    this.#client.close();
  }

  /** The agent is of this user and this machine, so its answers are taken for what they should be. */
  async #ask<T>(method: string, path: string, body?: object): Promise<T> {
    return await this.#read(await this.#open(method, path, { body, boundMs: ANSWER_BOUND_MS }));
  }

  /** @returns an answer that is no failure; its body comes at its own pace */
  async #open(
    method: string,
    path: string,
    { body, signal, boundMs }: {
      readonly body?: object | undefined;
      readonly signal?: AbortSignal;
      readonly boundMs?: number;
    },
  ): Promise<Response> {
    const late = new AbortController();
    const timer = boundMs === undefined
      ? undefined
      : setTimeout(() => late.abort(new DOMException("", "TimeoutError")), boundMs);
    let response: Response;
    try {
      response = await fetch(`http://localhost${path}`, {
        method,
        client: this.#client,
        signal: signal === undefined ? late.signal : AbortSignal.any([signal, late.signal]),
        ...(body === undefined
          ? {}
          : { body: JSON.stringify(body), headers: { "content-type": "application/json" } }),
      });
    } catch (cause) {
      throw signal?.aborted ? new StoppedError() : await noAgent(this.#stateDir, cause, boundMs);
    } finally {
      clearTimeout(timer);
    }
    if (response.ok) return response;
    throw answerError(await this.#read<unknown>(response), response.status);
  }

  async #read<T>(response: Response): Promise<T> {
    try {
      return await response.json() as T;
    } catch (cause) {
      throw await noAgent(this.#stateDir, cause, undefined);
    }
  }

  /** Ends when `signal` says so. @throws AgentAnswerError when a line is a failure, NoAgentError when the agent is gone */
  async *#lines<T extends object>(response: Response, signal: AbortSignal): AsyncGenerator<T> {
    const body = response.body;
    if (body === null) return;
    const lines = jsonLines(body);
    try {
      for (;;) {
        let next: IteratorResult<unknown>;
        try {
          next = await lines.next();
        } catch (cause) {
          if (signal.aborted) return;
          throw await noAgent(this.#stateDir, cause, undefined);
        }
        if (next.done) return;
        const value = next.value as T;
        if ("code" in value && "message" in value) throw answerError(value, response.status);
        yield value;
      }
    } finally {
      // Who has read enough lets the agent know.
      await lines.return(undefined).catch(() => {});
    }
  }
}

function isNdjson(response: Response): boolean {
  return response.headers.get("content-type") === "application/x-ndjson";
}

function answerError(answer: unknown, status: number): AgentAnswerError {
  const { code, message, hint } = (answer ?? {}) as { code?: string; message?: string; hint?: string };
  return new AgentAnswerError(message ?? `The agent answers ${status}`, {
    code: code ?? "Internal",
    ...(hint === undefined ? {} : { hint }),
  });
}

/** @returns the control socket of the agent with this state directory */
export function controlSocketPath(stateDir: string): string {
  return `${stateDir}/control.sock`;
}

/** Tells apart what the runtime reports as one failed request. */
async function noAgent(
  stateDir: string,
  cause: unknown,
  boundMs: number | undefined,
): Promise<NoAgentError> {
  if (cause instanceof DOMException && cause.name === "TimeoutError") {
    return new NoAgentError(
      `The agent of ${stateDir} does not answer within ${(boundMs ?? ANSWER_BOUND_MS) / 1000} s`,
      {
        hint: "It is busy or stuck; its log says more.",
        retryable: true,
        cause,
      },
    );
  }
  const connection = await Deno.connect({ transport: "unix", path: controlSocketPath(stateDir) })
    .catch((error: unknown) => error);
  if (connection instanceof Deno.errors.PermissionDenied) {
    return new NoAgentError(`Cannot ask the agent with the state ${stateDir}: permission denied`, {
      hint: "Run this as the user that runs the agent, often root.",
      cause,
    });
  }
  if (!(connection instanceof Error)) (connection as Deno.Conn).close();
  return new NoAgentError(`Cannot ask an agent: none runs with the state ${stateDir}`, {
    hint: "Start one with `weft up`, or name another directory with --state.",
    retryable: true,
    cause,
  });
}
