/**
 * Asking a running agent through its control socket.
 * @module
 */

import {
  type AgentControl,
  type CallRequest,
  httpRequest,
  NDJSON_TYPE,
  type Operation,
  type OperationName,
  OPERATIONS,
  type Problem,
  requestOf,
} from "../api/mod.ts";
import { WeftError } from "../base/mod.ts";
import { DEFAULT_TIMEOUT_MS } from "../service/bounds.ts";
import { deniedAgentHint, missingAgentHint } from "./missing_agent.ts";
import type { SlowNotice } from "./slow_notice.ts";

/** An answer that takes longer than this will not come; a ping gives up by itself before. */
const ANSWER_BOUND_MS = 15_000;

/** A call has a bound of its own, which the agent keeps; this is for what comes on top. */
const CALL_GRACE_MS = 5_000;

/** A longer line was meant as something else, in characters. */
const MAX_LINE_LENGTH = 64 << 20;

/** No agent answers at the control socket. */
export class NoAgentError extends WeftError {
  readonly code = "NoAgent";
}

/** What an agent calls a request of which it has never heard. */
const UNHEARD_CODES: ReadonlySet<string> = new Set(["NotFound", "MethodNotAllowed"]);

/** The agent has been running since before this program was another version. */
export class OtherVersionError extends WeftError {
  readonly code = "OtherVersion";
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

  constructor({ code, message, hint }: Problem) {
    super(message, hint === undefined ? {} : { hint });
    this.code = code;
  }
}

/** The control application of one agent. */
export class ControlClient implements Disposable {
  readonly #stateDir: string;
  readonly #client: Deno.HttpClient;
  readonly #boundMs: number;
  readonly #notice: SlowNotice | undefined;

  /**
   * @param stateDir the agent's state directory, which holds `control.sock`
   * @param options.boundMs how long an answer may take that comes as a whole
   * @param options.notice tells of the first answer that takes long
   */
  constructor(
    stateDir: string,
    options: { readonly boundMs?: number; readonly notice?: SlowNotice } = {},
  ) {
    this.#stateDir = stateDir;
    this.#boundMs = options.boundMs ?? ANSWER_BOUND_MS;
    this.#notice = options.notice;
    this.#client = Deno.createHttpClient({ proxy: { transport: "unix", path: controlSocketPath(stateDir) } });
  }

  /**
   * Has an operation done, as the method of `AgentControl` with this name does. The agent is of this user and this
   * machine, so its answers are taken for what they should be. An answer in lines comes at its own pace; reading it
   * throws when it breaks.
   * @throws NoAgentError, OtherVersionError, AgentAnswerError, and StoppedError when a signal was given and says so
   */
  async ask<Name extends OperationName>(
    name: Name,
    ...args: Parameters<AgentControl[Name]>
  ): Promise<Awaited<ReturnType<AgentControl[Name]>>> {
    const operation = OPERATIONS[name] as Operation;
    const signal = args.find((arg) => arg instanceof AbortSignal);
    const request = requestOf(operation, args) as Record<string, unknown>;
    const response = await this.#open(operation, request, signal);
    const answer = response.headers.get("content-type") === NDJSON_TYPE
      ? this.#lines(response, signal)
      : await this.#read(response);
    const { answerKey } = operation;
    return (answerKey === undefined ? answer : (answer as Record<string, unknown>)[answerKey]) as never;
  }

