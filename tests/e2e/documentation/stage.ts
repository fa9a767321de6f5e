/**
 * A network for the documented commands to run in: `alpha` leads it, `web-1` is a member that runs, and `spare` one
 * that does not, on a host that may be used for others. All state is in folders of the lab.
 * @module
 */

import { fileURLToPath } from "node:url";
import {
  CapturedProcess,
  expectRun,
  type Finished,
  type Host,
  type Lab,
  nodeOn,
  run,
  serveName,
  type SpawnOptions,
  startMesh,
  untilAllKnowAll,
  weftCommand,
  type WeftNode,
} from "../../lab/mod.ts";

const RESOLVER = "192.0.2.253";
const CHECKOUT = fileURLToPath(new URL("../../../", import.meta.url));
const LAUNCHER = `${CHECKOUT}bin/weft`;
const here = fileURLToPath(new URL("./", import.meta.url));

/** Where a line is run. */
export type StageHost = "alpha" | "web-1" | "spare";

/** The hosts that the lab has to have. */
export const STAGE_HOSTS: readonly StageHost[] = ["alpha", "web-1", "spare"];

/** The network, and a shell on each of its hosts in which `weft` is this project's program. */
export class Stage {
  readonly #lab: Lab;
  readonly #tools: string;
  readonly #spare: WeftNode;
  /** The token that the leader printed. */
  readonly token: string;

  private constructor(lab: Lab, tools: string, spare: WeftNode, token: string) {
    this.#lab = lab;
    this.#spare = spare;
    this.#tools = tools;
    this.token = token;
  }

  /** Starts the network and what its nodes offer. */
  static async start(lab: Lab): Promise<Stage> {
    const tools = `${lab.scratch.path}/tools`;
    await Deno.mkdir(tools);
    await writeProgram(`${tools}/weft`, `exec ${weftCommand().map(quoted).join(" ")} "$@"`);
    // A unit runs the launcher; what that puts beside the sources it has to fetch before it is in a namespace.
    await expectRun([LAUNCHER, "--version"]);
    await writeProgram(`${tools}/deno`, `exec ${quoted(Deno.execPath())} "$@"`);
    // What it does is the service manager's own affair, and none runs here.
    await writeProgram(`${tools}/systemctl`, 'echo systemctl "$@"');
    // The server that all hosts of the lab are told to ask.
    await lab.host("spare").namespace.ip(`addr add ${RESOLVER}/24 dev eth0`);
    const www = { zone: "example.com", name: "www.example.com", address: "192.0.2.80" };
    lab.use(await serveName(lab.host("spare").namespace, `${RESOLVER}:53`, www));
    const { nodes, token } = await startMesh(lab, ["alpha", "web-1"], {
      leaderOptions: ["--dns-forward", "system"],
    });
    await untilAllKnowAll(nodes);
    const spare = nodeOn(lab, "spare");
    await spare.start("--join", token);
    await spare.stop();
    const stage = new Stage(lab, tools, spare, token);
    await stage.expectRun(
      "alpha",
      "weft grant add web-1 --offer math --offer report --publish 'orders/>' --publish 'sensors/>'",
    );
    await stage.#serve("alpha", "3000", "5432");
    await stage.#serve("web-1", "80", "5432");
    return stage;
  }

  /** The state directory of the agent on a host. */
  stateDir(host: StageHost): string {
    return `${this.#lab.host(host).folder}/state`;
  }

  /** Runs a line of a shell on a host to its end. */
  run(host: StageHost, line: string): Promise<Finished> {
    return run(this.#host(host).namespace.command(["bash", "-c", line]), this.#spawnOptions(host));
  }

  /** Runs a line that has to succeed. @returns what it printed @throws Error when it fails */
  async expectRun(host: StageHost, line: string): Promise<string> {
    const shell = this.#host(host).namespace.command(["bash", "-c", line]);
    return await expectRun(shell, this.#spawnOptions(host));
  }

  /** Starts a line that ends when it is told to. */
  spawn(host: StageHost, line: string): CapturedProcess {
    const shell = this.#host(host).namespace.command(["bash", "-c", line]);
    return new CapturedProcess(shell, { ...this.#spawnOptions(host), label: line });
  }

  /** Runs the agent of the spare host until it is disposed of. */
  async startSpare(): Promise<AsyncDisposable> {
    await this.#spare.start("up");
    return { [Symbol.asyncDispose]: async () => void await this.#spare.stop() };
  }

  #host(name: StageHost): Host {
    return this.#lab.host(name);
  }

  #spawnOptions(host: StageHost): SpawnOptions {
    const { folder } = this.#host(host);
    return {
      cwd: folder,
      env: {
        PATH: `${this.#tools}:${Deno.env.get("PATH") ?? ""}:/usr/sbin:/sbin`,
        HOME: folder,
        CHECKOUT,
        NO_COLOR: "1",
        WEFT_STATE: this.stateDir(host),
      },
    };
  }

  async #serve(host: StageHost, ...ports: readonly string[]): Promise<void> {
    const program = [
      Deno.execPath(),
      "run",
      "--quiet",
      "--no-check",
      "-A",
      "--config",
      `${CHECKOUT}deno.json`,
    ];
    const command = [...program, `${here}stage_program.ts`, this.stateDir(host), ...ports];
    const process = this.#lab.use(this.#host(host).namespace.spawn(command, { label: `${host}: services` }));
    await process.until(({ stdout }) => stdout.includes("ready"), 20_000, "it is ready");
  }
}

async function writeProgram(path: string, text: string): Promise<void> {
  await Deno.writeTextFile(path, `#!/bin/sh\n${text}\n`, { mode: 0o755 });
}

function quoted(word: string): string {
  return `'${word.replaceAll("'", `'\\''`)}'`;
}
