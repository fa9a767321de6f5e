/**
 * Commands against a running agent without a process of their own, which would take half a second each.
 * @module
 */

import { Node } from "../../../lib/agent/mod.ts";
import { type CliPorts, main } from "../../../lib/cli/mod.ts";
import type { WeftNode } from "../../lab/mod.ts";

type AgentParts = Awaited<ReturnType<CliPorts["loadAgent"]>>;

/** What a command left. */
export interface CommandResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** A command attaches to an agent that runs, and makes none. */
const ATTACHING = {
  attach: (stateDir: string) => Node.attach({ stateDir }),
} as Partial<AgentParts> as AgentParts;

/** Runs a command at the agent of a node. */
export async function ask(node: WeftNode, ...args: readonly string[]): Promise<CommandResult> {
  let stdout = "", stderr = "";
  const ports: CliPorts = {
    version: "0.0.0",
    beginAgent: () => {},
    loadAgent: () => Promise.resolve(ATTACHING),
    openWgInterface: () => Promise.reject(new TypeError("this command only asks")),
    terminal: {
      out: (text) => void (stdout += text),
      err: (text) => void (stderr += text),
      hasColours: false,
      isInteractive: false,
      columns: undefined,
    },
    process: {
      environment: {},
      isRoot: false,
      isJournal: false,
      pid: Deno.pid,
      unit: undefined,
      onReaderGone: () => () => {},
      readText: (path) => Deno.readTextFile(path),
      openFile: async (path) => (await Deno.open(path)).readable,
      readKeys: () => undefined,
      readBytes: () => Promise.reject(new Deno.errors.NotFound()),
      onReloadSignal: () => () => {},
      isTyped: false,
      prepareSecretFile: () => Promise.reject(new Deno.errors.NotSupported("no secrets here")),
      readSecret: () => Promise.reject(new TypeError("this command only asks")),
      othersMay: () => Promise.resolve(undefined),
      canResolve: () => Promise.resolve(false),
      hideTokens: () => [],
      onStopSignal: () => () => {},
      onUncaught: () => () => {},
      onStarted: () => {},
      exit: () => {},
    },
  };
  const code = await main([...args, "--state", node.stateDir], ports);
  return { code, stdout, stderr };
}

/** Runs a command that must succeed. @returns its standard output */
export async function expectAnswer(node: WeftNode, ...args: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await ask(node, ...args);
  if (code !== 0) throw new Error(`weft ${args.join(" ")} ended with ${code}: ${stderr}`);
  return stdout;
}
