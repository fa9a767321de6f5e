import assert from "node:assert/strict";
import { silentLogger, StateError } from "../base/mod.ts";
import { type AgentOptions, parseAgentOptions, SaidSettings } from "../config/mod.ts";
import { AlreadyInitializedError, NotInitializedError } from "../mesh/mod.ts";
import { LogRing } from "./log_ring.ts";
import { RemovedError } from "../agent/mod.ts";
import { runAgent, type StartRole } from "./run_agent.ts";
import { SamplePorts } from "./testing/sample_ports.ts";

function run(ports: SamplePorts, role: StartRole, more: Partial<AgentOptions> = {}): Promise<number> {
  const log = {
    ...silentLogger,
    recent: new LogRing(),
    release: () => void ports.diary.push("log released"),
    levels: { level: "info", categories: {} } as const,
    setLevel: ({ level }: { readonly level: string }) => void ports.diary.push(`log ${level}`),
    setLevels: ({ level }: { readonly level: string }) => {
      if (level !== "info") ports.diary.push(`log ${level}`);
    },
    setFormat: () => {},
  };
  return runAgent(ports, { role, said: SaidSettings.ofProgram({ stateDir: "/state", ...more }), log });
}

async function until(condition: () => boolean): Promise<void> {
  for (let turn = 0; turn < 1000 && !condition(); turn++) await Promise.resolve();
  assert(condition());
}

