/**
 * What is told whoever asks an agent that does not answer.
 * @module
 */

import { shellWord } from "../base/mod.ts";
import { DEFAULT_STATE_DIR } from "../config/mod.ts";
import { SqliteStateStore } from "../host/mod.ts";

/** Ends the path of each agent's socket. */
const CONTROL_SOCKET = "/control.sock";
/** What an agent has beside it. */
const PROGRAMS_SOCKET = "/programs.sock";

/**
 * @param stateDir where no agent answers
 * @returns what to do about it: where one runs on this machine, or how to start one
 */
export function missingAgentHint(stateDir: string, sockets: string = readSockets()): string {
  const others = runningAgents(sockets).filter((directory) => directory !== stateDir);
  // Who names a directory means that one, or the usual.
  const isUsual = stateDir === DEFAULT_STATE_DIR || stateDir.endsWith("/weft");
  const other = others.find((directory) => directory === DEFAULT_STATE_DIR) ??
    (isUsual ? others[0] : undefined);
  if (other !== undefined) {
    const command = `${mayAsk(other) ? "" : "sudo "}weft status`;
    const state = other === DEFAULT_STATE_DIR && !mayAsk(other) ? "" : ` --state ${shellWord(other)}`;
    return `One runs with ${other}: \`${command}${state}\` asks it.`;
  }
  if (SqliteStateStore.existsIn(stateDir)) {
    return `\`weft up${stateOption(stateDir)}\` starts it if it is a member still; ` +
      "one that waits to be let in answers nothing yet.";
  }
  return `There is no node in that directory: name another with --state, or \`weft --leader\` starts a network ` +
    "and `weft --join TOKEN` joins one; then `weft up` resumes.";
}

/** @returns what to do where the agent is another user's */
export function deniedAgentHint(stateDir: string): string {
  return `Run this as the user that runs the agent, often root: \`sudo weft status${
    stateOption(stateDir)
  }\`.`;
}

/** @param sockets as /proc/net/unix lists them (proc(5)) @returns the state directories of agents that listen */
export function runningAgents(sockets: string): readonly string[] {
  const paths = new Set([...sockets.matchAll(/ (\/.*)$/gm)].map(([, path = ""]) => path));
  return [...paths].filter((path) => path.endsWith(CONTROL_SOCKET))
    .map((path) => path.slice(0, -CONTROL_SOCKET.length))
    .filter((directory) => paths.has(`${directory}${PROGRAMS_SOCKET}`))
    .sort();
}

/** Everybody may read the list; it has the sockets of this network namespace. */
function readSockets(): string {
  try {
    return Deno.readTextFileSync("/proc/net/unix");
  } catch {
    return "";
  }
}

/** Whether this user may look into the directory, as it has to for the socket in it. */
function mayAsk(stateDir: string): boolean {
  try {
    return Deno.statSync(`${stateDir}${CONTROL_SOCKET}`).isSocket === true;
  } catch {
    return false;
  }
}

function stateOption(stateDir: string): string {
  return stateDir === DEFAULT_STATE_DIR ? "" : ` --state ${shellWord(stateDir)}`;
}
