/**
 * Tables of nftables, through its program.
 * @module
 */

import { HostError, NotPermittedError } from "../host_error.ts";

/** Rules for packets, as a port: tests have one that notes what it is told. */
export interface PacketFilter {
  /** Carries out commands of nft(8), all of them or none. @throws HostError, NotPermittedError */
  apply(commands: string): void;
  /** Removes a table of the family `inet`; harmless when there is none. @throws HostError, NotPermittedError */
  removeTable(name: string): void;
}

/** nft(8), in the namespace that the process is in. A call takes some milliseconds. */
export class NftProgram implements PacketFilter {
  readonly #program: string;

  /** @param program where it is, for tests */
  constructor(program = "nft") {
    this.#program = program;
  }

  apply(commands: string): void {
    const what = "lead out of overlay networks";
    let failed: string | undefined;
    try {
      const { success, stderr } = new Deno.Command(this.#program, {
        args: [commands],
        stdin: "null",
        stdout: "null",
        stderr: "piped",
        // Its folder is not on every account's path.
        env: { PATH: `${Deno.env.get("PATH") ?? ""}:/usr/sbin:/sbin` },
      }).outputSync();
      if (!success) failed = new TextDecoder().decode(stderr);
    } catch (cause) {
      if (!(cause instanceof Deno.errors.NotFound)) throw cause;
      throw new HostError(`Cannot ${what}: the program nft is not there`, {
        hint: "Install it, as with `apt-get install nftables`; then start the agent again.",
        cause,
      });
    }
    if (failed === undefined) return;
    if (/not permitted/i.test(failed)) throw new NotPermittedError(what);
    throw new HostError(`Cannot ${what}: nft says ${JSON.stringify(failed.split("\n")[0] ?? "")}`, {
      hint: "See whether `nft list tables` works; the kernel needs nf_tables with masquerading.",
    });
  }

  removeTable(name: string): void {
    this.apply(`table inet ${name} ; delete table inet ${name}`);
  }
}
