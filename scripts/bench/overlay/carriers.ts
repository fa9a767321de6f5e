/**
 * Who carries frames between two hosts of the lab, in the clear and inside of the mesh: ours, the kernel's vxlan device and
 * Open vSwitch's userspace datapath. All inner interfaces have the same MTU.
 * @module
 */

import { type Host, type Lab, OpenVSwitch, startFrameNodes } from "../../../tests/lab/mod.ts";
import { startPlainHost, vxlanTo } from "../../../tests/interop/overlay/plain_hosts.ts";

/** What all inner interfaces have: it fits behind the headers of each driver, in the clear and in the mesh. */
export const INNER_MTU_BYTES = 1370;

/** The wire formats. */
export const DRIVERS = ["vxlan", "geneve", "gre", "nvgre", "mpls-udp", "vlan"] as const;
/** One of them. */
export type Driver = typeof DRIVERS[number];

/** Two hosts that reach each other's inner addresses. */
export interface Carried {
  readonly from: Host;
  readonly to: Host;
  /** Of `to`, inside. */
  readonly address: string;
  /** The programs that carry; none of the kernel's own. */
  readonly pids: readonly number[];
}

/** Whoever carries by name of its column, then by driver. */
export type Carriers = ReadonlyMap<string, ReadonlyMap<Driver, Carried>>;

/** The names of the columns. */
export const COLUMNS = {
  plain: "weft, plain",
  kernel: "Linux",
  vswitch: "Open vSwitch, userspace",
  mesh: "weft, in the mesh",
  inner: "the mesh's own IP",
} as const;

/** Starts all of them. @param drivers which are measured */
export async function startCarriers(lab: Lab, drivers: readonly Driver[]): Promise<Carriers> {
  const carriers = new Map<string, Map<Driver, Carried>>(
    Object.values(COLUMNS).map((name) => [name, new Map<Driver, Carried>()]),
  );
  const add = (column: string, driver: Driver, carried: Carried) =>
    carriers.get(column)?.set(driver, carried);
  for (const driver of drivers) {
    add(COLUMNS.plain, driver, await plain(lab, driver));
    if (driver === "vxlan") add(COLUMNS.kernel, driver, await kernel(lab));
    if (driver === "vxlan" || driver === "geneve" || driver === "gre") {
      add(COLUMNS.vswitch, driver, await vswitch(lab, driver));
    }
  }
  const mesh = await startFrameNodes(lab, ["m1", "m2"], {
    choice: "fast",
    networks: drivers.map((driver, i) => ({
      name: `net${i}`,
      driver,
      identifier: identifierOf(driver),
      mtuBytes: INNER_MTU_BYTES,
      block: `10.77.${i}`,
    })),
  });
  const pids = mesh.map(({ process }) => process.pid);
  const [to, from] = [lab.host("m1"), lab.host("m2")];
  for (const [i, driver] of drivers.entries()) {
    add(COLUMNS.mesh, driver, { from, to, pids, address: `10.77.${i}.1` });
    // The same measurement each time, in turn with the one before it.
    add(COLUMNS.inner, driver, { from, to, pids, address: "10.201.0.1" });
  }
  return carriers;
}

/** @returns the names of the hosts that `startCarriers` needs */
export function hostNames(drivers: readonly Driver[]): readonly string[] {
  const pairs = drivers.flatMap((driver) => [`p-${driver}`, `o-${driver}`]);
  return [...pairs, "k", "m"].flatMap((name) => [`${name}1`, `${name}2`]);
}

async function plain(lab: Lab, driver: Driver): Promise<Carried> {
  const [to, from] = [lab.host(`p-${driver}1`), lab.host(`p-${driver}2`)];
  const start = (own: Host, other: Host, number: number) =>
    startPlainHost(lab, own, [{
      driver,
      identifier: identifierOf(driver),
      mtuBytes: INNER_MTU_BYTES,
      underlay: {
        kind: "plain",
        ...driver === "vlan" ? { interfaceName: "eth0" } : { localAddress: own.address4 },
      },
      remotes: [driver === "vlan" ? "link" : other.address4],
      tap: { name: "tap0", mac: `02:00:00:00:00:0${number}`, address: `10.76.0.${number}/24` },
    }]);
  const processes = [await start(to, from, 1), await start(from, to, 2)];
  return { from, to, address: "10.76.0.1", pids: processes.map(({ pid }) => pid) };
}

async function kernel(lab: Lab): Promise<Carried> {
  const [to, from] = [lab.host("k1"), lab.host("k2")];
  for (const [own, other, number] of [[to, from, 1], [from, to, 2]] as const) {
    const options = `remote ${other.address4}`;
    await vxlanTo(own, { identifier: identifierOf("vxlan"), address: `10.76.0.${number}/24`, options });
    await own.namespace.ip(`link set vx0 mtu ${INNER_MTU_BYTES}`);
  }
  return { from, to, address: "10.76.0.1", pids: [] };
}

async function vswitch(lab: Lab, type: "vxlan" | "geneve" | "gre"): Promise<Carried> {
  const [to, from] = [lab.host(`o-${type}1`), lab.host(`o-${type}2`)];
  const pids: number[] = [];
  for (const [own, other, number] of [[to, from, 1], [from, to, 2]] as const) {
    const started = lab.use(await OpenVSwitch.start(own));
    const tunnel = { name: "tunnel", type, remote: other.address4, key: identifierOf(type) };
    await started.connect([tunnel], { cidr: `10.76.0.${number}/24`, mtuBytes: INNER_MTU_BYTES });
    pids.push(started.pid);
  }
  return { from, to, address: "10.76.0.1", pids };
}

/** @returns one that the driver has: a VID has 12 bits, and a VSID more than that (RFC 7637 §3.2) */
export function identifierOf(driver: Driver): number {
  return (driver === "nvgre" ? 5000 : 1000) + DRIVERS.indexOf(driver);
}
