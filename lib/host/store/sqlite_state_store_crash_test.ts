import assert from "node:assert/strict";
import { StateError } from "../../base/mod.ts";
import { SqliteStateStore } from "./sqlite_state_store.ts";

const KILLS = 25;
const moduleUrl = new URL("./sqlite_state_store.ts", import.meta.url).href;

/** Moves a number between two accounts for ever, and says each time what is on disk. */
const WRITER = `
  import { SqliteStateStore } from ${JSON.stringify(moduleUrl)};
  const store = SqliteStateStore.open(Deno.args[0]);
  const bytes = (n) => new Uint8Array(new Uint32Array([n, ...new Array(400).fill(n)]).buffer);
  for (let n = Number(Deno.args[1]); ; n++) {
    store.transaction(() => {
      store.put("a", "count", bytes(n));
      store.transaction(() => store.put("b", "count", bytes(n)));
    });
    Deno.stdout.writeSync(new Uint8Array(new Uint32Array([n]).buffer));
  }
`;

Deno.test("SqliteStateStore loses nothing and tears nothing when its process is killed", async () => {
  const dir = Deno.makeTempDirSync({ prefix: "weft-kill-" });
  try {
    Deno.writeTextFileSync(`${dir}/writer.ts`, WRITER);
    let stored = 0;
    for (let kill = 0; kill < KILLS; kill++) {
      const said = await writeAndKill(dir, { start: stored + 1, afterCommits: 1 + kill * 3 });
      using store = SqliteStateStore.open(`${dir}/state`);
      const [a, b] = ["a", "b"].map((name) =>
        new Uint32Array(store.get(name, "count")?.buffer ?? new ArrayBuffer(4))
      );
      assert(a !== undefined && b !== undefined);
      assert.deepEqual(a, b);
      stored = a[0] ?? 0;
      assert(stored >= said, `${said} was committed, ${stored} is stored`);
      assert(a.every((word) => word === stored), "a value is torn");
    }
  } finally {
    Deno.removeSync(dir, { recursive: true });
  }
});

Deno.test("SqliteStateStore.open() refuses a state that another process has open", async () => {
  const dir = Deno.makeTempDirSync({ prefix: "weft-kill-" });
  try {
    Deno.writeTextFileSync(`${dir}/writer.ts`, WRITER);
    await writeAndKill(dir, {
      start: 1,
      afterCommits: 1,
      beforeKill: () =>
        assert.throws(
          () => SqliteStateStore.open(`${dir}/state`),
          (error) => error instanceof StateError && /in use by another agent/.test(error.message),
        ),
    });
    SqliteStateStore.open(`${dir}/state`).close();
  } finally {
    Deno.removeSync(dir, { recursive: true });
  }
});

/** @returns the last number that the writer said was on disk */
async function writeAndKill(
  dir: string,
  options: { readonly start: number; readonly afterCommits: number; readonly beforeKill?: () => void },
): Promise<number> {
  await using child = new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", "-A", "--no-check", `${dir}/writer.ts`, `${dir}/state`, String(options.start)],
    stdin: "null",
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  let last = 0;
  let readBytes = 0;
  let isKilled = false;
  for await (const chunk of child.stdout) {
    readBytes += chunk.length;
    const whole = chunk.length - readBytes % 4;
    if (whole >= 4) last = new DataView(chunk.buffer, chunk.byteOffset).getUint32(whole - 4, true);
    if (!isKilled && readBytes >= 4 * options.afterCommits) {
      options.beforeKill?.();
      child.kill("SIGKILL");
      isKilled = true;
    }
  }
  assert(isKilled, "the writer ended by itself");
  return last;
}
