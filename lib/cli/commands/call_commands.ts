/**
 * `weft call`, `publish` and `subscribe`: services and events from a shell.
 * @module
 */

import { Option } from "@commander-js/extra-typings";
import type { CallRequest, CallResult, EventLine, PublishRequest } from "../../api/mod.ts";
import { printableJson } from "../../base/mod.ts";
import type { CallAnswer, CallFailureCode } from "../../service/mod.ts";
import { BROADCAST_MODES, CALL_MODES, MAX_TIMEOUT_MS } from "../../service/bounds.ts";
import { AgentAnswerError, StoppedError } from "../control_client.ts";
import { UsageError } from "../failure.ts";
import { counted, parseDurationMs } from "../output/mod.ts";
import type { CliPorts } from "../ports.ts";
import { harmless, paint } from "../terminal.ts";
import {
  type AnyCommand,
  askAgent,
  askAndPrint,
  type CommandContext,
  defined,
  readFile,
  readNumber,
  stopSignal,
} from "../weft_command.ts";

/** As a shell reports a process that ended by Ctrl-C. */
const INTERRUPTED = 130;

/** What to do about a call that has failed, by its code. */
const HINTS: ReadonlyMap<string, string> = new Map(Object.entries(
  {
    NoProvider:
      "`weft service list` shows what is offered, and by whom; without --node or --mode any of them is asked.",
    UnknownAction: "`weft service show` with the path before the last / lists its actions.",
    ServicePaused: "`weft service resume` lets calls in again.",
    Unreachable: "`weft peers` shows who answers; the action did not run.",
    OutcomeUnknown: "The provider went away in the middle; look whether the action has run.",
    Timeout: "Give it more time with --timeout 30s; the action may have run.",
    Overloaded: "Try again in a moment.",
    Refused: "The service says by a selector who may call it; `weft label` lists the labels of all.",
    InvalidParams: "The action does not take such parameters.",
    InvalidResult: "The action has run, and its program has answered with what it may not; look there.",
    PayloadTooLarge: "Values have at most 16 MiB; larger things are streamed.",
    HandlerFailed: "The action itself has failed; the log of the program that offers it says where.",
    Canceled: "Somebody gave the call up; the action may have run.",
    StreamBroken: "The provider went away in the middle of its answer; ask again for all of it.",
    Incompatible: "The provider runs another version of weft; `weft peers` shows which.",
    Stopped: "The provider was about to stop; try again in a moment.",
  } satisfies Record<CallFailureCode, string>,
));

/** Adds the commands. */
export function addCallCommands(program: AnyCommand, context: CommandContext): void {
  addCall(program, context);
  addPublish(program, context);
  addSubscribe(program, context);
}

function addCall(program: AnyCommand, context: CommandContext): void {
  const { ports } = context;
  askAgent(
    program.command("call").description("call an action of a service and print what it answers")
      .argument("<path>", "service/action")
      .argument("[params]", "as JSON")
      .option("--timeout <duration>", "when to give up, as in 500ms or 1m (default: 10s)")
      .addOption(
        new Option("--mode <mode>", "which provider is asked (default: round-robin)").choices(CALL_MODES),
      )
      .addOption(
        new Option("--node <name>", "the one node that is asked, by name, id, key or address").conflicts(
          "mode",
        ),
      )
      .option("--stdin", "read the parameters from standard input")
      .option("--json", "the answer as JSON on one line, and one line for each item of a stream")
      .addHelpText(
        "after",
        '\nExamples:\n  $ weft call math/add \'{"a":1,"b":2}\'\n' +
          "  $ weft call report/monthly --stdin --timeout 1m < params.json",
      ),
    ports,
    async (client, args, options) => {
      const request = await callRequest(args, options, ports);
      const json = options.json === true;
      await untilStopped(context, async (signal) => {
        try {
          const answer = await client.ask("call", request, signal);
          if (!(Symbol.asyncIterator in answer)) {
            if (request.mode !== "all" || json) return printResult(answer, json, ports);
            return printAnswers(answer, context);
          }
          for await (const item of answer) printResult(item, json, ports);
        } catch (error) {
          throw error instanceof AgentAnswerError ? callFailure(request.path, error) : error;
        }
      }, INTERRUPTED);
    },
  );
}

function addPublish(program: AnyCommand, { ports }: CommandContext): void {
  askAndPrint(
    program.command("publish").description("publish an event to whoever listens")
      .argument("<topic>", "as in orders/placed")
      .argument("[data]", "as JSON")
      .option("--retain", "keep it as the topic's last event; without data, forget that one")
      .addOption(new Option("--mode <mode>", "who hears it (default: all)").choices(BROADCAST_MODES))
      .option("--stdin", "read the data from standard input")
      .option("--json", "as JSON")
      .addHelpText("after", "\nExample:\n  $ weft publish orders/placed '{\"id\":7}' --retain"),
    ports,
    async (client, [topic = "", given], { retain, mode, stdin }) => {
      const data = await readValue({ given, stdin }, ports, "the data");
      // Commander has checked the types of options by their flags.
      const request = { topic, data, retain, mode } as PublishRequest;
      return await client.ask("publish", defined<PublishRequest>(request));
    },
    ({ local, sent, lost }) => {
      const missed = lost === 0 ? "" : `, could not reach ${counted(lost, "node")}`;
      return `Handed to ${counted(local, "subscription")} here, sent to ${counted(sent, "other")}${missed}\n`;
    },
  );
}

