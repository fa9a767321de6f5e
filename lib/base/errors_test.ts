import assert from "node:assert/strict";
import { WeftError } from "./errors.ts";

class TakenError extends WeftError {
  readonly code = "Taken";
}

Deno.test("WeftError.stack says the hint below the message, and where the error was made", () => {
  const make = () => new TakenError("Cannot take it: it is taken", { hint: "Take another." });
  const error = make();
  assert.match(
    error.stack ?? "",
    /^TakenError: Cannot take it: it is taken\nhint: Take another\.\n +at make /,
  );
  assert.equal(error.message, "Cannot take it: it is taken");
  assert.match(new TakenError("Cannot take it").stack ?? "", /Cannot take it\n +at /);
  assert.deepEqual(Object.keys(error).sort(), ["code", "hint", "name", "retryable"]);
});

Deno.test("A WeftError that nothing catches is printed with its hint", async () => {
  const module = new URL("./errors.ts", import.meta.url).href;
  const program = `import { WeftError } from ${JSON.stringify(module)};
    class TakenError extends WeftError { code = "Taken" }
    await Promise.reject(new TakenError("Cannot take it", { hint: "Take another." }));`;
  const path = await Deno.makeTempFile({ suffix: ".ts" });
  await Deno.writeTextFile(path, program);
  const env = { NO_COLOR: "1" };
  const { stderr } = await new Deno.Command(Deno.execPath(), { args: ["run", path], env }).output();
  assert.match(new TextDecoder().decode(stderr), /TakenError: Cannot take it\nhint: Take another\.\n/);
  await Deno.remove(path);
});
