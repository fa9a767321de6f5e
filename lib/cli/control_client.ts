/**
 * Asking a running agent through its control socket.
 * @module
 */

import { WeftError } from "../base/mod.ts";
import type {
  DeviceRequest,
  DnsAnswerRecord,
  DnsAnswerReport,
  DnsRecordReport,
  DnsRecordRequest,
  DnsRemoval,
  PingReport,
  TokenReport,
  TokenRequest,
} from "../agent/mod.ts";
import type { LeaderReport, PeerReport, StatusReport } from "../agent/mod.ts";

/** An answer that takes longer than this will not come; a ping gives up by itself before. */
const ANSWER_BOUND_MS = 15_000;

/** No agent answers at the control socket. */
export class NoAgentError extends WeftError {
  readonly code = "NoAgent";
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

  [Symbol.dispose](): void {
    this.#client.close();
  }

  /** The agent is of this user and this machine, so its answers are taken for what they should be. */
  async #ask<T>(method: string, path: string, body?: object): Promise<T> {
    let status: number;
    let answer: unknown;
    try {
      const response = await fetch(`http://localhost${path}`, {
        method,
        client: this.#client,
        signal: AbortSignal.timeout(ANSWER_BOUND_MS),
        ...(body === undefined
          ? {}
          : { body: JSON.stringify(body), headers: { "content-type": "application/json" } }),
      });
      status = response.status;
      answer = await response.json();
    } catch (cause) {
      throw await noAgent(this.#stateDir, cause);
    }
    if (status < 300) return answer as T;
    const { code, message, hint } = (answer ?? {}) as { code?: string; message?: string; hint?: string };
    throw new AgentAnswerError(message ?? `The agent answers ${status}`, {
      code: code ?? "Internal",
      ...(hint === undefined ? {} : { hint }),
    });
  }
}

/** @returns the control socket of the agent with this state directory */
export function controlSocketPath(stateDir: string): string {
  return `${stateDir}/control.sock`;
}

/** Tells apart what the runtime reports as one failed request. */
async function noAgent(stateDir: string, cause: unknown): Promise<NoAgentError> {
  if (cause instanceof DOMException && cause.name === "TimeoutError") {
    return new NoAgentError(`The agent of ${stateDir} does not answer within ${ANSWER_BOUND_MS / 1000} s`, {
      hint: "It is busy or stuck; its log says more.",
      retryable: true,
      cause,
    });
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
