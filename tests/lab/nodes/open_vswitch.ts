/**
 * Open vSwitch without its kernel module: its userspace datapath on a host of the lab.
 * @module
 */

import { type CapturedProcess, expectRun } from "../captured_process.ts";
import type { Host } from "../lab.ts";
import { waitFor } from "../wait_for.ts";

/** Programs that it needs. */
export const OPEN_VSWITCH = ["ovs-vsctl", "ovsdb-tool", "ovsdb-server", "ovs-vswitchd", "nft"] as const;

const SCHEMA = "/usr/share/openvswitch/vswitch.ovsschema";

/** A port of a switch that leads to another host. */
export interface Tunnel {
  /** Of the port, different for each. */
  readonly name: string;
  readonly type: "vxlan" | "geneve" | "gre";
  /** The other host's outside address. */
  readonly remote: string;
  /** VNI or key. */
  readonly key: number;
}

/**
 * One Open vSwitch. Its datapath wants the host's outside address on a switch of its own, in which `eth0` is a port:
 *
 *     programs ─ br-int (a TAP with the inner address) ─ tunnel ports ─ br-phy (a TAP with the outside address) ─ eth0
 *
 * The host's kernel no longer listens at `eth0`, or it would answer a second time. Open vSwitch reads frames there by a
 * packet socket and takes none that is longer than the link, so who sends to it cuts them first (`cutWhatIsSent`).
 * Disposing it ends both of its programs; the host stays as it is.
 */
export class OpenVSwitch implements AsyncDisposable {
  readonly #host: Host;
  readonly #folder: string;
  readonly #processes: AsyncDisposableStack;
  #vswitchd: CapturedProcess | undefined;

  private constructor(host: Host, processes: AsyncDisposableStack) {
    this.#host = host;
    this.#folder = `${host.folder}/ovs`;
    this.#processes = processes;
  }

  /** Starts it on a host, and takes the outside IPv4 address over. */
  static async start(host: Host): Promise<OpenVSwitch> {
    await using processes = new AsyncDisposableStack();
    const started = new OpenVSwitch(host, processes);
    await started.#startPrograms();
    await started.#takeOutside();
    return new OpenVSwitch(host, processes.move()).#with(started.#vswitchd);
  }

  /** Makes the switch `br-int` with these tunnels, between which nothing passes, and gives it an inner address. */
  async connect(tunnels: readonly Tunnel[], inner: { cidr: string; mtuBytes: number }): Promise<void> {
    const ports = tunnels.flatMap(({ name, type, remote, key }) => [
      ...["--", "add-port", "br-int", name, "--", "set", "port", name, "other_config:protected=true"],
      ...["--", "set", "interface", name, `type=${type}`],
      ...[`options:remote_ip=${remote}`, `options:key=${key}`],
    ]);
    await this.vsctl("add-br", "br-int", "--", "set", "bridge", "br-int", "datapath_type=netdev", ...ports);
    await this.#host.namespace.ip(
      `link set br-int mtu ${inner.mtuBytes} up`,
      `addr add ${inner.cidr} dev br-int`,
    );
  }

  /** Takes the switch `br-int` and its tunnels away. */
  async disconnect(): Promise<void> {
    await this.vsctl("del-br", "br-int");
  }

  /** The id of the program that carries frames. */
  get pid(): number {
    if (this.#vswitchd === undefined) throw new Error("Open vSwitch was not started");
    return this.#vswitchd.pid;
  }

  /** Runs `ovs-vsctl`. @returns its output @throws Error when it fails */
  vsctl(...command: readonly string[]): Promise<string> {
    return this.#host.namespace.expectRun(
      ["ovs-vsctl", "--timeout=10", `--db=unix:${this.#folder}/db.sock`, ...command],
      { env: this.#environment },
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#processes.disposeAsync();
  }

  /** All its files are in the host's folder, so several run at once. */
  get #environment(): Record<string, string> {
    const folders = ["OVS_RUNDIR", "OVS_DBDIR", "OVS_LOGDIR", "OVS_SYSCONFDIR"];
    return Object.fromEntries(folders.map((name) => [name, this.#folder]));
  }

  #with(vswitchd: CapturedProcess | undefined): this {
    this.#vswitchd = vswitchd;
    return this;
  }

  async #startPrograms(): Promise<void> {
    const [folder, env] = [this.#folder, this.#environment];
    await Deno.mkdir(folder);
    await expectRun(["ovsdb-tool", "create", `${folder}/conf.db`, SCHEMA], { env });
    const spawn = (program: string, ...args: readonly string[]) =>
      this.#processes.use(this.#host.namespace.spawn(
        [program, ...args, `--unixctl=${folder}/${program}.ctl`, `--pidfile=${folder}/${program}.pid`],
        { env },
      ));
    const database = spawn("ovsdb-server", `${folder}/conf.db`, `--remote=punix:${folder}/db.sock`);
    await database.until(() => exists(`${folder}/db.sock`), 5_000, "its socket is there");
    await this.vsctl("--no-wait", "init");
    this.#vswitchd = spawn("ovs-vswitchd", `unix:${folder}/db.sock`);
  }

  async #takeOutside(): Promise<void> {
    const { namespace, address4, address6 } = this.#host;
    const mac = (await namespace.expectRun(["cat", "/sys/class/net/eth0/address"])).trim();
    await this.vsctl(
      ...["add-br", "br-phy", "--", "set", "bridge", "br-phy", "datapath_type=netdev"],
      ...[`other-config:hwaddr=${mac}`, "--", "add-port", "br-phy", "eth0"],
    );
    await namespace.expectRun([
      "nft",
      "table netdev lab { chain ingress { type filter hook ingress device eth0 priority 0 ; drop ; } ; }",
    ]);
    await namespace.ip(
      "addr flush dev eth0",
      `addr add ${address4}/24 dev br-phy`,
      `addr add ${address6}/64 dev br-phy nodad`,
      "link set br-phy up",
    );
    await waitFor(() => namespace.hasInterface("br-phy"), 5_000, { what: "br-phy is there" });
  }
}

/** Has a host send frames no longer than its link, with complete checksums, as over a cable. */
export async function cutWhatIsSent(host: Host): Promise<void> {
  await host.namespace.expectRun(["ethtool", "-K", "eth0", "tso", "off", "gso", "off", "tx", "off"]);
}

async function exists(path: string): Promise<boolean> {
  return await Deno.lstat(path).then(() => true, () => false);
}
