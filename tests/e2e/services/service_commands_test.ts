import assert from "node:assert/strict";
import {
  CapturedProcess,
  createScratch,
  freePort,
  loopbackArgs,
  run,
  startNodeProgram,
  thisMachine,
  untilPrinted,
  waitFor,
  weftCommand,
  WeftNode,
} from "../../lab/mod.ts";

import { ask, type CommandResult, expectAnswer } from "./cli_in_process.ts";

/** An agent, and two programs that offer `math`. */
interface Mesh extends AsyncDisposable {
  readonly lead: WeftNode;
  readonly scratch: string;
  readonly programs: readonly CapturedProcess[];
  readonly token: string;
  readonly stack: AsyncDisposableStack;
}

async function openMesh(label: string, names: readonly string[]): Promise<Mesh> {
  await using opening = new AsyncDisposableStack();
  const { path: scratch } = opening.use(await createScratch(label));
  const lead = opening.use(
    new WeftNode(thisMachine, {
      name: "lead",
      stateDir: `${scratch}/lead`,
      args: [...loopbackArgs(), "--dns", "on", "--dns-port", `${freePort()}`],
    }),
  );
  const token = await lead.startLeader();
  // A path that several offer has to be granted to each.
  const { token: offering } = JSON.parse(await lead.post("/tokens", { grants: { offer: ["math"] } }));
  const programs = names.map((name) => opening.use(startMath(offering, name, `${scratch}/${name}`)));
  await Promise.all(programs.map((program) => untilPrinted(program, "ready")));
  await untilOffered(lead, "math", names.length);
  const stack = opening.move();
  return { lead, scratch, programs, token, stack, [Symbol.asyncDispose]: () => stack.disposeAsync() };
}

function startMath(token: string, name: string, stateDir: string): CapturedProcess {
  const args = [token, name, stateDir, String(freePort())];
  return startNodeProgram({ module: "tests/e2e/services/math_program.ts", stateDir, args, label: name });
}

async function untilOffered(node: WeftNode, path: string, providers: number): Promise<void> {
  const running = async () => {
    const services: { path: string; providers: { state: string }[] }[] = JSON.parse(
      await node.get("/services"),
    );
    const service = services.find((one) => one.path === path);
    return (service?.providers.filter(({ state }) => state === "running").length ?? 0) === providers;
  };
  await waitFor(running, 10_000, { what: `${path} is offered by ${providers}` });
}

/** A command that stays, at the agent of a node. */
function launch(node: WeftNode, ...command: readonly string[]): CapturedProcess {
  const line = weftCommand(...command, "--state", node.stateDir);
  return new CapturedProcess(line, { label: command.join(" "), env: { NO_COLOR: "1" } });
}

function assertFailed({ code, stdout, stderr }: CommandResult, expected: number, says: RegExp): void {
  assert.equal(code, expected, stderr);
  assert.equal(stdout, "");
  assert.match(stderr, says);
  assert.match(stderr, /^weft: .+\nhint: .+\n$/);
}