  /** @returns the text of a view, `/metrics` @throws as `ask` */
  async view(path: string): Promise<string> {
    let response: Response;
    try {
      const signal = AbortSignal.timeout(this.#boundMs);
      response = await fetch(`http://localhost${path}`, { client: this.#client, signal });
      if (response.ok) return await response.text();
    } catch (cause) {
      throw await noAgent(this.#stateDir, cause, this.#boundMs);
    }
    throw answerError(await this.#read(response), response.status);
  }

  [Symbol.dispose](): void {
    this.#client.close();
  }

  /** @returns an answer that is no failure; its body comes at its own pace */
  async #open(
    operation: Operation,
    request: Record<string, unknown>,
    signal: AbortSignal | undefined,
  ): Promise<Response> {
    const boundMs = answerBoundMs(operation, request, this.#boundMs);
    const late = new AbortController();
    const timer = boundMs === undefined
      ? undefined
      : setTimeout(() => late.abort(new DOMException("", "TimeoutError")), boundMs);
    const { method, path, body } = httpRequest(operation, request);
    let response: Response;
    try {
      const asked = fetch(`http://localhost${path}`, {
        method,
        client: this.#client,
        signal: signal === undefined ? late.signal : AbortSignal.any([signal, late.signal]),
        ...(body === undefined
          ? {}
          : { body: JSON.stringify(body), headers: { "content-type": "application/json" } }),
      });
      // A call has bounds of its own, and is answered by another one than the agent.
      const [what, wait] = operation.lines === undefined
        ? ["the agent's answer", { boundMs, more: "`weft logs` says what for" }] as const
        : ["the answer", { boundMs: (boundMs ?? 0) - CALL_GRACE_MS }] as const;
      response = boundMs === undefined
        ? await asked
        : await (this.#notice?.during(what, asked, wait) ?? asked);
    } catch (cause) {
      throw signal?.aborted ? new StoppedError() : await noAgent(this.#stateDir, cause, boundMs);
    } finally {
      clearTimeout(timer);
    }
    if (response.ok) return response;
    throw answerError(await this.#read(response), response.status);
  }

  async #read(response: Response): Promise<unknown> {
    try {
      return await response.json();
    } catch (cause) {
      throw await noAgent(this.#stateDir, cause, undefined);
    }
  }

  /** Ends when `signal` says so. @throws AgentAnswerError when a line is a failure, NoAgentError when the agent is gone */
  async *#lines(response: Response, signal: AbortSignal | undefined): AsyncGenerator<object> {
    const body = response.body;
    if (body === null) return;
    const lines = jsonLines(body);
    try {
      for (;;) {
        let next: IteratorResult<unknown>;
        try {
          next = await lines.next();
        } catch (cause) {
          if (signal?.aborted) return;
          throw await noAgent(this.#stateDir, cause, undefined);
        }
        if (next.done) return;
        const value = next.value as object;
        if ("code" in value && "message" in value) throw answerError(value, response.status);
        yield value;
      }
    } finally {
      // Who has read enough lets the agent know.
      await lines.return(undefined).catch(() => {});
    }
  }
}

/**
 * Reads values of JSON, a line each, as they arrive; empty lines are passed over. Who stops reading ends the stream.
 * @throws SyntaxError when a line is no JSON, RangeError when it has no end, and what the stream throws
 */
export async function* jsonLines(body: ReadableStream<Uint8Array>): AsyncGenerator<unknown> {
  const decoder = new TextDecoder();
  let text = "";
  for await (const bytes of body) {
    text += decoder.decode(bytes, { stream: true });
    const lines = text.split("\n");
    text = lines.pop() ?? "";
    if (text.length > MAX_LINE_LENGTH) throw new RangeError("Cannot read a line that long");
    for (const line of lines) if (line !== "") yield JSON.parse(line);
  }
  if (text !== "") yield JSON.parse(text);
}

/** @returns how long an answer may take to begin; undefined for one that lasts until its reader goes */
function answerBoundMs(
  { lines }: Operation,
  request: Partial<CallRequest>,
  boundMs: number,
): number | undefined {
  if (lines === "always") return undefined;
  if (lines === undefined) return boundMs;
  return (request.timeoutMs ?? DEFAULT_TIMEOUT_MS) + CALL_GRACE_MS;
}

function answerError(answer: unknown, status: number): WeftError {
  const problem = {
    code: "Internal",
    message: `The agent answers ${status}`,
    ...answer as Partial<Problem> | null,
  };
  if (!UNHEARD_CODES.has(problem.code)) return new AgentAnswerError(problem);
  return new OtherVersionError("The running agent does not know this command: it is of another version", {
    hint:
      "Start it again with this version: `systemctl restart weft`, or Ctrl-C where it runs and `weft up`.",
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
      hint: deniedAgentHint(stateDir),
      cause,
    });
  }
  if (!(connection instanceof Error)) (connection as Deno.Conn).close();
  return new NoAgentError(`Cannot ask an agent: none runs with the state ${stateDir}`, {
    hint: missingAgentHint(stateDir),
    retryable: true,
    cause,
  });
}