function addSubscribe(program: AnyCommand, context: CommandContext): void {
  const { ports } = context;
  askAgent(
    program.command("subscribe").description("print events as they come, until Ctrl-C")
      .argument("<pattern>", "a topic; {name} and * stand for one segment, > at the end for one or more")
      .option("--past", "first the events that were kept")
      .option("-c, --count <number>", "end after so many events")
      .option("--json", "as JSON, an event a line")
      .addHelpText(
        "after",
        "\nExamples:\n  $ weft subscribe 'orders/>'\n  $ weft subscribe 'sensors/*/temperature' --past --json",
      ),
    ports,
    async (client, [pattern = ""], { past, json, count: text }) => {
      const most = readNumber("--count", text, { least: 1, hint: "For example --count 5." });
      await untilStopped(context, async (signal) => {
        let printed = 0;
        const events = await client.ask("subscribe", { pattern, past: past === true }, signal);
        if (ports.terminal.isInteractive) ports.terminal.err(`Listening to ${pattern}; Ctrl-C ends it.\n`);
        for await (const event of events) {
          printEvent(event, json === true, ports);
          if (!("dropped" in event) && ++printed === most) return;
        }
      }, 0);
    },
  );
}

async function callRequest(
  [path = "", given]: readonly string[],
  { timeout, mode, node, stdin }: Readonly<Record<string, unknown>>,
  ports: CliPorts,
): Promise<CallRequest> {
  const timeoutMs = timeout === undefined ? undefined : parseDurationMs(String(timeout));
  if (timeout !== undefined && (timeoutMs === undefined || timeoutMs > MAX_TIMEOUT_MS)) {
    throw new UsageError(`Cannot use --timeout ${timeout}: that is no duration up to a day`, {
      hint: "Write 500ms, 30s or 5m.",
    });
  }
  if (!/^[^/]+\/.*[^/]$/.test(path)) {
    throw new UsageError(`Cannot call ${path}: that names no action`, {
      hint: "Write the service, / and the action, as in math/add; `weft service show` lists the actions.",
    });
  }
  const params = await readValue({ given, stdin }, ports, "the parameters");
  return defined<CallRequest>({ path, params, timeoutMs, mode, node } as CallRequest);
}

/** @returns what the second argument or standard input says; undefined when neither does */
async function readValue(
  { given, stdin }: { readonly given: string | undefined; readonly stdin: unknown },
  ports: CliPorts,
  what: string,
): Promise<unknown> {
  if (given !== undefined && stdin === true) {
    throw new UsageError(`Cannot read ${what} from two places`, { hint: "Leave --stdin or the JSON out." });
  }
  const text = stdin === true ? await readFile("-", ports, what) : given;
  if (text === undefined) return undefined;
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new UsageError(`Cannot read ${what}: that is no JSON`, {
      hint: `Write '{"a":1}', or '"text"' with quotes of both kinds.`,
      cause,
    });
  }
}

/** Runs `work` until it ends or is told to stop; then the exit code is `stopped`. */
async function untilStopped(
  context: CommandContext,
  work: (signal: AbortSignal) => Promise<void>,
  stopped: number,
): Promise<void> {
  using stop = stopSignal(context.ports, { endsWithReader: true });
  try {
    await work(stop.signal);
  } catch (error) {
    if (!(error instanceof StoppedError)) throw error;
  }
  if (stop.isInterrupted) context.exitCode = stopped;
}

function callFailure(path: string, error: AgentAnswerError): AgentAnswerError {
  const { code, hint = HINTS.get(code) ?? "The code is the provider's own." } = error;
  const message = `Cannot call ${path}: ${error.message} (${code})`;
  return new AgentAnswerError({ code, message, hint });
}

/** Text as it is and anything else as JSON; nothing for nothing, unless JSON is wanted. */
function printResult(result: CallResult, json: boolean, { terminal }: CliPorts): void {
  if (json) return terminal.out(`${printableJson("base64" in result ? result : result.result)}\n`);
  const answered = resultText(result);
  // What goes to a file or another program goes as it is.
  const text = terminal.isInteractive ? harmless(answered) : answered;
  if (text !== "") terminal.out(text.endsWith("\n") ? text : `${text}\n`);
}

function resultText(result: CallResult): string {
  if ("base64" in result) return result.base64;
  const { result: value } = result;
  if (value === null) return "";
  return typeof value === "string" ? value : JSON.stringify(value, undefined, 2);
}

/** One line a node, or more when its answer has more. The call has failed when it failed everywhere. */
function printAnswers(result: CallResult, context: CommandContext): void {
  const { terminal } = context.ports;
  const answers = "result" in result ? result.result as readonly (CallAnswer & CallResult)[] : [];
  for (const answer of answers) {
    const text = answer.ok
      // Further lines are set in, so that none of them reads as another node's.
      ? harmless(resultText(answer)).replaceAll("\n", "\n  ")
      : paint(terminal, "bad", `failed: ${answer.error.message} (${answer.error.code})`);
    terminal.out(`${answer.node}: ${text}\n`);
  }
  if (!answers.some(({ ok }) => ok)) context.exitCode = 1;
}

function printEvent(event: EventLine, json: boolean, { terminal }: CliPorts): void {
  if ("dropped" in event) {
    return terminal.err(`weft: ${counted(event.dropped, "event")} dropped, because this was too slow\n`);
  }
  if (json) return terminal.out(`${printableJson(event)}\n`);
  const { topic, data, base64, publishedAt, isPast, publisher } = event;
  const time = new Date(publishedAt).toTimeString().slice(0, 8);
  const value = base64 ?? (data === null || data === undefined ? "" : printableJson(data));
  const from = paint(terminal, "quiet", `from ${publisher}${isPast ? ", kept" : ""}`);
  const parts = [paint(terminal, "quiet", time), paint(terminal, "strong", topic), value, from];
  terminal.out(`${parts.filter(Boolean).join(" ")}\n`);
}