Deno.test("weft service and weft call: services are listed, called, paused and resumed", async (test) => {
  await using mesh = await openMesh("service-shell", ["adder", "adder-2"]);
  const { lead } = mesh;

  await test.step("listed and shown", async () => {
    const [list, show] = await Promise.all([
      expectAnswer(lead, "service", "list"),
      expectAnswer(lead, "service", "show", "math"),
    ]);
    assert.match(list, /^PATH +STATE +OFFERED BY +ACTIONS\nmath +running +adder(-2)?, adder(-2)? +add, name/);
    assert.match(
      show,
      /^service {2}math, Sums\nactions {2}add \(idempotent\), name.*\nevents {3}math\/added\n/,
    );
    assert.match(show, /^adder +running +1\.2\.0 /m);
    const { services } = await lead.status();
    assert.equal(services.services, 1);
    assert.deepEqual(services.providers, { healthy: 2, unhealthy: 0 });
  });

  await test.step("called", async () => {
    const cases: readonly (readonly [readonly string[], string | RegExp])[] = [
      [["math/add", '{"a":1,"b":2}'], "3\n"],
      [["math/add", '{"a":1,"b":2}', "--json", "--timeout", "2s"], "3\n"],
      [["math/name", "--node", "adder-2"], "adder-2\n"],
      [["math/name", "--node", "adder-2", "--json"], '"adder-2"\n'],
      [["math/bytes"], "AQL/\n"],
      [["math/nothing"], ""],
      [["math/nothing", "--json"], "null\n"],
      [["math/count", '{"to":3}'], "1\n2\n3\n"],
      [["math/name", "--mode", "all"], /^(adder: adder\nadder-2: adder-2|adder-2: adder-2\nadder: adder)\n$/],
      [["math/name", "--mode", "all", "--json"], /^\[\{"node":"adder/],
    ];
    await Promise.all(cases.map(async ([args, expected]) => {
      const stdout = await expectAnswer(lead, "call", ...args);
      if (typeof expected === "string") assert.equal(stdout, expected, args.join(" "));
      else assert.match(stdout, expected);
    }));
    const shell = weftCommand("call", "math/add", "--stdin", "--state", lead.stateDir).join("' '");
    const piped = await run(["sh", "-c", `echo '{"a":20,"b":3}' | '${shell}'`], {});
    assert.equal(piped.stdout, "23\n", piped.stderr);
  });

  await test.step("what fails says why, with its code", async () => {
    const cases: readonly (readonly [readonly string[], number, RegExp])[] = [
      [["call", "nobody/home"], 1, /Cannot call nobody\/home: .* \(NoProvider\)\nhint: .*service list/],
      [["call", "math/sub"], 1, /\(UnknownAction\)\nhint: .*service show/],
      [["call", "math/fail"], 1, /Cannot call math\/fail: No tea is left \(OutOfStock\)/],
      [["call", "math/sleep", "--timeout", "200ms"], 1, /\(Timeout\)\nhint: .*--timeout/],
      [["call", "math/add", "--node", "nobody"], 1, /nobody \(NoProvider\)\nhint: .*weft peers/],
      [
        ["call", "math/add", "--node", "lead"],
        1,
        /lead does not offer math; adder, adder-2 do \(NoProvider\)\n/,
      ],
      [["call", "math//add"], 2, /topic path/],
      [["publish", "a/*"], 2, /topic path/],
      [["subscribe", "a/>/b"], 2, /pattern/],
      [["service", "show", "nothing"], 1, /Cannot show nothing/],
      [["service", "pause", "math"], 1, /this node does not offer it\nhint: .*adder.*--node/],
      [
        ["service", "pause", "nothing", "--node", "adder"],
        1,
        /Cannot pause nothing: adder does not offer it\nhint: .*service list/,
      ],
    ];
    await Promise.all(cases.map(async ([args, code, says]) => {
      assertFailed(await ask(lead, ...args), code, says);
    }));
    assertFailed(await lead.command("call", "math/fail"), 1, /OutOfStock/);
  });

  const names = async () => {
    const { stdout } = await ask(lead, "dns", "query", "_http._tcp.math", "SRV");
    return stdout.split("\n").filter(Boolean).sort();
  };

  await test.step("named", async () => {
    assert.deepEqual(await names(), [
      "_http._tcp.math.weft.internal. 5 SRV 0 0 8080 adder-2.weft.internal.",
      "_http._tcp.math.weft.internal. 5 SRV 0 0 8080 adder.weft.internal.",
    ]);
    assert.match(
      await expectAnswer(lead, "dns", "list"),
      /^math\.weft\.internal\. +A +10\.200\.0\.\d +5 +service$/m,
    );
  });

  await test.step("paused on one node, then on both, and resumed", async () => {
    const paused = await expectAnswer(lead, "service", "pause", "math", "--node", "adder");
    assert.equal(paused, "Paused math on adder\n");
    assert.equal(
      await expectAnswer(lead, "service", "pause", "math", "--node", "adder", "--json"),
      '{\n  "changed": false\n}\n',
    );
    await untilOffered(lead, "math", 1);
    await waitFor(async () => (await names()).length === 1, 5_000, { what: "one of them has a name" });
    assert.equal(await expectAnswer(lead, "call", "math/name"), "adder-2\n");
    await expectAnswer(lead, "service", "pause", "math", "--node", "adder-2");
    await untilOffered(lead, "math", 0);
    assertFailed(await ask(lead, "call", "math/name"), 1, /\(ServicePaused\)\nhint: .*resume/);
    await expectAnswer(lead, "service", "resume", "math", "--node", "adder");
    await untilOffered(lead, "math", 1);
    assert.equal(await expectAnswer(lead, "call", "math/name"), "adder\n");
  });
});

Deno.test("weft publish and weft subscribe: events go from shell to shell", async () => {
  await using mesh = await openMesh("service-events", ["adder"]);
  const { lead } = mesh;
  await expectAnswer(lead, "publish", "said/before", '{"n":1}', "--retain");
  await using all = launch(lead, "subscribe", "said/>", "--json");
  await using first = launch(lead, "subscribe", "said/{what}", "--past", "--count", "2");
  await first.until(({ stdout }) => /said\/before/.test(stdout), 5_000, "it hears what was kept");
  // It has no past to hear, so it is asked until it listens.
  const say = () => expectAnswer(lead, "call", "math/say", '{"what":"hello"}');
  await waitFor(
    async () => {
      await say();
      return all.stdout !== "";
    },
    10_000,
    { what: "an event of another node comes" },
  );
  const event = JSON.parse(all.stdout.split("\n")[0] ?? "");
  assert.deepEqual(event.data, { what: "hello", by: "adder" });
  assert.equal(event.topic, "said/something");
  assert.equal(event.publisher, "adder");
  assert.equal((await first.finished).code, 0, "it ends after two");
  assert.match(
    first.stdout,
    /^[\d:]{8} said\/before \{"n":1\} from lead, kept\n[\d:]{8} said\/something \{.*\} from adder\n$/,
  );
  assert.equal((await all.stop("SIGINT")).code, 0);
  const report = JSON.parse(await expectAnswer(lead, "publish", "said/last", "--json"));
  assert.deepEqual(report, { local: 0, sent: 0, lost: 0 });
});

Deno.test("Node.attach(): a program offers its services to the mesh, and is gone when it is killed", async () => {
  await using mesh = await openMesh("service-attach", []);
  const { lead, scratch, token, stack } = mesh;
  const args = ["attach", "shop", lead.stateDir];
  const program = stack.use(
    startNodeProgram({
      module: "tests/e2e/services/math_program.ts",
      stateDir: lead.stateDir,
      args,
      label: "shop",
    }),
  );
  const other = stack.use(
    new WeftNode(thisMachine, {
      name: "other",
      stateDir: `${scratch}/other`,
      args: ["--rootless", "--port", String(freePort()), "--status-port", "off"],
    }),
  );
  await other.start("--join", token);
  await untilPrinted(program, "ready");
  await untilOffered(other, "local", 1);
  assert.equal(await expectAnswer(other, "call", "local/add", '{"a":40,"b":2}'), "42\n");
  assert.equal(await expectAnswer(lead, "call", "local/count", '{"to":2}'), "1\n2\n");
  assert.equal((await lead.status()).services.programs, 1);
  assert.equal(await expectAnswer(lead, "service", "pause", "local"), "Paused local\n");
  await untilOffered(other, "local", 0);
  assert.equal(await expectAnswer(lead, "service", "resume", "local"), "Resumed local\n");
  await untilOffered(other, "local", 1);
  assertFailed(
    await ask(other, "service", "pause", "local", "--node", "lead"),
    1,
    /this node is no leader\nhint: Do it on lead;/,
  );
  await program.kill();
  await untilOffered(other, "local", 0);
  assertFailed(await ask(other, "call", "local/add", '{"a":1,"b":2}'), 1, /\(NoProvider\)/);
  assert.equal((await lead.status()).services.programs, 0);
  const refused = stack.use(
    startNodeProgram({
      module: "tests/e2e/services/math_program.ts",
      stateDir: scratch,
      args: ["attach", "x", scratch],
      label: "nobody's",
    }),
  );
  const { code, stderr } = await refused.finished;
  assert.equal(code, 1);
  assert.match(stderr, /No agent lets programs in/);
});

Deno.test("weft call: when a provider is killed its calls fail with a code, and another provider answers", async () => {
  await using mesh = await openMesh("service-kill", ["adder", "adder-2"]);
  const { lead, programs: [adder] } = mesh;
  await using sleeping = launch(lead, "call", "math/sleep", "--node", "adder");
  await lead.untilStatus(({ services }) => services.calls.pending === 1, 5_000, "a call is under way");
  await adder?.kill();
  assertFailed(await sleeping.finished, 1, /Cannot call math\/sleep: .* \(OutcomeUnknown\)\nhint: /);
  for (let i = 0; i < 3; i++) assert.equal(await expectAnswer(lead, "call", "math/name"), "adder-2\n");
  assertFailed(await ask(lead, "call", "math/name", "--node", "adder"), 1, /\(Unreachable\)/);
});
