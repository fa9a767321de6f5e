/**
 * Handles messages by a command of the shell.
 * @module
 */

import type { QueueMessage } from "../../../data/mod.ts";
import { CommandError } from "../../failure.ts";

/** So much of what a command complains of is kept with the message, in characters. */
const KEPT_CHARACTERS = 1_000;

/** Where what a command prints goes. */
export interface ExecOutput {
  readonly out: (text: string) => void;
  readonly err: (text: string) => void;
}

/**
 * Runs a command with the message as JSON on its standard input, and its number and attempt in its environment. It is ended
 * when the message is lost to this worker.
 * @throws CommandError when it fails, with the end of what it has complained of
 */
export async function execMessage(command: string, message: QueueMessage, output: ExecOutput): Promise<void> {
  const child = new Deno.Command("sh", {
    args: ["-c", command],
    env: { WEFT_MESSAGE: String(message.number), WEFT_ATTEMPT: String(message.attempt) },
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const end = () => {
    try {
      child.kill("SIGTERM");
    } catch {
      // It has ended meanwhile.
    }
  };
  message.signal.addEventListener("abort", end, { once: true });
  try {
    const [, , complaints, { code, signal }] = await Promise.all([
      write(child.stdin, `${JSON.stringify(message.value)}\n`),
      pass(child.stdout, output.out),
      pass(child.stderr, output.err),
      child.status,
    ]);
    if (code === 0) return;
    const how = signal === null ? `exit code ${code}` : `signal ${signal}`;
    throw new CommandError(`${how}${complaints === "" ? "" : `: ${complaints.trim()}`}`, {
      hint: "The message comes again, until it was tried as often as it may be.",
    });
  } finally {
    message.signal.removeEventListener("abort", end);
  }
}

/** A command that does not read its input has ended or closed it, which is its affair. */
async function write(stdin: WritableStream<Uint8Array>, text: string): Promise<void> {
  try {
    await new Response(text).body?.pipeTo(stdin);
  } catch {
    // It did not want all of it.
  }
}

/** @returns the end of what came */
async function pass(stream: ReadableStream<Uint8Array>, print: (text: string) => void): Promise<string> {
  const decoder = new TextDecoder();
  let last = "";
  for await (const bytes of stream) {
    const text = decoder.decode(bytes, { stream: true });
    print(text);
    last = `${last}${text}`.slice(-KEPT_CHARACTERS);
  }
  return last;
}
