/**
 * A network namespace as a thing that is made, used and removed.
 * @module
 */

import {
  CapturedProcess,
  expectRun,
  type Finished,
  run,
  type RunOptions,
  type SpawnOptions,
} from "./captured_process.ts";
import { waitFor } from "./wait_for.ts";

/** Names begin with the maker's process id, so that what a dead process left can be told from what is in use. */
const NAME_PATTERN = /^weft-(\d+)-[0-9a-f]{8}-/;

/** Nobody listens there (RFC 5737 §3). */
const LAB_RESOLVER_CONF = "# of the lab\nnameserver 192.0.2.253\noptions timeout:1 attempts:1\n";

/** Where programs run: in a network namespace, or simply on this machine. */
export interface Place {
  /** What it is called in messages. */
  readonly label: string;
  /** @returns the command that runs `command` there */
  command(command: readonly string[]): readonly string[];
}

/** This machine itself. */
export const thisMachine: Place = { label: "this machine", command: (command) => command };

/** Files here stand in for those of /etc inside a namespace (ip-netns(8)). */
const ETC_FOLDER = "/etc/netns";

/**
 * One network namespace. The loopback is up, and /etc/resolv.conf is a file of its own. Disposing it ends every process
 * inside and removes it.
 */
export class NetworkNamespace implements Place, AsyncDisposable {
  readonly label: string;
  /** The name that `ip netns` knows. */
  readonly name: string;

  private constructor(label: string, name: string) {
    this.label = label;
    this.name = name;
  }

  /** Makes a namespace, and removes those whose makers are gone. */
  static async create(label: string): Promise<NetworkNamespace> {
    await removeLeftOvers();
    const unique = crypto.getRandomValues(new Uint8Array(4)).toHex();
    const namespace = new NetworkNamespace(label, `weft-${Deno.pid}-${unique}-${label}`);
    // Before anything can run inside: this machine's own resolver is never touched.
    await Deno.mkdir(`${ETC_FOLDER}/${namespace.name}`, { recursive: true });
    await Deno.writeTextFile(namespace.resolverConfPath, LAB_RESOLVER_CONF);
    await expectRun(["ip", "netns", "add", namespace.name]);
    await namespace.ip("link set lo up");
    return namespace;
  }

  /** What programs inside read as /etc/resolv.conf. */
  get resolverConfPath(): string {
    return `${ETC_FOLDER}/${this.name}/resolv.conf`;
  }

  command(command: readonly string[]): readonly string[] {
    return ["ip", "netns", "exec", this.name, ...command];
  }

  /** Starts a program inside. `ip netns exec` becomes the program, so the process id is the program's own. */
  spawn(command: readonly string[], options: SpawnOptions = {}): CapturedProcess {
    return new CapturedProcess(this.command(command), { label: `${this.label}: ${command[0]}`, ...options });
  }

  /** Runs a program inside to its end. */
  run(command: readonly string[], options: RunOptions = {}): Promise<Finished> {
    return run(this.command(command), options);
  }

  /** Runs a program inside that must succeed. @returns its standard output @throws Error when it fails */
  expectRun(command: readonly string[], options: RunOptions = {}): Promise<string> {
    return expectRun(this.command(command), options);
  }

  /** Runs `ip` commands for this namespace one after the other. @throws Error when one fails */
  async ip(...commands: readonly string[]): Promise<void> {
    for (const command of commands) await expectRun(["ip", "-n", this.name, ...command.split(" ")]);
  }

  /** @returns the parsed answer of `ip -json` for this namespace, for example `"route show table all"` */
  async ipJson<T = Record<string, unknown>>(command: string): Promise<T[]> {
    const text = await expectRun(["ip", "-n", this.name, "-json", ...command.split(" ")]);
    return text.trim() === "" ? [] : JSON.parse(text);
  }

  /** @returns whether an interface of that name exists inside */
  async hasInterface(name: string): Promise<boolean> {
    return (await run(["ip", "-n", this.name, "link", "show", "dev", name])).code === 0;
  }

  /** @returns the ids of the processes inside */
  async processes(): Promise<readonly number[]> {
    return await processesIn(this.name);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await removeNamespace(this.name);
  }
}

async function processesIn(name: string): Promise<readonly number[]> {
  const { stdout } = await run(["ip", "netns", "pids", name]);
  return stdout.split("\n").filter((line) => line !== "").map(Number);
}

async function removeNamespace(name: string): Promise<void> {
  for (const pid of await processesIn(name)) {
    try {
      Deno.kill(pid, "SIGKILL");
    } catch {
      // it is gone already
    }
  }
  await waitFor(async () => (await processesIn(name)).length === 0, 5_000, { what: `${name} is empty` });
  await run(["ip", "netns", "del", name]);
  await Deno.remove(`${ETC_FOLDER}/${name}`, { recursive: true }).catch(() => {});
}

/** Removes all that this process has made and still has: for one that is told to end at once. */
export function removeOwnNamespaces(): Promise<void> {
  return removeNamespaces((maker) => maker === Deno.pid);
}

function removeLeftOvers(): Promise<void> {
  return removeNamespaces((maker) => !isAlive(maker));
}

async function removeNamespaces(isUnwanted: (maker: number) => boolean): Promise<void> {
  const names = (await run(["ip", "netns", "list"])).stdout.split("\n").map((line) =>
    line.split(" ")[0] ?? ""
  );
  // A maker may have died between the two.
  const folders = await Array.fromAsync(Deno.readDir(ETC_FOLDER), ({ name }) => name).catch(() => []);
  for (const name of new Set([...names, ...folders])) {
    const maker = NAME_PATTERN.exec(name)?.[1];
    if (maker !== undefined && isUnwanted(Number(maker))) await removeNamespace(name);
  }
}

/** @returns whether a process of that id exists */
export function isAlive(pid: number): boolean {
  try {
    Deno.statSync(`/proc/${pid}`);
    return true;
  } catch {
    return false;
  }
}