Deno.test("runAgent() starts in order, prints a join command of its own line, and stops in reverse", async () => {
  const ports = new SamplePorts();
  const running = run(ports, { kind: "leader" });
  await until(() => ports.stdout.includes("weft --join"));
  assert.match(ports.stdout, /^lead is 10\.200\.0\.1 of 10\.200\.0\.0\/16, leader, on weft0$/m);
  assert.match(ports.stdout, /^weft --join weft1-fresh$/m);
  assert.match(ports.stdout, /http:\/\/127\.0\.0\.1:9180\//);
  ports.stopSignal();
  assert.equal(await running, 0);
  assert.match(ports.stdout, /^It is good for 24 h\. `weft --join -` asks for the token/m);
  assert.doesNotMatch(ports.stdout, /earlier starts/);
  assert.deepEqual(ports.diary, [
    "leader",
    "serve loopback:9180",
    "start",
    "follow overlay",
    "programs /state/programs.sock",
    "serve /state/control.sock",
    "log released",
    "started",
    "close control",
    "close status",
    "stop",
    "signals forgotten",
  ]);
});

Deno.test("runAgent() says what it costs to lead a network of public addresses", async () => {
  for (const [cidr, isSaid] of [["203.0.114.0/24", true], ["10.9.0.0/16", false]] as const) {
    const ports = new SamplePorts();
    const { control } = ports.overlay;
    const status = control.status();
    control.status = () => ({ ...status, network: { ...status.network, cidr } });
    const running = run(ports, { kind: "leader" });
    await until(() => ports.stdout !== "");
    ports.stopSignal();
    assert.equal(await running, 0);
    assert.equal(/^203\.0\.114\.0\/24 is not private/m.test(ports.stdout), isSaid);
  }
});

/** Ports of an agent that a service manager has started; what it is told is in the diary. */
function managedPorts(): SamplePorts {
  const ports = new SamplePorts();
  const manager = {
    tell: (state: string) => Promise.resolve(void ports.diary.push(`told ${state.replaceAll("\n", " ")}`)),
    watch: (status: () => string) => {
      ports.diary.push(`watched ${status()}`);
      return () => void ports.diary.push("watched no more");
    },
    close: () => {},
  };
  Object.assign(ports.process, { manager });
  return ports;
}

Deno.test("runAgent() tells a service manager when it runs and when it stops", async () => {
  const ports = managedPorts();
  const running = run(ports, { kind: "up" });
  await until(() => ports.stdout !== "");
  ports.stopSignal();
  assert.equal(await running, 0);
  const status = "lead is 10.200.0.1 of 10.200.0.0/16, leader; 1 of 2 peers answer";
  const told = ports.diary.filter((line) => /^told|^watched|^stop|^start$/.test(line));
  assert.deepEqual(told, [
    "start",
    `told READY=1 STATUS=${status}`,
    `watched ${status}`,
    "told STOPPING=1 STATUS=stopping",
    "watched no more",
    "stop",
  ]);
});

Deno.test("runAgent() ends as by wrong use where a service manager's next start would fail alike", async () => {
  const cases = [
    [new NotInitializedError(), "Usage"],
    [new AlreadyInitializedError(), "Usage"],
    [new RemovedError(), "Usage"],
    [new StateError("The disk is full"), "State"],
  ] as const;
  for (const [error, code] of cases) {
    const ports = managedPorts();
    ports.overlays.load = () => Promise.reject(error);
    await assert.rejects(run(ports, { kind: "up" }), { code });
    assert.equal(ports.diary.filter((line) => line.startsWith("told STATUS=")).length, 1);
    // By hand the code says that it failed, as ever.
    const plain = new SamplePorts();
    plain.overlays.load = () => Promise.reject(error);
    await assert.rejects(
      run(plain, { kind: "up" }),
      (failure: Error & { code: string }) => failure.code !== "Usage",
    );
  }
});

Deno.test("runAgent() prints no token when it resumes or joins", async () => {
  for (const role of [{ kind: "up" }, { kind: "join", token: "weft1-given" }] as const) {
    const ports = new SamplePorts();
    const running = run(ports, role);
    await until(() => ports.stdout !== "");
    assert.doesNotMatch(ports.stdout, /weft1-/);
    ports.stopSignal();
    await running;
  }
});

Deno.test("runAgent() says what was asked for and is not so", async () => {
  const { address } = parseAgentOptions({ stateDir: "/state", address: "10.200.1.7" });
  const asked = { name: "web-1", labels: { role: "web" }, ...address && { address } };
  const lines = {
    token: /^It is a member already: the token was not used$/m,
    name: /^It is called lead, not web-1: `weft peer rename lead NAME` on a leader changes that$/m,
    address: /^It does not have the address 10\.200\.1\.7: `weft peer address lead ADDRESS`/m,
    labels:
      /^It calls itself role=web, which authorises nothing: `weft label lead role=web` on a leader does$/m,
  };
  const { token: _, ...others } = lines;
  const join = { kind: "join", token: "weft1-given" } as const;
  const cases: readonly (readonly [StartRole, boolean, Partial<AgentOptions>, readonly RegExp[]])[] = [
    [{ kind: "up" }, true, asked, Object.values(others)],
    [join, true, asked, Object.values(lines)],
    [join, false, {}, []],
    [{ kind: "up" }, true, { name: "lead" }, []],
  ];
  for (const [role, isResumed, more, says] of cases) {
    const ports = new SamplePorts();
    ports.overlay.isResumed = isResumed;
    const running = run(ports, role, more);
    await until(() => ports.stdout !== "");
    for (const line of Object.values(lines)) {
      assert.equal(line.test(ports.stdout), says.includes(line), `${line}: ${ports.stdout}`);
    }
    ports.stopSignal();
    await running;
  }
});

Deno.test("runAgent() tells who waits for approval whom to ask, and ends well when the node has left", async () => {
  const ports = new SamplePorts();
  const { join } = ports.overlays;
  ports.overlays.join = (token, options, overlay) => {
    overlay.onPending?.({ name: "web-1", id: "ab12" });
    return join(token, options, overlay);
  };
  const running = run(ports, { kind: "join", token: "weft1-given" });
  await until(() => ports.stdout !== "");
  assert.equal(ports.stderr, "Waiting: `weft peer approve web-1` on the leader lets it in (id ab12)\n");
  ports.overlay.hasLeft = true;
  ports.overlay.ending.resolve();
  assert.equal(await running, 0);
  assert.match(ports.stdout, /^lead has left the network$/m);
});

Deno.test("runAgent() takes back what a failed start has done", async () => {
  const ports = new SamplePorts();
  ports.serveControl = () => Promise.reject(new StateError("Cannot open /state: it is in use"));
  await assert.rejects(run(ports, { kind: "up" }), StateError);
  assert.deepEqual(ports.diary.slice(-3), ["close status", "stop", "signals forgotten"]);
  assert(!ports.diary.includes("log released"));
  assert.equal(ports.stdout, "");
});

Deno.test("runAgent() ends with 130 when it is stopped before it ran", async () => {
  const ports = new SamplePorts();
  ports.overlay.start = () => new Promise(() => {});
  const running = run(ports, { kind: "up" });
  await until(() => ports.diary.includes("serve loopback:9180"));
  ports.stopSignal();
  assert.equal(await running, 130);
  assert(ports.diary.includes("stop"));
});

Deno.test("runAgent() ends at once at the second signal", async () => {
  const ports = new SamplePorts();
  const stop = Promise.withResolvers<void>();
  ports.overlay.stop = () => stop.promise;
  const running = run(ports, { kind: "up" });
  await until(() => ports.stdout !== "");
  ports.stopSignal();
  assert(!ports.diary.includes("exit 130"));
  ports.stopSignal();
  assert(ports.diary.includes("exit 130"));
  stop.resolve();
  await running;
});

Deno.test("runAgent() fails when the agent ends by itself", async () => {
  for (const failure of [undefined, new StateError("Cannot write /state: the disk is full")]) {
    const ports = new SamplePorts();
    const running = run(ports, { kind: "up" });
    await until(() => ports.stdout !== "");
    if (failure === undefined) ports.overlay.ending.resolve();
    else ports.overlay.ending.reject(failure);
    await assert.rejects(running, { message: failure?.message ?? /lead ended by itself/ });
    assert(ports.diary.includes("close control"));
  }
});

Deno.test("runAgent() names the state that is another node's, or nobody's", async () => {
  const cases = [
    [{ kind: "leader" }, new AlreadyInitializedError(), /^Cannot lead a network .*\/state/],
    [{ kind: "join", token: "weft1-x" }, new AlreadyInitializedError(), /^Cannot join .*\/state/],
    [{ kind: "up" }, new NotInitializedError(), /^Cannot resume: .*\/state/],
  ] as const;
  for (const [role, failure, says] of cases) {
    const ports = new SamplePorts();
    const fail = () => Promise.reject(failure);
    Object.assign(ports.overlays, { initLeader: fail, join: fail, load: fail });
    await assert.rejects(run(ports, role), { code: "Command", message: says });
    assert.deepEqual(ports.diary, ["signals forgotten"]);
  }
});

Deno.test("runAgent() takes back what it has done when programs can't be let in", async () => {
  const ports = new SamplePorts();
  const failure = new StateError("Cannot listen at /state/programs.sock");
  Object.assign(ports.overlay.services, { openPrograms: () => Promise.reject(failure) });
  await assert.rejects(run(ports, { kind: "up" }), failure);
  assert.deepEqual(ports.diary.slice(-3), ["close status", "stop", "signals forgotten"]);
});

Deno.test("runAgent() takes all back and fails at an error that nothing has caught, while it runs and while it starts", async () => {
  const ports = new SamplePorts();
  const running = run(ports, { kind: "leader" });
  await until(() => ports.stdout !== "");
  ports.uncaught(new TypeError("injected"));
  ports.uncaught(new TypeError("another"));
  await assert.rejects(running, { message: "injected" });
  assert.deepEqual(ports.diary.slice(-4), ["close control", "close status", "stop", "signals forgotten"]);

  const starting = new SamplePorts();
  starting.overlay.start = () => new Promise(() => {});
  const failing = run(starting, { kind: "up" });
  await until(() => starting.diary.includes("serve loopback:9180"));
  starting.uncaught(new TypeError("injected"));
  await assert.rejects(failing, { message: "injected" });
  assert.deepEqual(starting.diary.slice(-3), ["close status", "stop", "signals forgotten"]);

  const stopping = new SamplePorts();
  const stopped = run(stopping, { kind: "up" });
  await until(() => stopping.stdout !== "");
  stopping.overlay.stop = () => {
    stopping.uncaught(new TypeError("injected"));
    return Promise.resolve();
  };
  stopping.stopSignal();
  await assert.rejects(stopped, { message: "injected" });
});

Deno.test("runAgent() says what holds by earlier starts, and runs by it", async () => {
  const ports = new SamplePorts();
  ports.overlay.keptSettings = new Map<string, string | readonly string[]>([
    ["port", "5555"],
    ["endpoint", ["192.0.2.1:5555", "192.0.2.2:5555"]],
  ]);
  const { load } = ports.overlays;
  ports.overlays.load = async (said, overlay) => {
    const node = await load(said, { ...overlay, onOptions: () => {} });
    ports.overlay.options = parseAgentOptions({ statusPort: "off", logLevel: "debug" });
    await overlay.onOptions?.(ports.overlay.options);
    return node;
  };
  const running = run(ports, { kind: "up" });
  await until(() => ports.stdout !== "");
  const says =
    /^As at earlier starts: port 5555, endpoint 192\.0\.2\.1:5555,192\.0\.2\.2:5555 \(`weft config show`\)$/m;
  assert.match(ports.stdout, says);
  assert.doesNotMatch(ports.stdout, /Status page/);
  assert.deepEqual(ports.diary.slice(0, 4), ["load", "log debug", "log released", "start"]);
  assert.deepEqual(ports.checked, ["off"]);
  ports.stopSignal();
  await running;
});

Deno.test("runAgent() asks nobody to let this machine in when the page cannot be served, and says so when it has joined", async () => {
  const join = { kind: "join", token: "weft1-given" } as const;
  const failure = new StateError("Cannot serve the page", { hint: "Choose another port." });
  const early = new SamplePorts();
  early.checkServing = () => {
    throw failure;
  };
  await assert.rejects(run(early, join), failure);
  assert.deepEqual(early.diary, ["signals forgotten"]);

  const late = new SamplePorts();
  late.serveStatus = () => Promise.reject(failure);
  await assert.rejects(run(late, join), {
    message: "This machine has joined as lead, but does not run: Cannot serve the page",
    hint: "Choose another port. Then `weft up` resumes it.",
  });
  late.overlay.isResumed = true;
  await assert.rejects(run(late, join), failure);
});
