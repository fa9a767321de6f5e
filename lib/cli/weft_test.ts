import assert from "node:assert/strict";
import { OutputClosedError, OutputFailedError } from "./terminal.ts";
import { SamplePorts } from "./testing/sample_ports.ts";
import { main, makeProgram } from "./weft.ts";
import { COMMAND_ADDERS } from "./commands/mod.ts";
import { addAliases, commandNamed } from "./command_tree.ts";
import { type AnyCommand, Command } from "./weft_command.ts";
import { main as entry } from "./entry.ts";

async function run(
  args: readonly string[],
  ports = new SamplePorts(),
): Promise<{ code: number; ports: SamplePorts }> {
  return { code: await main(args, ports), ports };
}

const wrong: readonly (readonly [string, readonly string[], RegExp, RegExp?])[] = [
  ["a CIDR that is none", ["--leader", "--cidr", "banana"], /--cidr banana/],
  ["a port that is none", ["--leader", "--port", "65536"], /65536/],
  ["an MTU that is none", ["--leader", "--mtu", "12"], /--mtu 12/],
  ["an unknown option", ["--leader", "--frobnicate"], /--frobnicate/],
  ["an option that is nearly one", ["--leader", "--prot", "1"], /--prot/, /--port/],
  ["an unknown command", ["frobnicate"], /frobnicate/],
  ["the help of an unknown command", ["frobnicate", "--help"], /Unknown command: weft frobnicate/],
  ["the help of an unknown one of a group", ["peer", "ad", "-h"], /weft peer ad/, /weft peer add/],
  ["a command that is nearly one", ["stauts"], /stauts/, /`weft status`/],
  ["both roles at once", ["--leader", "--join", "weft1-x"], /--leader.*--join|--join.*--leader/],
  ["two tokens", ["--join", "weft1-x", "--join-file", "f"], /--join/],
  ["a token that is none", ["--join", "banana"], /token/i],
  ["no token", ["--join"], /--join/],
  ["a file that is not there", ["--join-file", "/none"], /\/none.*No such file/],
  ["a broken configuration", ["--leader", "--config", "broken"], /broken.*prot/, /port/],
  ["an unknown option of a command", ["status", "--jsn"], /--jsn/, /--json/],
  ["a word too many", ["status", "now"], /argument/],
  ["no peer", ["ping"], /peer/],
  ["no times", ["ping", "a", "--count", "0"], /--count 0/],
  ["a group alone", ["token"], /create, list, revoke/],
  ["a group with a word that is none", ["token", "creat"], /weft token creat/, /weft token create/],
  ["a duration that is none", ["token", "create", "--expires", "soon"], /soon/],
  ["half a use", ["token", "create", "--uses", "0.5"], /0\.5/],
  ["more uses than a token has", ["token", "create", "--uses", "65537"], /--uses 65537.* 1 to 65536/],
  ["a label that is none", ["token", "create", "--label", "role"], /--label/],
  ["no public key", ["peer", "add", "phone"], /--public-key/],
  [
    "a keepalive that is none",
    ["peer", "add", "p", "--public-key", "k", "--keepalive", "x"],
    /--keepalive x/,
  ],
  ["two keys", ["peer", "add", "p", "--wireguard", "--public-key", "k"], /--public-key/],
  ["a resolver that is none", ["peer", "add", "p", "--wireguard", "--dns", "x"], /--dns x/],
  ["an allowed network that is none", ["peer", "add", "p", "--wireguard", "--allowed", "x"], /--allowed x/],
  ["an interface name that is none", ["wg", "a/b"], /a\/b.*no name/],
  ["no interface name", ["wg"], /interface/],
  ["a DNS group alone", ["dns"], /list, add, remove, query/],
  ["a record without data", ["dns", "add", "db", "A"], /data/],
  ["a TTL that is none", ["dns", "add", "db", "A", "10.0.0.1", "--ttl", "x"], /--ttl x/],
  ["a TTL beyond a week", ["dns", "add", "db", "A", "10.0.0.1", "--ttl", "604801"], /--ttl.* 0 to 604800/],
  ["a zone that is none", ["--leader", "--dns-zone", "a..b"], /--dns-zone a\.\.b/],
  ["a server that is none", ["--leader", "--dns-forward", "nowhere"], /--dns-forward nowhere/],
  ["a service group alone", ["service"], /list, show, pause, resume/],
  ["parameters that are none", ["call", "a/b", "{"], /JSON/],
  ["parameters of two places", ["call", "a/b", "1", "--stdin"], /two places/],
  ["a mode that is none", ["call", "a/b", "--mode", "some"], /--mode some.*round-robin/],
  ["a mode and a node", ["call", "a/b", "--mode", "all", "--node", "n"], /--node.*--mode/],
  ["a timeout that is none", ["call", "a/b", "--timeout", "soon"], /--timeout soon/],
  ["a broadcast mode that is none", ["publish", "a/b", "--mode", "leader"], /one_per_service/],
  ["no events", ["subscribe", "a", "--count", "0"], /--count 0/],
  ["no place for a proxy", ["proxy"], /--socks5/],
  ["a place for a proxy that is none", ["proxy", "--socks5", "web:1080"], /web:1080/],
  ["a port for a proxy that is none", ["proxy", "--socks5", "65536"], /65536/],
  ["a forwarded port that is none", ["forward", "8080:web"], /8080:web/, /8080:web:80/],
  ["an offer that is none", ["offer", "web"], /offer web/, /80=3000/],
  ["an offer of the agent that is none", ["--leader", "--offer", "80=a:b"], /--offer 80=a:b/],
  ["an option of other commands alone", ["--json"], /--json/, /other commands.*`weft status`/],
  ["a value of an option that takes none", ["status", "--watch=5"], /--watch=5/, /--watch takes no value/],
  ["a start among commands", ["status", "--leader"], /--leader/, /`weft --leader` starts/],
  ["a start among options of up", ["up", "--join", "x"], /--join/, /`weft --join TOKEN` joins/],
  ["an agent's option where one runs", ["status", "--port", "1"], /--port/, /`weft up --help`/],
  ["a value for --leader", ["--leader", "lead"], /--leader takes no value/, /--name NAME/],
  ["both starts, with what each does", ["--leader", "--join", "x"], /both/, /`weft --join TOKEN` joins/],
  ["a word for --join", ["join", "x"], /weft join/, /`weft --join TOKEN`/],
  ["a token alone", ["weft1-abc"], /Unknown command/, /`weft --join TOKEN`/],
  [
    "a word that is nearly a command behind a start",
    ["--join", "weft1-x", "stauts"],
    /weft stauts/,
    /status/,
  ],
  ["leader as a word", ["leader"], /list, promote, demote/, /`weft --leader` starts/],
  ["get among settings", ["config", "get", "port"], /weft config get/, /`weft config show`/],
  ["stop", ["stop"], /weft stop/, /`weft down`/],
  ["the beginning of a command", ["comp"], /weft comp/, /`weft completions`/],
  ["a name behind peer", ["peer", "web-1"], /weft peer web-1/, /`weft peer show NAME`/],
  ["a name behind peers", ["peers", "web-1"], /web-1/, /`weft peer show NAME`/],
  ["a name behind status", ["status", "web-1"], /web-1/, /`weft peer show NAME`/],
  ["a state before no command", ["peer", "-s", "/s"], /weft peer needs a command/],
  ["an empty topic", ["publish", ""], /<topic> is empty/, /`weft publish --help`/],
  ["no peer, with an example", ["ping"], /<peer>/, /`weft ping web-1 --count 5`/],
  ["no token, with an example", ["--join"], /--join/, /`weft --join weft1-…`/],
  ["no place for a proxy, with an example", ["proxy"], /--socks5/, /`weft proxy --socks5 /],
  ["lines beyond what is kept", ["logs", "-n", "1001"], /--lines 1001.* 1 to 1000/],
  ["a level that there is not", ["logs", "level", "mesh=loud"], /mesh=loud/, /debug, info/],
  ["a part that there is not", ["logs", "level", "moon=debug"], /moon=debug/, /mesh/],
  ["an unknown shell", ["completions", "tcsh"], /tcsh/, /bash/],
];
for (const [name, args, says, hints] of wrong) {
  Deno.test(`main() refuses ${name}`, async () => {
    const ports = new SamplePorts();
    ports.files.set("broken", "prot: 1");
    const { code } = await run(args, ports);
    assert.equal(code, 2, ports.stderr);
    const [line = "", hint = "", ...rest] = ports.stderr.split("\n");
    assert.deepEqual(rest, [""]);
    assert.match(line, says);
    assert.match(line, /^weft: (?!error)/);
    assert.match(hint, /^hint: \S/);
    if (hints) assert.match(hint, hints);
    assert.equal(ports.stdout, "");
    assert(!ports.diary.includes("start"));
    assert(!ports.stderr.includes("banana") || name !== "a token that is none", "tokens are not repeated");
  });
}

Deno.test("main() prints help and version to standard output", async () => {
  for (const args of [["--help"], ["help"], [], ["up", "--help"], ["help", "status"], ["token", "--help"]]) {
    const { code, ports } = await run(args);
    assert.equal(code, 0, args.join(" "));
    assert.match(ports.stdout, /Usage: weft/);
    assert.equal(ports.stderr, "");
  }
  for (const args of [["--version"], ["-V"], ["-v"], ["version"]]) {
    const { code, ports } = await run(args);
    assert.deepEqual([code, ports.stdout, ports.stderr], [0, "0.1.0\n", ""], args[0]);
    // Without the commands, where that is possible, it says the same.
    const plain = new SamplePorts();
    assert.deepEqual([await entry(args, plain), plain.stdout, plain.stderr], [0, "0.1.0\n", ""], args[0]);
  }
});

Deno.test("main() ends in silence when nobody reads the version, and says when it can't be written", async () => {
  const outcomes: readonly (readonly [Error, number, RegExp])[] = [
    [new OutputClosedError(undefined), 0, /^$/],
    [new OutputFailedError("Cannot write: the disk is full"), 1, /^weft: Cannot write: the disk is full\n/],
  ];
  for (const [failure, code, says] of outcomes) {
    for (const start of [entry, main]) {
      const ports = new SamplePorts();
      ports.terminal.out = () => {
        throw failure;
      };
      assert.equal(await start(["--version"], ports), code);
      assert.match(ports.stderr, says);
    }
  }
});

Deno.test("every command has help with an example", async () => {
  const commands =
    "up,down,logs,version,status,peers,peers show,peer list,peer show,ping,token create,token list,token revoke,peer add,peer hub,peer remove,dns list,dns add,dns remove,dns query,wg,doctor,cleanup,netcheck,install,uninstall,completions,service list,service show,service pause,service resume,call,publish,subscribe,proxy,forward,offer";
  for (const command of commands.split(",")) {
    const { ports } = await run([...command.split(" "), "--help"]);
    assert.match(ports.stdout, /Examples?:\n {2}[#$] weft /, command);
  }
});

/** Starts, and stops as soon as it runs. */
async function startAndStop(args: readonly string[], ports = new SamplePorts()): Promise<SamplePorts> {
  const running = main(args, ports);
  for (let turn = 0; turn < 5000 && ports.stdout === ""; turn++) await Promise.resolve();
  ports.stopSignal();
  assert.equal(await running, 0, ports.stderr);
  return ports;
}

Deno.test("main() starts a leader with the options of the line, the environment and the file", async () => {
  const ports = new SamplePorts();
  ports.files.set("weft.yaml", "mtu: 1300\nport: 3\nname: file\n");
  Object.assign(ports.environment, { WEFT_PORT: "2", WEFT_STATE: "/env", WEFT_CONFIG: "weft.yaml" });
  const line =
    "--leader --port 1 --endpoint 192.0.2.1:1 --endpoint 192.0.2.2:2 --label a=b --label c=d --rootless";
  await startAndStop([...line.split(" "), "--status-port", "off", "--cidr", "10.9.0.0/16"], ports);
  const { options } = ports;
  assert(options);
  assert.equal(options.port, 1);
  assert.equal(options.stateDir, "/env");
  assert.equal(options.mtuBytes, 1300);
  assert.equal(options.name, "file");
  assert.equal(options.rootless, true);
  assert.equal(options.statusPort, "off");
  assert.equal(`${options.cidr}`, "10.9.0.0/16");
  assert.deepEqual(options.endpoints.map(String), ["192.0.2.1:1", "192.0.2.2:2"]);
  assert.deepEqual(options.labels, { a: "b", c: "d" });
  assert.match(ports.stdout, /^weft --join weft1-fresh$/m);
});

Deno.test("--discovery-dht is off unless it is said, and its nodes may be several", async () => {
  const quiet = await startAndStop(["up"]);
  assert.equal(quiet.options?.discoveryDht, false);
  const bootstrap = ["--discovery-dht-bootstrap", "192.0.2.7:6881"];
  const told = await startAndStop([
    "up",
    "--discovery-dht",
    ...bootstrap,
    bootstrap[0] ?? "",
    "dht.example:1",
  ]);
  assert.equal(told.options?.discoveryDht, true);
  assert.deepEqual(told.options?.discoveryDhtBootstrap, [
    { hostname: "192.0.2.7", port: 6881 },
    { hostname: "dht.example", port: 1 },
  ]);
});

Deno.test("--no-discovery and its counterpart win over the environment, which stands without them", async () => {
  const cases = [[[], "no", false], [[], undefined, true], [["--no-discovery"], "yes", false], [
    ["--discovery"],
    "no",
    true,
  ]] as const;
  for (const [flags, variable, discovery] of cases) {
    const ports = new SamplePorts();
    if (variable !== undefined) ports.environment.WEFT_DISCOVERY = variable;
    await startAndStop(["up", "--discovery-peer", "192.0.2.7", ...flags], ports);
    assert.equal(ports.options?.discovery, discovery, `${flags} ${variable}`);
    assert.deepEqual(ports.options?.discoveryPeers.map(String), ["192.0.2.7:45678"]);
  }
});

Deno.test("main() joins by a token from the line, a file, or standard input", async () => {
  const fileWith = (path: string, text: string) => {
    const ports = new SamplePorts();
    ports.files.set(path, text);
    return ports;
  };
  const direct = await startAndStop(["--join", "weft1-abc", "--state", "/s"]);
  assert.equal(direct.diary[0], "join weft1-abc");
  assert.equal(direct.options?.stateDir, "/s");
  const fromFile = await startAndStop(["--join-file", "t"], fileWith("t", "weft --join weft1-def\n"));
  assert.equal(fromFile.diary[0], "join weft1-def");
  const fromInput = await startAndStop(["--join", "-"], fileWith("-", " weft1-ghi\n"));
  assert.deepEqual(fromInput.diary.slice(0, 2), ["asked Token: ", "join weft1-ghi"]);
});

Deno.test("main() takes no token from a file that others can write, and says when they can read it", async () => {
  const ports = new SamplePorts();
  ports.files.set("t", "weft1-def\n");
  ports.access.set("t", "write");
  assert.equal(await entry(["--join-file", "t"], ports), 2);
  assert.match(
    ports.stderr,
    /^weft: Cannot use the token in t: every user .* change it\nhint: `chmod 600 t`.*\n$/,
  );
  assert.deepEqual(ports.diary, []);
  const readable = new SamplePorts();
  readable.files.set("t", "weft1-def\n");
  readable.access.set("t", "read");
  await startAndStop(["--join-file", "t"], readable);
  assert.equal(readable.diary[0], "join weft1-def");
  assert.match(readable.stderr, /^weft: Other users of this machine can read t\nhint: `chmod 600 t`.*\n/);
});

Deno.test("main() says whose arguments show a token all the same", async () => {
  const ports = new SamplePorts();
  ports.shownTokens = [{ pid: 7, program: "su\x1bdo" }, { pid: 6, program: "npx" }];
  await entry(["--version"], ports);
  const says = /^weft: .* arguments of su\\x1bdo, process 7; npx, process 6\nhint: `weft --join -` .*\n$/;
  assert.match(ports.stderr, says);
});

Deno.test("main() resumes, with options before or after the command", async () => {
  for (const args of [["up", "--state", "/s"], ["--state", "/s", "up"]]) {
    const ports = await startAndStop(args);
    assert.equal(ports.diary[0], "load");
    assert.equal(ports.options?.stateDir, "/s");
  }
});

Deno.test("main() reports what fails in one line and exits with 1", async () => {
  const ports = new SamplePorts();
  ports.overlay.start = () => Promise.reject(new TypeError("a\nb"));
  assert.equal(await main(["up"], ports), 1);
  assert.match(ports.stderr, /^weft: Something failed that should not: a b\nhint: .*WEFT_DEBUG.*\n$/);
  Object.assign(ports.environment, { WEFT_DEBUG: "1" });
  ports.stderr = "";
  await main(["up"], ports);
  assert.match(ports.stderr, /\n\s+at /);
});

Deno.test("main() says that no agent runs, and with which state", async () => {
  for (const args of [["status"], ["peers"], ["ping", "a"], ["token", "list"], ["peer", "remove", "a"]]) {
    const { code, ports } = await run([...args, "--state", "/nonexistent/state"]);
    assert.equal(code, 1);
    assert.match(ports.stderr, /^weft: .*\/nonexistent\/state\nhint: .*weft up.*\n$/);
  }
});

Deno.test("a line that starts a node begins to load its agent at once, unless it can have no interface", async () => {
  const begins = async (args: readonly string[], environment: Record<string, string> = {}, isRoot = true) => {
    const ports = new SamplePorts();
    Object.assign(ports.process, { environment, isRoot });
    await entry(args, ports);
    return ports.begun;
  };
  for (const args of [["up", "--nosuch"], ["--leader", "--nosuch"], ["--nosuch", "--join", "x"]]) {
    assert.equal(await begins(args), 1, args.join(" "));
    assert.equal(await begins([...args, "--rootless"]), 0);
    assert.equal(await begins([...args, "--dataplane", "portable"]), 0);
    assert.equal(await begins(args, { WEFT_ROOTLESS: "true" }), 0);
    assert.equal(await begins(args, {}, false), 0);
  }
  for (const args of [["status"], ["peers", "up"], ["--help"]]) assert.equal(await begins(args), 0);
});

Deno.test("each of the commands is added by what its first word stands for, alone and with the same options", () => {
  const context = { ports: new SamplePorts(), exitCode: 0 };
  const whole = makeProgram(context);
  const shape = (command: AnyCommand): unknown => [
    command.name(),
    command.aliases(),
    command.options.map(({ flags }) => flags),
    command.commands.map((each) => shape(each as AnyCommand)),
  ];
  const names = whole.commands.map((command) => command.name()).filter((name) => name !== "help");
  assert.deepEqual([...COMMAND_ADDERS.keys()], names);
  for (const [word, add] of COMMAND_ADDERS) {
    const group: AnyCommand = new Command("weft") as AnyCommand;
    add(group, context);
    addAliases(group);
    const alone = commandNamed(group, word) ?? assert.fail(word);
    assert.deepEqual(shape(alone), shape(commandNamed(whole, word) ?? assert.fail(word)));
    for (const each of group.commands) assert.equal(COMMAND_ADDERS.get(each.name()), add, each.name());
  }
});

Deno.test("main() answers shells with every command that is shown", async () => {
  const program = makeProgram({ ports: new SamplePorts(), exitCode: 0 });
  const ask = async (words: readonly string[]) => {
    const ports = new SamplePorts();
    ports.files.set("-", ["weft", ...words].map((word) => `${word}\0`).join(""));
    assert.equal(await main(["complete", "fish"], ports), 0);
    assert.equal(ports.stderr, "");
    return ports.stdout.split("\n").map((line) => line.split("\t")[0]);
  };
  const check = async (command: AnyCommand, path: readonly string[]) => {
    const help = command.createHelp();
    const below = help.visibleCommands(command as never).map((each) => each.name());
    const answer = await ask([...path, ""]);
    assert.deepEqual(below.filter((name) => !answer.includes(name)), [], path.join(" "));
    const options = help.visibleOptions(command as never).map(({ long }) => long ?? "");
    const flags = await ask([...path, "-"]);
    assert.deepEqual(options.filter((flag) => !flags.includes(flag)), [], path.join(" "));
    for (const each of help.visibleCommands(command as never)) {
      await check(each as AnyCommand, [...path, each.name()]);
    }
  };
  await check(program, []);
  for (const shell of ["bash", "zsh", "fish"]) {
    assert.match((await run(["completions", shell])).ports.stdout, /complete (bash|zsh|fish) 2>/);
  }
});

Deno.test("main() prints a unit without a token", async () => {
  const { stdout } = (await run(["install", "--print", "--state", "/var/lib/a b"])).ports;
  assert.match(stdout, /^ExecStart=.* up --state "\/var\/lib\/a b"$/m);
  const relative = (await run(["install", "--print", "--state", "here"])).ports;
  assert.ok(relative.stdout.includes(` up --state ${Deno.cwd()}/here\n`), relative.stdout);
});

Deno.test({
  name: "main() makes root run nothing that others can change",
  ignore: Deno.build.os !== "linux",
  async fn() {
    const folder = await Deno.makeTempDir();
    try {
      const { code, ports } = await run(["install", "--state", folder]);
      assert.equal(code, 1);
      assert.equal(ports.stdout, "");
      assert.match(
        ports.stderr,
        /^weft: Cannot let root run weft with \/.*: (it|other) .*\nhint: .*\/usr\/local\/bin\/weft/,
      );
      for (const wrong of [["install", "--name", "../x"], ["uninstall", "--name", "weft.service"]]) {
        const refused = await run(wrong);
        assert.equal(refused.code, 2);
        assert.match(refused.ports.stderr, /^weft: Cannot call a unit .*\nhint: .*\n$/);
      }
      const printed = (await run(["install", "--print", "--state", folder])).ports;
      assert.match(printed.stdout, /^ExecStart=/m);
      assert.match(printed.stderr, /^weft: Cannot let root run weft with /);
    } finally {
      await Deno.remove(folder);
    }
  },
});

Deno.test("a command that is none is said to be none, whatever options stand behind it", async () => {
  const ports = new SamplePorts();
  assert.equal(await main(["members", "--json"], ports), 2);
  assert.equal(ports.stderr, "weft: Unknown command: weft members\nhint: `weft peers` lists the members.\n");
});
