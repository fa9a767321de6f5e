/**
 * Programs that write until they are killed, and say what was answered.
 * @module
 */

/**
 * Runs a program of Deno until it has said so many lines, and kills it.
 * @param script its file @param args for it @param lines how many @param onLine told of each, those on the way too
 * @throws Error when it ends by itself
 */
export async function runAndKill(
  script: string,
  args: readonly string[],
  lines: number,
  onLine: (line: string) => void,
): Promise<void> {
  const config = new URL("../../deno.json", import.meta.url).pathname;
  await using child = new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", "-A", "--no-check", "--config", config, script, ...args],
    stdin: "null",
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  let rest = "";
  let read = 0;
  let isKilled = false;
  for await (const text of child.stdout.pipeThrough(new TextDecoderStream())) {
    const parts = (rest + text).split("\n");
    rest = parts.pop() ?? "";
    for (const line of parts) {
      onLine(line);
      read++;
    }
    if (isKilled || read < lines) continue;
    child.kill("SIGKILL");
    isKilled = true;
  }
  if (!isKilled) throw new Error("the program ended by itself");
}
