/**
 * The program of a server on this host: where it is, which version, and whether it may be run.
 * @module
 */

import { untrustedPart } from "../../host/mod.ts";
import { InvalidRequestError } from "../errors.ts";
import { isAtLeast, parseVersion } from "./server_config.ts";

/** The oldest version that keeps a log as weft needs it. */
const LEAST_VERSION = [2, 9] as const;
const VERSION_MS = 10_000;

/** A program that may be run. */
export interface ServerProgram {
  readonly path: string;
  readonly version: string;
  /** Changes when another file is there. */
  readonly mark: string;
  /** What starts it so that it ends with this process. */
  readonly launcher: string;
}

/**
 * Looks for the program, and asks for its version.
 * @param named an absolute path; on the `PATH` unless given
 * @throws InvalidRequestError that says why there is none
 */
export async function findServerProgram(named: string | undefined): Promise<ServerProgram> {
  const launcher = onPath("setpriv");
  if (launcher === undefined) {
    throw new InvalidRequestError("Cannot run nats-server: setpriv of util-linux is not on the PATH", {
      hint: "It has the server end with weft; it is there on every Linux with util-linux.",
    });
  }
  const path = named ?? onPath("nats-server");
  if (path === undefined) {
    throw new InvalidRequestError("Cannot run nats-server: it is not on the PATH of the agent", {
      hint: "Install it, as in `apt install nats-server`, or name it by --nats-server.",
    });
  }
  const mark = markOf(path);
  if (mark === undefined) throw new InvalidRequestError(`Cannot run ${path}: there is no such program`);
  const owner = { uid: Deno.uid() ?? 0, gid: Deno.gid() ?? 0 };
  const untrusted = untrustedPart(path, undefined, owner);
  if (untrusted !== undefined) {
    throw new InvalidRequestError(`Cannot run ${path}: others could change it (${untrusted.path})`, {
      hint: `${untrusted.why}.`,
    });
  }
  const version = await versionOf(path);
  if (version === undefined || !isAtLeast(version, LEAST_VERSION)) {
    throw new InvalidRequestError(
      `Cannot run ${path}: it is ${version === undefined ? "no nats-server" : `of version ${version}`}`,
      { hint: `nats-server ${LEAST_VERSION.join(".")} or later is needed.` },
    );
  }
  return { path, version, mark, launcher };
}

/** @returns what changes when another file is there; undefined when none is */
export function markOf(path: string): string | undefined {
  try {
    const { ino, size, mtime, isFile } = Deno.statSync(path);
    return isFile ? `${ino} ${size} ${mtime?.getTime()}` : undefined;
  } catch {
    return undefined;
  }
}

function onPath(name: string): string | undefined {
  for (const folder of (Deno.env.get("PATH") ?? "").split(":")) {
    if (folder.startsWith("/") && markOf(`${folder}/${name}`) !== undefined) return `${folder}/${name}`;
  }
  return undefined;
}

async function versionOf(path: string): Promise<string | undefined> {
  try {
    const { stdout } = await new Deno.Command(path, {
      args: ["--version"],
      stderr: "null",
      signal: AbortSignal.timeout(VERSION_MS),
    }).output();
    return parseVersion(new TextDecoder().decode(stdout.subarray(0, 256)));
  } catch {
    return undefined;
  }
}
