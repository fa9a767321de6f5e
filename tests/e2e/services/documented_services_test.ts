import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import {
  CapturedProcess,
  createScratch,
  documentationText,
  documentedPrograms,
  loopbackArgs,
  thisMachine,
  WeftNode,
} from "../../lab/mod.ts";
import { expectAnswer } from "./cli_in_process.ts";

const root = fileURLToPath(new URL("../../../", import.meta.url));

Deno.test("documentation: its programs find each other with the permissions that it names", async () => {
  // Those that a token is handed to.
  const commands = [
    ...(await documentationText()).matchAll(/^\$ deno run ((?:--\S+ )*)\\\n +(\w+\.ts) weft1-…$/gm),
  ];
  const programs = (await documentedPrograms('@weft/mesh"')).filter((text) => text.includes("Deno.args"));
  assert.deepEqual(commands.map(([, , file]) => file), ["adder.ts", "caller.ts"]);
  await using stack = new AsyncDisposableStack();
  const { path } = stack.use(await createScratch("service-readme"));
  const lead = stack.use(
    new WeftNode(thisMachine, {
      name: "lead",
      stateDir: `${path}/lead`,
      args: loopbackArgs(),
    }),
  );
  const token = await lead.startLeader();
  const start = async (at: number) => {
    const [, flags = "", file = ""] = commands[at] ?? [];
    assert.doesNotMatch(flags, /allow-(ffi|env|run|all)|-A/);
    // The package is these sources.
    const code = programs[at]?.replace('"@weft/mesh"', JSON.stringify(`file://${root}mod.ts`)) ?? "";
    await Deno.writeTextFile(`${path}/${file}`, code);
    const given = [...flags.trim().split(" "), "--quiet", "--no-prompt", "--config", `${root}deno.json`];
    const command = [Deno.execPath(), "run", ...given, file, token];
    return stack.use(new CapturedProcess(command, { cwd: path, label: file }));
  };
  const adder = await start(0);
  await adder.until(({ stdout }) => stdout === "adder offers math\n", 10_000, "it offers");
  const caller = await start(1);
  const { code, stdout } = await caller.finished;
  assert.equal(stdout, "3\n", caller.tail());
  assert.equal(code, 0);
  assert.equal(await expectAnswer(lead, "call", "math/add", '{"a":1,"b":2}'), "3\n");
  assert.match(await expectAnswer(lead, "service", "list"), /^math +running +adder +add$/m);

  await adder.kill();
  const resumed = await start(0);
  await resumed.until(({ stdout }) => stdout === "adder offers math\n", 10_000, "it is the same node");
});
